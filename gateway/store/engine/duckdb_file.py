"""The engine of one DuckDB file: locks it, opens it, and works around the traps of DuckDB.

The process that opens it owns the file. No other code of the process may open it, not even to read: POSIX drops
every lock of a process on a file when the process closes any descriptor of it (sqlite.org/howtocorrupt.html).
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa

from gateway.errors import Code, GatewayError
from gateway.store.engine.backup import Backup
from gateway.store.engine.block_cache import BlockCache
from gateway.store.engine.cursors import Cursors
from gateway.store.engine.duckdb_errors import store_error
from gateway.store.engine.interface import Capabilities
from gateway.store.engine.open_file import (
    FILE,
    MERGE,
    MERGE_NOTHING,
    WAL_BYTES_MAX,
    build_config,
    configure,
    open_connection,
)
from gateway.store.engine.read_transaction import DuckDBReadTransaction
from gateway.store.engine.row_groups import RowGroups
from gateway.store.engine.stream import Stream, unreadable
from gateway.store.errors import FatalError
from gateway.store.files import lock, restore
from gateway.store.interface import ReadTransaction
from gateway.store.usage import Usage

_log = logging.getLogger(__name__)

#: The most parsed statements that are cached, and the most characters of one.
_PARSED, _PARSED_TEXT = 512, 4096


class DuckDBFile:
    """One open DuckDB file.

    `writer` is the connection of the writer thread. Each reader borrows a cursor of its own: two threads on one cursor
    get each other's rows without an error.
    """

    capabilities = Capabilities(has_file=True, keeps_order=True)

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
            self.writer = open_connection(self.path, build_config(real, memory, threads, spill), memory)
            configure(self.writer, real)
        except BaseException:
            lock.release(self._lock)
            raise
        #: PERF: the sources of the writer's INSERTs, by table. To register one takes half the time of an INSERT.
        self._incoming: dict[str, _Incoming] = {}
        self._numbers: dict[str, int] = {}
        # The writer thread alone touches these two.
        self._changes = 0
        self._is_checkpoint_due = False
        self._is_broken = False
        self._when_broken: Callable[[], None] = _nothing
        self._cursors = Cursors(self.writer)
        self._row_groups = RowGroups()
        self._block_cache = BlockCache(self.writer, self._cursors, self.path, memory)
        self._parsed: dict[str, duckdb.Statement] = {}
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

    def on_failure(self, callback: Callable[[], None]) -> None:
        """Register the callback for a lost database; any thread may call it, and more than once."""
        self._when_broken = callback

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
            self._break(error)

    def meaning(self, error: duckdb.Error) -> GatewayError:
        """Return the error of a request; if the database is lost, report it to the callback of `on_failure`."""
        meant = store_error(error)
        if isinstance(meant, FatalError):
            self._break(error)
        elif meant.code is Code.FILE_DAMAGED:
            _log.critical("%s: %s; gateway doctor tells what it is part of", self.path, str(error)[:500])
        return meant

    def _break(self, error: duckdb.Error) -> None:
        if not self._is_broken:
            # Such a message names blocks and files, never values.
            _log.critical("the database must be opened again: %s", str(error)[:500])
        self._is_broken = True
        self._when_broken()

    @contextlib.contextmanager
    def registered(self, name: str, rows: pa.Table) -> Iterator[None]:
        """Register Arrow rows under a name that the writer's statements read, inside a block."""
        self.writer.register(name, rows)
        try:
            yield
        finally:
            self.writer.unregister(name)

    def table(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run a SELECT in the writer's transaction and return all its rows."""
        stream = Stream(self.writer, sql, parameters)
        try:
            return pa.Table.from_batches(list(stream), schema=stream.schema)
        finally:
            stream.close()

    def insert(self, table: str, rows: pa.Table) -> None:
        """Insert Arrow rows by column name into a quoted table, in the writer's transaction."""
        incoming = self._incoming.get(table)
        if incoming is None or incoming.schema != rows.schema:
            name = f"incoming_{self._numbers.setdefault(table, len(self._numbers))}"
            incoming = self._incoming[table] = _Incoming(name, rows)
            self.writer.register(incoming.name, incoming)
        with incoming.showing(rows):
            self.run_insert(f"INSERT INTO {table} BY NAME SELECT * FROM {incoming.name}", rows.num_rows)

    def run_insert(self, sql: str, rows: int) -> None:
        """Run an INSERT of `rows` rows in the writer's transaction.

        Raises:
            GatewayError: It has inserted another number of rows.
        """
        done = self.writer.execute(sql).fetchone()
        if done is None or done[0] != rows:
            raise GatewayError(Code.STORE_FAILED, f"{rows} rows were to be inserted, but {done} were")

    def insert_values(self, table: str, columns: pa.Schema, lines: Sequence[tuple[Any, ...]]) -> None:
        """Insert Python values, one tuple a row, as `insert` does."""
        if lines:
            values = zip(*lines, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(values, columns, strict=True)]
            self.insert(table, pa.Table.from_arrays(arrays, schema=columns))

    def note_change(self) -> None:
        """Count a change of tables: one was created, altered, or dropped."""
        self._changes += 1

    def changes(self) -> int:
        """Return how many changes of tables were counted, for the writer thread.

        Statements that were prepared before the last change are stale.
        """
        return self._changes

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

    @contextlib.contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Borrow a cursor for reading, for one thread at a time."""
        try:
            cursor = self.borrow()
            try:
                yield cursor
            finally:
                self.give_back(cursor)
        except duckdb.Error as error:
            raise self.meaning(error) from error

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a SELECT with a small result on a borrowed cursor."""
        with self.cursor() as cursor:
            return cursor.execute(sql, list(parameters)).fetchall()

    def parsed(self, cursor: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
        """Parse a statement, or return the cached one of the same text. Any thread may run it, any number of times.

        DuckDB resolves its names when it runs.
        """
        statement = self._parsed.get(sql)
        if statement is None:
            [statement] = cursor.extract_statements(sql)
            if len(sql) <= _PARSED_TEXT:
                if len(self._parsed) >= _PARSED:
                    self._parsed.clear()
                self._parsed[sql] = statement
        return statement

    def borrow(self) -> duckdb.DuckDBPyConnection:
        """Return a cursor that no other thread uses, until `give_back`."""
        return self._cursors.borrow()

    def read(self) -> ReadTransaction:
        """Return a new transaction that reads; it takes no cursor before its first SELECT."""
        return DuckDBReadTransaction(self)

    def usage(self) -> Usage:
        """Return the memory and the disk that the database uses."""
        ((memory, cached, temporary),) = self.rows(
            "SELECT sum(memory_usage_bytes)::BIGINT,"
            " sum(memory_usage_bytes) FILTER (tag IN ('BASE_TABLE', 'EXTERNAL_FILE_CACHE'))::BIGINT,"
            " sum(temporary_storage_bytes)::BIGINT FROM duckdb_memory()"
        )
        return Usage(memory, cached, temporary, _size(self.path), _size(self._wal))

    def backup(self) -> BinaryIO:
        """Copy all committed rows into a file and return it open, as `Backup.make` does."""
        return self._backup.make()

    def give_back(self, cursor: duckdb.DuckDBPyConnection, *, is_clean: bool = True) -> None:
        """Return a borrowed cursor that is no longer in use; it is closed if its state is unknown."""
        self._cursors.give_back(cursor, is_clean=is_clean)


class _Incoming:
    """A source of INSERTs that is registered once under a name: the Arrow rows that are inserted next."""

    def __init__(self, name: str, rows: pa.Table) -> None:
        self.name = name
        self.schema = rows.schema
        self._empty = self._rows = rows.schema.empty_table()

    @contextlib.contextmanager
    def showing(self, rows: pa.Table) -> Iterator[None]:
        """Show these rows to DuckDB inside a block."""
        self._rows = rows
        try:
            yield
        finally:
            self._rows = self._empty

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._rows.__arrow_c_stream__(requested_schema)


def _size(path: Path) -> int:
    """Return the bytes of a file, 0 if it is missing. It is not opened, see the docstring of this module."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _nothing() -> None:
    """Ignore the failure."""
