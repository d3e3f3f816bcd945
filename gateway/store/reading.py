"""Reading: a SELECT that streams, by itself or after others in one transaction."""

import contextlib
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa

from gateway.errors import Code, GatewayError
from gateway.store.database import Database, FatalError, Stream


class Reading:
    """SELECTs that all see the same rows from `begin` on. One thread at a time may use it, except for `interrupt`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._in_transaction = False
        self._stream: Stream | None = None
        self._batches: Iterator[pa.RecordBatch] = iter(())
        # Whether the last SELECT came to its end by itself.
        self._is_over = True
        self._interrupted = False

    def begin(self) -> None:
        """Have all SELECTs from now on see the same rows, and end the one that streams.

        PERF: a single one needs no transaction: it is one, and BEGIN and ROLLBACK are two more statements.

        Raises:
            GatewayError: As `fetch`.
        """
        with self._reading() as cursor:
            self._end()
            if not self._in_transaction:
                cursor.execute("BEGIN TRANSACTION READ ONLY")
                self._in_transaction = True

    def fetch(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Run a SELECT with few rows, which ends the one that streams.

        Raises:
            GatewayError: Where the query fails or was interrupted.
        """
        with self._reading() as cursor:
            self._end()
            rows: list[tuple[Any, ...]] = cursor.execute(sql, list(parameters)).fetchall()
            return rows

    def start(self, sql: str, parameters: tuple[Any, ...]) -> None:
        """Begin a SELECT whose rows `next` gives, ending the one before.

        Raises:
            GatewayError: As `fetch`.
        """
        with self._reading() as cursor:
            self._end()
            self._is_over = False
            self._stream = Stream(cursor, sql, parameters)
            self._batches = iter(self._stream)

    def next(self) -> pa.RecordBatch | None:
        """Give the next rows, or None at the end.

        Raises:
            GatewayError: As `fetch`.
        """
        with self._reading():
            batch = next(self._batches, None)
            self._is_over = batch is None
            return batch

    def interrupt(self) -> None:
        """Stop the query; whoever waits for it gets the error. Any thread may call it."""
        self._interrupted = True
        if self._cursor is not None:
            self._cursor.interrupt()

    def close(self) -> None:
        """End what runs and give the cursor back. Nothing may be running."""
        if self._cursor is None:
            return
        cursor, self._cursor = self._cursor, None
        self._end()
        if self._is_reusable(cursor):
            self._database.give_back(cursor)
        else:
            cursor.close()  # It is in a state nobody knows.

    def _is_reusable(self, cursor: duckdb.DuckDBPyConnection) -> bool:
        """Leave the transaction, and tell whether nothing at all is left of it."""
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

    @contextlib.contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Run a step, and say what its failure means."""
        if self._interrupted:
            raise GatewayError(Code.QUERY_TIMEOUT)
        try:
            if self._cursor is None:
                self._cursor = self._database.borrow()
            yield self._cursor
        except duckdb.Error as error:
            self._is_over = False
            raise _read_error(self._database.meaning(error)) from error


def _read_error(meant: GatewayError) -> GatewayError:
    if meant.code is Code.STORE_FAILED:
        hint = "ask for fewer or narrower rows; raise GATEWAY_MEMORY where rows are very wide"
        if isinstance(meant, FatalError):
            hint = meant.hint or hint
        return GatewayError(Code.READ_FAILED, hint=hint, headers=meant.headers)
    return meant
