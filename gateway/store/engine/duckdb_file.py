"""The engine of one DuckDB file: locks it, opens it, and works around the traps of DuckDB.

The process that opens it owns the file. No other code of the process may open it, not even to read: POSIX drops
every lock of a process on a file when the process closes any descriptor of it (sqlite.org/howtocorrupt.html).
"""

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import duckdb

from gateway.store.engine.backup import Backup
from gateway.store.engine.block_cache import BlockCache
from gateway.store.engine.duckdb_errors import store_error
from gateway.store.engine.interface import Capabilities
from gateway.store.engine.open_database import OpenDatabase
from gateway.store.engine.open_file import (
    FILE,
    MERGE,
    MERGE_NOTHING,
    WAL_BYTES_MAX,
    build_config,
    configure,
    open_connection,
)
from gateway.store.engine.row_groups import RowGroups
from gateway.store.engine.stream import unreadable
from gateway.store.files import lock, restore
from gateway.store.usage import Usage

_log = logging.getLogger(__name__)


class DuckDBFile(OpenDatabase):
    """One open DuckDB file."""

    capabilities = Capabilities(has_file=True, keeps_order=True, prepares_inserts=True, narrows_in_place=True)

    def __init__(
        self,
        directory: Path,
        *,
        memory: int,
        threads: int | None = None,
        spill: int | None = None,
        lock_seconds: float = 20.0,
    ) -> None:
        """Open the file in `directory`, waiting for its lock.

        A worker that is being replaced holds the lock until it has drained; gunicorn starts the new one
        before it stops the old one. DuckDB uses at most `memory` bytes, `threads` threads, and `spill` bytes of
        temporary space; None leaves the choice to DuckDB.

        Raises:
            Locked: Another process still owns it after `lock_seconds`.
            Unopenable: It cannot be opened, and cannot be repaired.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        real = Path(os.path.realpath(directory))
        self.path = real / FILE
        self._wal = self.path.with_name(f"{FILE}.wal")
        self._lock = lock.take(real, lock_seconds)
        try:
            restore.require_finished(real)
            connection = open_connection(self.path, build_config(real, memory, threads, spill), memory)
            configure(connection, real)
        except BaseException:
            lock.release(self._lock)
            raise
        super().__init__(connection, str(self.path))
        # The writer thread alone touches it.
        self._is_checkpoint_due = False
        self._row_groups = RowGroups()
        self._block_cache = BlockCache(self.writer, self._cursors, self.path, memory)
        self._backup = Backup(self, self.path)

    def close(self) -> None:
        """Checkpoint, close the file, and release the lock. No borrowed cursor may be in use."""
        self._backup.stop()
        self._cursors.close()
        # To merge what many checkpoints left behind could take longer than a stop may.
        if not self._row_groups.checkpoints:
            with contextlib.suppress(duckdb.Error):
                self.writer.execute(MERGE)
        self.writer.close()
        lock.release(self._lock)

    def turn_to_commit(self) -> contextlib.AbstractContextManager[None]:
        """Return at once: no other process writes the file."""
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Run a block in one transaction of the writer, on the writer thread.

        COMMIT after an error inside the transaction returns success and writes nothing. So any exception rolls back;
        a duckdb.Error is raised as the GatewayError that it means.
        """
        try:
            self.writer.execute("BEGIN")
            yield self.writer
            self._commit()
        except BaseException as error:
            self._incoming.clear()  # ROLLBACK also drops the sources that were registered in the transaction.
            with contextlib.suppress(duckdb.Error):
                self.writer.execute("ROLLBACK")
            if isinstance(error, duckdb.Error):
                raise self.meaning(error) from error
            if isinstance(error, UnicodeDecodeError):
                raise store_error(unreadable()) from error
            raise

    def _commit(self) -> None:
        """Commit. It is a success if the rows are durable and only the checkpoint after them failed."""
        try:
            self.writer.execute("COMMIT")
        except duckdb.FatalException as error:
            if "COMMIT succeeded" not in str(error):
                raise
            self._break(str(error)[:500])

    @property
    def is_reachable(self) -> bool:
        """True always: a file needs no server."""
        return True

    def tables(self) -> list[str]:
        """List the names of the tables of connectors."""
        found = self.rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'rows'")
        return [name for (name,) in found]

    def request_maintenance(self) -> None:
        """Request that `maintain` writes a checkpoint; a large WAL does so, too."""
        self._is_checkpoint_due = True

    def note_rows(self, table: str, stored: int, deleted: int) -> None:
        """Count rows of a table that were committed."""
        self._row_groups.note(table, stored, deleted)

    def maintain(self) -> bool:
        """Checkpoint if it is due, and keep the memory small; return whether the checkpoint is still due."""
        if self._is_checkpoint_due:
            self._is_checkpoint_due = not self._checkpoint(merges=True)
        elif _size(self._wal) >= WAL_BYTES_MAX:
            self._checkpoint(merges=self._row_groups.should_merge)
        self._block_cache.trim()
        return self._is_checkpoint_due

    def _checkpoint(self, *, merges: bool) -> bool:
        """Write the WAL into the file; return whether DuckDB allowed it now.

        DuckDB 1.5 refuses while it takes the transaction of another connection for a writing one. It never
        raises: it runs after a COMMIT, whose success it must not hide.
        """
        try:
            with self._block_cache.counting():
                if merges:
                    self.writer.execute(MERGE)
                self.writer.execute("CHECKPOINT")
                self.writer.execute(MERGE_NOTHING)
        except duckdb.Error as error:
            self.meaning(error)
            return False
        self._row_groups.note_checkpoint(merges=merges)
        return True

    def usage(self) -> Usage:
        """Return the memory and the disk that the database uses."""
        return replace(super().usage(), file=_size(self.path), wal=_size(self._wal))

    def backup(self) -> BinaryIO:
        """Copy all committed rows into a file and return it open, as `Backup.make` does."""
        return self._backup.make()


def _size(path: Path) -> int:
    """Return the bytes of a file, 0 if it is missing. It is not opened, see the docstring of this module."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
