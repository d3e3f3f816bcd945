"""DuckDB alone, with the gateway's memory and threads: no HTTP, and no row is checked."""

import sys
from pathlib import Path

import duckdb

from gateway.resources import cpu_count, memory_of
from gateway.settings import Settings
from tests.bench.contestants.engine import PEERS, Engine
from tests.bench.files import BULK, Files
from tests.bench.measure import Measure, Sample
from tests.bench.queries import AGGREGATE
from tests.bench.tables import Table

_FORMATS = {"ndjson": "json", "csv": "csv", "parquet": "parquet"}
#: SQL that reads a body; the columns are given where the body does not have their types.
_READERS = {
    "json": "read_json('{path}', format = 'array', columns = {columns})",
    "csv": "read_csv('{path}', auto_detect = false, header = true, columns = {columns})",
    "csv.gz": "read_csv('{path}', auto_detect = false, header = true, columns = {columns})",
    "parquet": "'{path}'",
    "arrow": "arrow_rows",
}


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
        self._engine.run(f"CREATE TABLE {self._table.name} ({columns})")
        if self._rows:
            path = self._files.rows(self._table, self._rows, "parquet")
            self._engine.run(f"INSERT INTO {self._table.name} FROM '{path}'")
        self.stop()

    def start(self) -> None:
        program = (sys.executable, PEERS / "duckdb_alone.py", self._directory / "floor.duckdb")
        resources = (memory_of(Settings.read({})), cpu_count())
        self._engine = Engine([*program, *resources], self._directory / "log")

    def stop(self) -> None:
        self._engine.stop()

    def roots(self) -> list[int]:
        return [self._engine.pid]

    def count(self) -> int:
        return self._engine.run(f"SELECT count(*) FROM {self._table.name}")[0][0]

    # -- measures

    def bulk(self, kind: str = "json", rows: int = BULK) -> Measure:
        insert = (
            f"INSERT INTO {self._table.name} SELECT {', '.join(self._table.columns)} FROM {_READERS[kind]}"
        )
        statements = [
            {"sql": insert.format(path=path, columns=self._table.columns)}
            | ({"arrow": str(path)} if kind == "arrow" else {})
            for path in self._files.bodies(self._table, kind, rows)
        ]
        return self._engine.inserts(statements, rows)

    def export(self, form: str) -> Measure:
        path = self._directory / f"export.{form}"
        copy = f"COPY (SELECT * FROM {self._table.name}) TO '{path}' (FORMAT {_FORMATS[form]})"

        def measure(seconds: float) -> Sample:
            ran = self._engine.repeat([{"sql": copy}], seconds)
            return Sample(self._rows * ran["times"] / ran["seconds"])

        return measure

    def aggregate(self) -> Measure:
        statement = {"sql": AGGREGATE.replace("{table}", self._table.name)}
        asked = 0

        def measure(seconds: float) -> Sample:
            nonlocal asked
            ran = self._engine.repeat([statement], seconds, first=asked)
            asked += ran["times"]
            return Sample(ran["times"] / ran["seconds"])

        return measure
