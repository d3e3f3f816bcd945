"""Datasette, with its API for inserts, over SQLite with a write-ahead log that is synced at every commit."""

import json
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.bench import peer_python, wrk
from tests.bench.contestants.process import Process
from tests.bench.files import BULK, Files
from tests.bench.measure import Measure
from tests.bench.tables import AN_ORDER, Table
from tests.support.server import free_port, put

_SETTINGS = {"max_insert_rows": BULK, "max_post_body_bytes": 0}
_CONFIGURATION = {"permissions": {"insert-row": {"id": "bench"}}, "settings": _SETTINGS}
_DURABLE = """\
from datasette import hookimpl


@hookimpl
def prepare_connection(conn):
    conn.execute("PRAGMA synchronous = FULL")
"""


class Datasette:
    def __init__(self, directory: Path, files: Files, table: Table, rows: int) -> None:
        assert rows == 0, "it takes part in writing alone"
        self._directory, self._files, self._table = directory, files, table
        self._file = directory / "bench.db"
        self._secret = secrets.token_hex()

    @staticmethod
    def about() -> str:
        has = peer_python.versions()
        sqlite = peer_python.output(
            peer_python.program("python"), "-c", "import sqlite3; print(sqlite3.sqlite_version)"
        )
        settings = ", ".join(f"{name}={value}" for name, value in _SETTINGS.items())
        return (
            f"datasette {has['datasette']} with {settings}; it checks no row;"
            f" SQLite {sqlite} with journal_mode=WAL, synchronous=FULL"
        )

    def prepare(self) -> None:
        put(self._directory / "datasette.json", json.dumps(_CONFIGURATION))
        put(self._directory / "plugins/durable.py", _DURABLE)
        columns = ", ".join(
            f"{field.name} {field.type.sql.column}{'' if field.nullable else ' NOT NULL'}"
            for field in self._table.connector.fields
        )
        with closing(sqlite3.connect(self._file)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(f"CREATE TABLE {self._table.name} ({columns})")

    def start(self) -> None:
        port = free_port()
        program = peer_python.program("datasette")
        token = peer_python.output(program, "create-token", "bench", "--secret", self._secret)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._url = f"http://127.0.0.1:{port}/bench/{self._table.name}/-/insert"
        how = ("--port", str(port), "--secret", self._secret)
        given = ("--config", self._directory / "datasette.json", "--plugins-dir", self._directory / "plugins")
        self._process = Process([program, "serve", self._file, *how, *given], self._directory / "log")
        self._process.wait_for(port)

    def stop(self) -> None:
        self._process.stop()

    def roots(self) -> list[int]:
        return [self._process.pid]

    def count(self) -> int:
        with closing(sqlite3.connect(self._file)) as database:
            return database.execute(f"SELECT count(*) FROM {self._table.name}").fetchone()[0]

    # -- measures

    def bulk(self, connections: int = 2) -> Measure:
        bodies = self._files.bodies(self._table, "rows.json")
        return wrk.bulk_posts(self._url, self._headers, bodies, BULK, connections)

    def single(self, connections: int, *, latency: bool = False) -> Measure:
        body = f'{{"row":{AN_ORDER}}}'
        return wrk.single_posts(self._url, self._headers, body, connections, latency=latency)
