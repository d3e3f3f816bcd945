"""Backup: a copy of the whole store at one moment, while reads and writes continue."""

import contextlib
import logging
import threading
import time
from pathlib import Path
from typing import BinaryIO

import duckdb

from gateway.errors import Code, GatewayError
from gateway.store.engine.interface import Database
from gateway.store.engine.open_file import BACKUPS, STORAGE_VERSION
from gateway.store.files import saved_files
from gateway.store.sql.names import literal, quote

_log = logging.getLogger(__name__)

#: The free space that is needed beyond the copy, because writes continue.
SPARE_BYTES = 64 * 2**20
_FILE = "copy.duckdb"
_CATALOG = "backup_copy"


class Backup:
    """Creates copies, one at a time. Any thread may call its methods."""

    def __init__(self, database: Database, path: Path) -> None:
        """Remove the remains of a backup that was killed."""
        self._database = database
        self._path = path
        self._directory = path.parent / BACKUPS
        self._turn = threading.Lock()
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._is_stopped = False
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._sweep()

    def make(self) -> BinaryIO:
        """Create a copy of all committed rows and return it open; closing it deletes it.

        Rows keep their order. Reads and writes continue.

        Raises:
            GatewayError: Another backup runs, the disk has too little space, or the copy failed.
        """
        if not self._turn.acquire(blocking=False):
            hint = "wait for its end, then ask again"
            raise GatewayError(Code.BACKUP_RUNNING, hint=hint, headers={"Retry-After": "10"})
        try:
            self._require_room()
            path = self._directory / _FILE
            self._copied(path)
            if saved_files.siblings(path) != [path]:
                raise _failed()
            # No connection has it open anymore, so that closing it drops no lock of DuckDB.
            return path.open("rb", buffering=0)
        finally:
            self._sweep()
            self._turn.release()

    def _require_room(self) -> None:
        size = sum(each.stat().st_size for each in saved_files.siblings(self._path))
        try:
            saved_files.require_room(self._directory, size + SPARE_BYTES)
        except saved_files.NoRoom as error:
            hint = "free space there, or stop the gateway and copy its data directory elsewhere"
            raise GatewayError(Code.BACKUP_NO_ROOM, str(error), hint=hint) from error

    def _copied(self, path: Path) -> None:
        cursor = self._cursor = self._database.borrow()
        try:
            self._copy(cursor, path)
        except duckdb.Error as error:
            meant = self._database.meaning(error)
            _log.error("a backup failed: %s", str(error)[:500])  # it names files and blocks, no values
            raise _failed(is_full=meant.code is Code.DISK_FULL) from error
        finally:
            self._cursor = None
            self._database.give_back(cursor, is_clean=False)

    def _copy(self, cursor: duckdb.DuckDBPyConnection, path: Path) -> None:
        source = cursor.execute("SELECT current_database()").fetchall()[0][0]
        cursor.execute(f"ATTACH {literal(str(path))} AS {_CATALOG} (STORAGE_VERSION '{STORAGE_VERSION}')")
        try:
            if not self._is_stopped:
                cursor.execute(f"COPY FROM DATABASE {quote(source)} TO {_CATALOG}")
                cursor.execute(f"CHECKPOINT {_CATALOG}")
        finally:
            cursor.execute(f"DETACH {_CATALOG}")
        if self._is_stopped:
            raise duckdb.InterruptException("the gateway is stopping")

    def stop(self) -> None:
        """End a running copy, and wait until it has ended."""
        self._is_stopped = True
        while (cursor := self._cursor) is not None:
            with contextlib.suppress(duckdb.Error):
                cursor.interrupt()
            time.sleep(0.02)

    def _sweep(self) -> None:
        for each in self._directory.iterdir():
            each.unlink()


def _failed(*, is_full: bool = False) -> GatewayError:
    if is_full:
        return GatewayError(Code.BACKUP_NO_ROOM, hint="free space under the data directory, then ask again")
    return GatewayError(Code.BACKUP_FAILED, hint="the log says why", headers={"Retry-After": "10"})
