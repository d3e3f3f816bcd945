"""An open DuckDB database: the writer's connection and its statements, and the cursors of readers."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from gateway.errors import Code, GatewayError
from gateway.store.engine.cursors import Cursors
from gateway.store.engine.duckdb_errors import store_error
from gateway.store.engine.read_transaction import DuckDBReadTransaction
from gateway.store.engine.stream import Stream
from gateway.store.errors import FatalError
from gateway.store.interface import ReadTransaction
from gateway.store.usage import Usage

_log = logging.getLogger(__name__)

#: The most parsed statements that are cached, and the most characters of one.
_PARSED, _PARSED_TEXT = 512, 4096


class OpenDatabase:
    """The common part of the engines: `Database` without its transactions and its upkeep.

    `writer` is the connection of the writer thread. Each reader borrows a cursor of its own: two threads on one cursor
    get each other's rows without an error.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, where: str) -> None:
        """Use an open connection; `where` names the database in the log."""
        self.writer = connection
        self._where = where
        #: PERF: the sources of the writer's INSERTs, by table. To register one takes half the time of an INSERT.
        self._incoming: dict[str, _Incoming] = {}
        self._numbers: dict[str, int] = {}
        # The writer thread alone touches it.
        self._changes = 0
        self._is_broken = False
        self._when_broken: Callable[[], None] = _nothing
        self._cursors = Cursors(connection)
        self._parsed: dict[str, duckdb.Statement] = {}

    def on_failure(self, callback: Callable[[], None]) -> None:
        """Register the callback for a lost database; any thread may call it, and more than once."""
        self._when_broken = callback

    def require_answer(self) -> None:
        """Refuse nothing: the database is in this process."""

    def meaning(self, error: duckdb.Error) -> GatewayError:
        """Return the error of a request; if the database is lost, report it to the callback of `on_failure`."""
        meant = store_error(error)
        if isinstance(meant, FatalError):
            self._break(str(error)[:500])  # Such a message names blocks and files, never values.
        elif meant.code is Code.FILE_DAMAGED:
            _log.critical("%s: %s; gateway doctor tells what it is part of", self._where, str(error)[:500])
        return meant

    def _break(self, reason: str) -> None:
        if not self._is_broken:
            _log.critical("the database must be opened again: %s", reason)
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

    def insert_selected(self, table: str, select: str) -> int:
        """Insert the rows of a SELECT by column name, in the writer's transaction, and return their number."""
        ((rows,),) = self.writer.execute(f"INSERT INTO {table} BY NAME {select}").fetchall()
        return int(rows)

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

    def usage(self) -> Usage:
        """Return the memory that the database uses, and its temporary files."""
        ((memory, cached, temporary),) = self.rows(
            "SELECT sum(memory_usage_bytes)::BIGINT,"
            " sum(memory_usage_bytes) FILTER (tag IN ('BASE_TABLE', 'EXTERNAL_FILE_CACHE'))::BIGINT,"
            " sum(temporary_storage_bytes)::BIGINT FROM duckdb_memory()"
        )
        return Usage(memory, cached or 0, temporary, file=0, wal=0)

    def note_change(self) -> None:
        """Count a change of tables: one was created, altered, or dropped."""
        self._changes += 1

    def changes(self) -> int:
        """Return how many changes of tables were counted, for the writer thread.

        Statements that were prepared before the last change are stale.
        """
        return self._changes

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


def _nothing() -> None:
    """Ignore the failure."""
