"""SELECTs of one reader on a DuckDB cursor: streaming or small, alone or in one transaction."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa

from gateway.errors import Code, GatewayError
from gateway.store.engine.interface import CursorLender
from gateway.store.engine.stream import Stream, stop
from gateway.store.errors import FatalError, StoreAway

#: The number of rows that are fetched as Python values at a time.
ROWS_AT_ONCE = 128


class DuckDBReadTransaction:
    """SELECTs that see the same rows after `begin`. One thread at a time may use it, except for `interrupt`."""

    def __init__(self, database: CursorLender) -> None:
        self._database = database
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._in_transaction = False
        self._stream: Stream | None = None
        self._batches: Iterator[pa.RecordBatch] = iter(())
        # Whether the cursor has rows left that are fetched as values.
        self._has_rows_left = False
        # Whether the last SELECT was read to its end.
        self._is_over = True
        self._interrupted = False
        # An interrupt must not reach a cursor that has been given back.
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Begin a transaction, so that all later SELECTs see the same rows; it ends the running SELECT.

        PERF: a single SELECT needs no transaction; BEGIN and ROLLBACK are two more statements.

        Raises:
            GatewayError: As `fetch`.
        """
        with self._reading() as cursor:
            self._end()
            if not self._in_transaction:
                cursor.execute("BEGIN TRANSACTION READ ONLY")
                self._in_transaction = True

    def fetch(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Run a SELECT with a small result; it ends the running SELECT.

        Raises:
            GatewayError: The query failed or was interrupted.
        """
        with self._reading() as cursor:
            self._end()
            rows: list[tuple[Any, ...]] = cursor.execute(sql, list(parameters)).fetchall()
            return rows

    def few(
        self, sql: str, parameters: tuple[Any, ...], *, most_rows: int, most_size: int
    ) -> list[tuple[Any, ...]] | None:
        """Run a SELECT whose first column is text, and return its rows; it ends the running SELECT.

        If the rows or their characters exceed a limit, return None; then `next` returns all rows.

        PERF: for some hundreds of rows, Python values take less time than Arrow. A text that was parsed before is not
        parsed again, which saves a seventh of the time of a hundred rows by key.

        Raises:
            GatewayError: As `fetch`.
        """
        with self._reading() as cursor:
            self._end()
            self._is_over = False
            try:
                cursor.execute(self._database.parsed(cursor, sql), list(parameters))
                return self._taken(cursor, most_rows, most_size)
            except duckdb.InterruptException:
                if self._interrupted or self._in_transaction:
                    raise
            # DuckDB 1 reports any error of the query as an interrupt here; a stream reports the error itself.
            self.start(sql, parameters)
            return None

    def _taken(
        self, cursor: duckdb.DuckDBPyConnection, most_rows: int, most_size: int
    ) -> list[tuple[Any, ...]] | None:
        """Fetch rows to their end; if they exceed a limit, leave all of them to `next`."""
        rows: list[tuple[Any, ...]] = []
        size = 0
        while len(rows) <= most_rows and size <= most_size:
            some = cursor.fetchmany(ROWS_AT_ONCE)
            rows += some
            size += sum(len(row[0]) for row in some)
            if len(some) < ROWS_AT_ONCE and len(rows) <= most_rows and size <= most_size:
                self._is_over = True
                return rows
        self._has_rows_left = True
        self._batches = _in_batches(rows, cursor)
        return None

    def start(self, sql: str, parameters: tuple[Any, ...]) -> None:
        """Start a SELECT whose rows `next` returns; it ends the running SELECT.

        Raises:
            GatewayError: As `fetch`.
        """
        with self._reading() as cursor:
            self._end()
            self._is_over = False
            self._stream = Stream(cursor, sql, parameters)
            self._batches = iter(self._stream)

    def next(self) -> pa.RecordBatch | None:
        """Return the next rows, or None at the end.

        Raises:
            GatewayError: As `fetch`.
        """
        with self._reading():
            batch = next(self._batches, None)
            self._is_over = batch is None
            return batch

    def interrupt(self) -> None:
        """Stop the query; its thread gets the error. Any thread may call it."""
        with self._lock:
            self._interrupted = True
            if self._cursor is not None:
                self._cursor.interrupt()

    def close(self) -> None:
        """End the SELECT and give the cursor back. No other thread may be inside a method."""
        if self._cursor is None:
            return
        self._end()
        with self._lock:
            cursor, self._cursor = self._cursor, None
        self._database.give_back(cursor, is_clean=self._is_reusable(cursor))

    def _is_reusable(self, cursor: duckdb.DuckDBPyConnection) -> bool:
        """End the transaction; return whether the cursor is clean."""
        if not self._in_transaction:
            return self._is_over and not self._interrupted
        try:
            cursor.execute("ROLLBACK")
        except duckdb.Error:
            return False
        return True

    def _end(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        if self._has_rows_left and self._cursor is not None:
            stop(self._cursor)
            self._has_rows_left = False

    @contextlib.contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Run a step on the cursor, and convert its error."""
        if self._interrupted:
            raise GatewayError(Code.QUERY_TIMEOUT)
        try:
            if self._cursor is None:
                self._cursor = self._database.borrow()
            yield self._cursor
        except duckdb.Error as error:
            self._is_over = False
            raise _read_error(self._database.meaning(error)) from error


def _in_batches(rows: list[tuple[Any, ...]], cursor: duckdb.DuckDBPyConnection) -> Iterator[pa.RecordBatch]:
    """Yield rows, and then the remaining rows of a cursor."""
    while rows:
        columns = [pa.array(column) for column in zip(*rows, strict=True)]
        yield pa.RecordBatch.from_arrays(columns, names=list(map(str, range(len(columns)))))
        rows = cursor.fetchmany(ROWS_AT_ONCE)


def _read_error(meant: GatewayError) -> GatewayError:
    if isinstance(meant, StoreAway):
        return StoreAway(Code.READ_FAILED, meant.reason)
    if meant.code is Code.STORE_FAILED:
        hint = "ask for fewer or narrower rows; raise GATEWAY_MEMORY where rows are very wide"
        if isinstance(meant, FatalError):
            hint = meant.hint or hint
        return GatewayError(Code.READ_FAILED, hint=hint, headers=meant.headers)
    return meant
