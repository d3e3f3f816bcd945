"""An engine alone, in a process of its own that is told what to execute: no HTTP, and no row is checked."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.files import BULK
from tests.bench.measure import Measure, Sample
from tests.support.server import ROOT

#: The programs, which `told.py` beside them explains.
PEERS = ROOT / "tests/bench/peers"


class Engine:
    """The process of an engine."""

    def __init__(self, command: Sequence[object], log: Path) -> None:
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                list(map(str, command)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )
        self._log = log
        self.pid = self._process.pid

    def stop(self) -> None:
        self._process.communicate()

    def run(self, *sql: str) -> Any:
        """Execute statements, and return the rows of the last one."""
        return [self.repeat([{"sql": each}])["last"] for each in sql][-1]

    def repeat(self, statements: Sequence[dict], seconds: float = 0, first: int = 0) -> dict:
        """Execute statements in turn, for so many seconds."""
        print(
            json.dumps({"statements": statements, "seconds": seconds, "from": first}),
            file=self._process.stdin,
            flush=True,
        )
        answer = self._process.stdout.readline()
        assert answer, self._log.read_text()[-4000:]
        return json.loads(answer)

    def inserts(self, statements: Sequence[dict], rows: int = BULK) -> Measure:
        """INSERT so many rows with each statement; the figure is rows a second."""

        def measure(seconds: float) -> Sample:
            ran = self.repeat(statements, seconds)
            return Sample(ran["times"] * rows / ran["seconds"], ran["times"] * rows)

        return measure
