"""PostgreSQL of the package pgserver: a cluster of its own, reached by a socket in its directory."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.bench import peer_python
from tests.bench.contestants.process import Process
from tests.bench.files import Files
from tests.bench.tables import Table

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "512MB",
    "effective_cache_size": "4GB",
    "max_wal_size": "4GB",
}
_TYPES = {"VARCHAR": "text"}
#: Constraints of a field as SQL, with places for its column and the value.
_CHECKS = {
    "minimum": "{} >= {}",
    "maximum": "{} <= {}",
    "min_length": "char_length({}) >= {}",
    "max_length": "char_length({}) <= {}",
    "enum": "{} IN {}",
}


class Postgres:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._data, self._log = directory / "data", directory / "log"
        # It refuses to run as root.
        self._user = {"user": "nobody"} if os.geteuid() == 0 else {}

    @staticmethod
    def program(name: str) -> Path:
        return peer_python.packages() / "pgserver/pginstall/bin" / name

    def prepare(self, table: Table, rows: int, files: Files, *, has_checks: bool = False) -> None:
        self._data.mkdir(parents=True)
        for each in (self.directory, self._data) if self._user else ():
            shutil.chown(each, "nobody")
        how = ("-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C")
        initdb = [self.program("initdb"), "-D", self._data, *how]
        subprocess.run(initdb, check=True, capture_output=True, cwd=self.directory, **self._user)
        self.start()
        try:
            checks = _checks(table) if has_checks else []
            self.run(f"CREATE TABLE {table.name} ({', '.join([*_columns(table), *checks])})")
            self._fill(table, rows, files)
        finally:
            self.stop()

    def _fill(self, table: Table, rows: int, files: Files) -> None:
        if rows:
            with files.rows(table, rows, "csv").open("rb") as file:
                self.run(f"COPY {table.name} FROM STDIN (FORMAT csv, HEADER)", stdin=file)
            self.run(f"VACUUM ANALYZE {table.name}")

    def start(self) -> None:
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        where = ["-D", self._data, "-k", self.directory, "-h", ""]
        # SIGINT: it does not wait for its clients to leave.
        self._process = Process(
            [self.program("postgres"), *where, *settings],
            self._log,
            stop_by=signal.SIGINT,
            cwd=self.directory,
            **self._user,
        )
        self.pid = self._process.pid
        self._process.wait_until(self._answers)

    def stop(self) -> None:
        self._process.stop()

    def run(self, sql: str, **how) -> str:
        who = ("-h", self.directory, "-U", "postgres")
        psql = [self.program("psql"), *who, "-v", "ON_ERROR_STOP=1", "-qAtc", sql]
        return subprocess.run(psql, check=True, capture_output=True, text=True, **how).stdout.strip()

    def _answers(self) -> bool:
        with contextlib.suppress(subprocess.CalledProcessError):
            return self.run("SELECT 1") == "1"
        return False


def _columns(table: Table) -> list[str]:
    columns = [
        f"{field.name} {_TYPES.get(field.type.sql.column, field.type.sql.column)}{'' if field.nullable else ' NOT NULL'}"
        for field in table.connector.fields
    ]
    if table.connector.primary_key:
        columns.append(f"PRIMARY KEY ({', '.join(table.connector.primary_key)})")
    return columns


def _checks(table: Table) -> list[str]:
    """Give the constraints of a connector's fields as CHECKs, which a null passes."""
    return [
        f"CHECK ({_CHECKS[name].format(field.name, _literal(value))})"
        for field in table.connector.fields
        for name, value in field.constraints.items()
    ]


def _literal(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"({', '.join(map(_literal, value))})"
    return f"'{value}'"
