"""DuckDB alone, with the gateway's memory and threads: no HTTP, no check of a row, and what that leaves is the floor."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb

from gateway.machine import cpu_count, memory_of
from gateway.settings import Settings
from tests.bench import tables
from tests.bench.measure import Measure, Sample
from tests.bench.tables import Files, Table
from tests.rig import ROOT


class Floor:
    def __init__(self, directory: Path, files: Files) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._files, self._directory = files, directory

    @staticmethod
    def about() -> str:
        return f"DuckDB {duckdb.__version__} in one Python process, with as much memory and as many threads as the gateway"

    def start(self, table: Table, fill: int) -> None:
        self._table = table
        resources = (memory_of(Settings.read({})), cpu_count())
        program = (
            sys.executable,
            ROOT / "tests/bench/peers/duckdb_alone.py",
            self._directory / "floor.duckdb",
        )
        self._process = subprocess.Popen(
            [*map(str, (*program, *resources))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        columns = ", ".join(f'"{name}" {column}' for name, column in table.columns.items())
        self._run(f"CREATE TABLE {table.name} ({columns})")
        if fill:
            self._run(self._insert(self._files.rows(table, fill, "parquet"), "parquet"))
            self._run("CHECKPOINT")

    def stop(self) -> None:
        self._process.communicate()

    def roots(self) -> list[int]:
        return [self._process.pid]

    def count(self) -> int:
        return self._run(f"SELECT count(*) FROM {self._table.name}")["last"][0][0]

    def _run(self, *statements: str, seconds: float = 0.0, first: int = 0) -> dict:
        print(
            json.dumps({"sql": statements, "seconds": seconds, "from": first}),
            file=self._process.stdin,
            flush=True,
        )
        return json.loads(self._process.stdout.readline())

    def _insert(self, path: Path, kind: str) -> str:
        columns = ", ".join(f'"{name}"' for name in self._table.columns)
        read = f"read_parquet('{path}')"
        if kind == "json":
            read = f"read_json('{path}', format = 'array', columns = {self._table.columns})"
        return f"INSERT INTO {self._table.name} SELECT {columns} FROM {read}"

    # -- measures

    def bulk(self) -> Measure:
        inserts = [self._insert(path, "json") for path in self._files.bodies(self._table, "json")]

        def measure(seconds: float) -> Sample:
            ran = self._run(*inserts, seconds=seconds)
            return Sample(ran["times"] * tables.BULK / ran["seconds"], ran["times"] * tables.BULK)

        return measure
