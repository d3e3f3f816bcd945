"""PostgreSQL, from the package pgserver: a cluster of its own, durable as by default, under a socket in its directory."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.bench import peer_python
from tests.bench.contestants.process import Process
from tests.bench.tables import Files, Table
from tests.rig import eventually

_TYPES = {"BIGINT": "bigint", "VARCHAR": "text", "BOOLEAN": "boolean", "TIMESTAMPTZ": "timestamptz"}
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "512MB",
    "effective_cache_size": "4GB",
    "max_wal_size": "4GB",
    "listen_addresses": "",
}


class Postgres:
    def __init__(self, directory: Path) -> None:
        self._data, self.directory = directory / "data", directory
        self._programs = peer_python.packages() / "pgserver/pginstall/bin"
        self._data.mkdir(parents=True)
        # It does not run as root.
        self._user = {"user": "nobody"} if os.geteuid() == 0 else {}
        if self._user:
            for each in (directory, self._data):
                shutil.chown(each, "nobody")
        initdb = [self._programs / "initdb", "-D", self._data, "-A", "trust", "-U", "postgres", "-E", "UTF8"]
        subprocess.run([*initdb, "--locale=C"], check=True, capture_output=True, cwd=directory, **self._user)

    def start(self) -> None:
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = [self._programs / "postgres", "-D", self._data, "-k", self.directory, *settings]
        # SIGINT is its fast shutdown, which does not wait for clients to leave.
        self._process = Process(
            command,
            self.directory.with_suffix(".log"),
            stop_by=signal.SIGINT,
            cwd=self.directory,
            **self._user,
        )
        self.pid = self._process.pid

        def answers() -> bool:
            with contextlib.suppress(subprocess.CalledProcessError):
                return self.run("SELECT 1") == "1"
            return False

        eventually(answers, "PostgreSQL did not start")

    def stop(self) -> None:
        self._process.stop()

    def run(self, sql: str, **how) -> str:
        psql = [
            self._programs / "psql",
            "-h",
            self.directory,
            "-U",
            "postgres",
            "-v",
            "ON_ERROR_STOP=1",
            "-qAtc",
            sql,
        ]
        return subprocess.run(psql, check=True, capture_output=True, text=True, **how).stdout.strip()

    def create(self, table: Table) -> None:
        columns = []
        for field in table.connector.fields:
            column = field.type.column
            columns.append(
                f"{field.name} {_TYPES.get(column, column)}" + ("" if field.nullable else " NOT NULL")
            )
        if table.connector.primary_key:
            columns.append(f"PRIMARY KEY ({', '.join(table.connector.primary_key)})")
        self.run(f"CREATE TABLE {table.name} ({', '.join(columns)})")

    def fill(self, table: Table, rows: int, files: Files) -> None:
        with files.rows(table, rows, "csv").open("rb") as file:
            self.run(f"COPY {table.name} FROM STDIN (FORMAT csv, HEADER)", stdin=file)
        self.run(f"VACUUM ANALYZE {table.name}")
        self.run("CHECKPOINT")
