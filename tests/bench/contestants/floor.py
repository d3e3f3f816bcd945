"""DuckDB alone, with the gateway's memory and threads: no HTTP, and no row is checked."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb

from gateway.resources import cpu_count, memory_of
from gateway.settings import Settings
from tests.bench.files import BULK, Files
from tests.bench.measure import Measure, Sample
from tests.bench.queries import AGGREGATE
from tests.bench.tables import Table
from tests.support.server import ROOT

_FORMATS = {"ndjson": "json", "csv": "csv", "parquet": "parquet"}


class Floor:
    def __init__(self, directory: Path, files: Files, table: Table, rows: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory, self._files, self._table, self._rows = directory, files, table, rows

    @staticmethod
    def about() -> str:
        return f"DuckDB {duckdb.__version__} in a Python process, with the gateway's memory and threads"

    def prepare(self) -> None:
        self.start()
        columns = ", ".join(f'"{name}" {type}' for name, type in self._table.columns.items())
        self._run(f"CREATE TABLE {self._table.name} ({columns})")
        if self._rows:
            path = self._files.rows(self._table, self._rows, "parquet")
            self._run(f"INSERT INTO {self._table.name} FROM '{path}'")
        self.stop()

    def start(self) -> None:
        resources = (memory_of(Settings.read({})), cpu_count())
        program = (
            sys.executable,
            ROOT / "tests/bench/peers/duckdb_alone.py",
            self._directory / "floor.duckdb",
        )
        self._process = subprocess.Popen(
            list(map(str, (*program, *resources))), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def stop(self) -> None:
        self._process.communicate()

    def roots(self) -> list[int]:
        return [self._process.pid]

    def count(self) -> int:
        return self._run(f"SELECT count(*) FROM {self._table.name}")["last"][0][0]

    def _run(self, *statements: str, seconds: float = 0, first: int = 0) -> dict:
        told = {"sql": statements, "seconds": seconds, "from": first}
        print(json.dumps(told), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    # -- measures

    def bulk(self) -> Measure:
        inserts = [
            f"INSERT INTO {self._table.name} SELECT {', '.join(self._table.columns)}"
            f" FROM read_json('{path}', format = 'array', columns = {self._table.columns})"
            for path in self._files.bodies(self._table, "json")
        ]

        def measure(seconds: float) -> Sample:
            ran = self._run(*inserts, seconds=seconds)
            return Sample(ran["times"] * BULK / ran["seconds"], ran["times"] * BULK)

        return measure

    def export(self, form: str) -> Measure:
        path = self._directory / f"export.{form}"
        copy = f"COPY (SELECT * FROM {self._table.name}) TO '{path}' (FORMAT {_FORMATS[form]})"

        def measure(seconds: float) -> Sample:
            ran = self._run(copy, seconds=seconds)
            return Sample(self._rows * ran["times"] / ran["seconds"])

        return measure

    def aggregate(self) -> Measure:
        asked = 0

        def measure(seconds: float) -> Sample:
            nonlocal asked
            ran = self._run(AGGREGATE.replace("{table}", self._table.name), seconds=seconds, first=asked)
            asked += ran["times"]
            return Sample(ran["times"] / ran["seconds"])

        return measure
