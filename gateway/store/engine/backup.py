"""Backup: a copy of the whole store at one moment, in a file, while it is written and read."""

import contextlib
import logging
import threading
import time
from pathlib import Path
from typing import BinaryIO

import duckdb

from gateway.errors import Code, GatewayError
from gateway.store.engine.database import Database
from gateway.store.engine.file_settings import BACKUPS, STORAGE_VERSION
from gateway.store.files import saved_files
from gateway.store.sql.names import literal, quote

_log = logging.getLogger(__name__)

#: What must be free beyond the copy: the writer goes on meanwhile.
SPARE_BYTES = 64 * 2**20
_FILE = "copy.duckdb"
_CATALOG = "backup_copy"


class Backup:
    """Makes copies, one at a time. Any thread may call its methods."""

    def __init__(self, database: Database, path: Path) -> None:
        """Remove what a process that was killed has left of one."""
        self._database = database
        self._path = path
        self._directory = path.parent / BACKUPS
        self._turn = threading.Lock()
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._is_stopped = False
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._sweep()

    def make(self) -> BinaryIO:
        """Make a copy of what is committed now, and give it open; it is gone once it is closed.

        Rows stay in the order they have. Reading and writing go on meanwhile.

        Raises:
            GatewayError: Where another copy is being made, the disk has no room for one, or it fails.
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
            # No connection has it open any more, so that reading it costs DuckDB no lock.
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
        cursor = self._cursor = self._database.writer.cursor()
        try:
            self._copy(cursor, path)
        except duckdb.Error as error:
            meant = self._database.meaning(error)
            _log.error("a backup failed: %s", str(error)[:500])  # it speaks of files and blocks
            raise _failed(is_full=meant.code is Code.DISK_FULL) from error
        finally:
            self._cursor = None
            cursor.close()

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
        """End a copy that is being made, and wait until it has ended."""
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
