"""A gateway whose rows come from files, by the command `gateway load`."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.bench import answers
from tests.bench.contestants.gateway import Gateway
from tests.bench.files import Files
from tests.bench.measure import Measure, Sample, WrongAnswerError
from tests.bench.tables import Table


class LoadingGateway(Gateway):
    """The gateway, and the command while it runs: the memory of both counts."""

    def __init__(self, directory: Path, files: Files, table: Table, rows: int) -> None:
        super().__init__(directory, files, table, rows)
        self._commands: list[subprocess.Popen] = []

    def roots(self) -> list[int]:
        return [*super().roots(), *(command.pid for command in self._commands)]

    # -- measures

    def load(self, kind: str, rows: int) -> Measure:
        """Load a file of so many rows, again and again; the figure is rows a second of the whole command."""
        file = self._files.rows(self._table, rows, kind)

        def measure(seconds: float) -> Sample:
            took = []
            while sum(took) < seconds:
                began = time.perf_counter()
                said = self._run("load", "--again", self._table.name, file)
                took.append(time.perf_counter() - began)
                answers.require_same(said.partition(" rows")[0], f"{rows:,}")
            return Sample(rows / statistics.median(took), len(took) * rows)

        return measure

    def _run(self, *words: str | Path) -> str:
        given = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        told = {"GATEWAY_URL": self._server.url, "GATEWAY_TOKEN": self._secret}
        command = subprocess.Popen(
            [sys.executable, "-P", "-m", "gateway", *words],
            env={**given, **told, "PYTHONPATH": str(self.checkout)},
            cwd=self._directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._commands.append(command)
        said, complaint = command.communicate()
        self._commands.remove(command)
        if command.returncode:
            raise WrongAnswerError(f"gateway {' '.join(map(str, words))}: {said}{complaint}")
        return said
