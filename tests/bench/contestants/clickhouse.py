"""ClickHouse's engine of the package chdb, alone: no HTTP, and no row is checked. Each insert is synced as a commit is."""

from pathlib import Path

from tests.bench import peer_python
from tests.bench.contestants.engine import PEERS, Engine
from tests.bench.files import Files
from tests.bench.measure import Measure
from tests.bench.tables import Table

_DURABLE = {"fsync_after_insert": 1, "fsync_part_directory": 1}
_INSERT = {"async_insert": 0, "date_time_input_format": "best_effort"}
_FORMATS = {"json": "JSONEachRow", "csv": "CSVWithNames"}
_TYPES = {
    "BIGINT": "Int64",
    "BOOLEAN": "Bool",
    "TIMESTAMPTZ": "DateTime64(6, 'UTC')",
    "VARCHAR": "String",
}


class Clickhouse:
    def __init__(self, directory: Path, files: Files, table: Table, rows: int) -> None:
        assert rows == 0, "it takes part in writing alone"
        self._directory, self._files, self._table = directory, files, table
        self._columns = ", ".join(
            f"{field.name} {_type(field.type.sql.column, nullable=field.nullable)}"
            for field in table.connector.fields
        )

    @staticmethod
    def about() -> str:
        has = peer_python.versions()
        settings = ", ".join(f"{name}={value}" for name, value in {**_DURABLE, **_INSERT}.items())
        return (
            f"ClickHouse {has['chdb-core']} of chdb {has['chdb']} in a Python process, a MergeTree table without"
            f" an order, with {settings}"
        )

    def prepare(self) -> None:
        self.start()
        engine = f"ENGINE = MergeTree ORDER BY tuple() SETTINGS {_settings(_DURABLE)}"
        self._engine.run("CREATE DATABASE bench", f"CREATE TABLE {self._name} ({self._columns}) {engine}")
        self.stop()

    def start(self) -> None:
        program = (peer_python.program("python"), PEERS / "clickhouse_alone.py")
        self._engine = Engine([*program, self._directory / "clickhouse"], self._directory / "log")

    def stop(self) -> None:
        self._engine.stop()

    def roots(self) -> list[int]:
        return [self._engine.pid]

    def count(self) -> int:
        return int(self._engine.run(f"SELECT count() FROM {self._name}")[0][0])

    @property
    def _name(self) -> str:
        return f"bench.{self._table.name}"

    # -- measures

    def bulk(self, kind: str = "json") -> Measure:
        columns = self._columns.replace("'", r"\'")
        statements = [
            f"INSERT INTO {self._name} SELECT * FROM file('{path}', '{_FORMATS[kind]}', '{columns}')"
            f" SETTINGS {_settings(_INSERT)}"
            for path in self._files.bodies(self._table, kind)
        ]
        return self._engine.inserts([{"sql": each} for each in statements])


def _type(column: str, *, nullable: bool) -> str:
    name = _TYPES.get(column, column)
    return f"Nullable({name})" if nullable else name


def _settings(values: dict) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in values.items())
