"""The DuckDB file: locked, opened and set up, with its traps wrapped.

Whoever holds a Database owns the file. Nothing else in the process may open it, not even to read: POSIX
drops every lock of a process on a file when it closes any descriptor of it (sqlite.org/howtocorrupt.html).
"""

import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa

from gateway.errors import Code, GatewayError
from gateway.store.engine.backup import Backup
from gateway.store.engine.database import Capabilities
from gateway.store.engine.duckdb_errors import store_error
from gateway.store.engine.file_settings import FILE, build_config, configure, opened
from gateway.store.engine.read_transaction import DuckDBReadTransaction
from gateway.store.engine.stream import Stream, unreadable
from gateway.store.errors import FatalError
from gateway.store.files import lock, restore
from gateway.store.interface import ReadTransaction

_log = logging.getLogger(__name__)

#: How many statements are kept parsed, and how long the text of one may be.
_PARSED, _PARSED_TEXT = 512, 4096


class DuckDBFile:
    """One open DuckDB file.

    `writer` is the writer thread's connection. Readers borrow a cursor each: two threads on one cursor get each
    other's rows without an error.
    """

    capabilities = Capabilities(has_file=True, has_many_writers=False)

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
        before it stops the old one. DuckDB takes `memory` bytes at most, `threads` threads and `spill` bytes of
        temporary space; None is what it thinks best.

        Raises:
            Locked: When another process still owns it after `lock_seconds`.
            Unopenable: When it cannot be opened, and not be mended either.
        """
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        real = Path(os.path.realpath(directory))
        self.path = real / FILE
        self._lock = lock.take(real, lock_seconds)
        try:
            restore.require_finished(real)
            self.writer = opened(self.path, build_config(real, memory, threads, spill), memory)
            configure(self.writer, real)
        except BaseException:
            lock.release(self._lock)
            raise
        #: What the writer's INSERTs read, by table: to register it takes as long as half an INSERT.
        self._incoming: dict[str, _Incoming] = {}
        self._numbers: dict[str, int] = {}
        # The writer thread alone touches these two.
        self._changes = 0
        self._is_checkpoint_due = False
        self._is_broken = False
        self._when_broken: Callable[[], None] = _nothing
        # The one that was used last is used next, for much of what it has touched is still near.
        self._cursors: deque[duckdb.DuckDBPyConnection] = deque()
        self._parsed: dict[str, duckdb.Statement] = {}
        self._backup = Backup(self, self.path)

    def close(self) -> None:
        """Checkpoint, close the file and let go of the lock. No borrowed cursor may be in use."""
        self._backup.stop()
        while self._cursors:
            self._cursors.pop().close()
        self.writer.close()
        lock.release(self._lock)

    def on_failure(self, callback: Callable[[], None]) -> None:
        """Have `callback` called once nothing works any more, by any thread, and maybe by several."""
        self._when_broken = callback

    @contextlib.contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Run a block in one transaction of the writer; the writer thread alone may.

        COMMIT after an error inside the transaction returns success and writes nothing, so any exception
        leads to ROLLBACK and is raised again as the GatewayError it means.
        """
        try:
            self.writer.execute("BEGIN")
            yield self.writer
            self._commit()
        except BaseException as error:
            self._incoming.clear()  # What was registered in the transaction goes with it.
            with contextlib.suppress(duckdb.Error):
                self.writer.execute("ROLLBACK")
            if isinstance(error, duckdb.Error):
                raise self.meaning(error) from error
            if isinstance(error, UnicodeDecodeError):
                raise store_error(unreadable()) from error
            raise

    def _commit(self) -> None:
        """Commit. Where the rows are safe and only the checkpoint behind them failed, that is a success."""
        try:
            self.writer.execute("COMMIT")
        except duckdb.FatalException as error:
            if "COMMIT succeeded" not in str(error):
                raise
            self._break(error)

    def meaning(self, error: duckdb.Error) -> GatewayError:
        """Say what an error means for a request, and make sure that the process ends where it ends the database."""
        meant = store_error(error)
        if isinstance(meant, FatalError):
            self._break(error)
        elif meant.code is Code.FILE_DAMAGED:
            _log.critical("%s: %s; gateway doctor tells what it is part of", self.path, str(error)[:500])
        return meant

    def _break(self, error: duckdb.Error) -> None:
        if not self._is_broken:
            # Such a message speaks of blocks and files, never of values.
            _log.critical("the database has to be opened anew: %s", str(error)[:500])
        self._is_broken = True
        self._when_broken()

    @contextlib.contextmanager
    def registered(self, name: str, rows: pa.Table) -> Iterator[None]:
        """Let the writer's statements read Arrow rows under a name."""
        self.writer.register(name, rows)
        try:
            yield
        finally:
            self.writer.unregister(name)

    def table(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run a SELECT in the writer's transaction, and give all its rows."""
        stream = Stream(self.writer, sql, parameters)
        try:
            return pa.Table.from_batches(list(stream), schema=stream.schema)
        finally:
            stream.close()

    def insert(self, table: str, rows: pa.Table) -> None:
        """Insert Arrow rows by column name into a quoted table, as part of the writer's transaction."""
        incoming = self._incoming.get(table)
        if incoming is None or incoming.schema != rows.schema:
            name = f"incoming_{self._numbers.setdefault(table, len(self._numbers))}"
            incoming = self._incoming[table] = _Incoming(name, rows)
            self.writer.register(incoming.name, incoming)
        with incoming.showing(rows):
            self.run_insert(f"INSERT INTO {table} BY NAME SELECT * FROM {incoming.name}", rows.num_rows)

    def run_insert(self, sql: str, rows: int) -> None:
        """Run what inserts so many rows, as part of the writer's transaction.

        Raises:
            GatewayError: Where it has inserted another number of them.
        """
        done = self.writer.execute(sql).fetchone()
        if done is None or done[0] != rows:
            raise GatewayError(Code.STORE_FAILED, f"{rows} rows were to be inserted, but {done} were")

    def insert_values(self, table: str, columns: pa.Schema, lines: Sequence[tuple[Any, ...]]) -> None:
        """Insert Python values, a tuple a row, as `insert` does."""
        if lines:
            values = zip(*lines, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(values, columns, strict=True)]
            self.insert(table, pa.Table.from_arrays(arrays, schema=columns))

    def note_change(self) -> None:
        """Note that tables were made, changed or dropped."""
        self._changes += 1

    def changes(self) -> int:
        """Tell how often tables were made, changed or dropped, as far as it was noted.

        What is planned before that is planned anew. It belongs to the writer thread.
        """
        return self._changes

    def request_maintenance(self) -> None:
        """Have `maintain` make a checkpoint."""
        self._is_checkpoint_due = True

    def maintain(self) -> bool:
        """Write the WAL into the file where it was asked for; tell whether it is still to be done."""
        if self._is_checkpoint_due:
            self._is_checkpoint_due = not self._checkpoint()
        return self._is_checkpoint_due

    def _checkpoint(self) -> bool:
        """Write the WAL into the file; tell whether it could be done now.

        DuckDB 1.5 refuses while it takes another connection's transaction for a writing one. Nothing is
        raised: it runs after a COMMIT, whose success it must not hide.
        """
        try:
            self.writer.execute("CHECKPOINT")
        except duckdb.Error as error:
            self.meaning(error)
            return False
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
        """Run a SELECT with few rows on a cursor of its own."""
        with self.cursor() as cursor:
            return cursor.execute(sql, list(parameters)).fetchall()

    def parsed(self, cursor: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
        """Parse a statement on a cursor, or give what was parsed of the same text; any thread may run it, any number of times.

        What its names mean is found out when it is run.
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
        """Take a cursor that nobody else uses."""
        try:
            return self._cursors.pop()
        except IndexError:
            return self.writer.cursor()

    def read(self) -> ReadTransaction:
        """Make a transaction of reading; nothing runs before its first SELECT."""
        return DuckDBReadTransaction(self)

    def backup(self) -> BinaryIO:
        """Make a copy of what is committed now, as `Backup.make` does."""
        return self._backup.make()

    def give_back(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Return a borrowed cursor that is no longer in use."""
        self._cursors.append(cursor)


class _Incoming:
    """What is registered under one name: the Arrow rows that are inserted next, of whichever table has them."""

    def __init__(self, name: str, rows: pa.Table) -> None:
        self.name = name
        self.schema = rows.schema
        self._empty = self._rows = rows.schema.empty_table()

    @contextlib.contextmanager
    def showing(self, rows: pa.Table) -> Iterator[None]:
        """Be these rows for the time of a block."""
        self._rows = rows
        try:
            yield
        finally:
            self._rows = self._empty

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._rows.__arrow_c_stream__(requested_schema)


def _nothing() -> None:
    """Do nothing."""
