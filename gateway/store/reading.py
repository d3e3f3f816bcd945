"""Reading: one transaction of SELECTs, the last of which streams."""

import contextlib
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa

from gateway.errors import Code, GatewayError
from gateway.store.database import Database, store_error, stream


class Reading:
    """SELECTs that all see the same rows. One thread at a time may use it, except for `interrupt`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._reader: pa.RecordBatchReader | None = None
        self._interrupted = False

    def fetch(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Run a SELECT with few rows, which ends the one that streams.

        Raises:
            GatewayError: Where the query fails or was interrupted.
        """
        with self._reading() as cursor:
            rows: list[tuple[Any, ...]] = cursor.execute(sql, list(parameters)).fetchall()
            return rows

    def start(self, sql: str, parameters: tuple[Any, ...]) -> None:
        """Begin a SELECT whose rows `next` gives, ending the one before.

        Raises:
            GatewayError: As `fetch`.
        """
        with self._reading() as cursor:
            self._reader = stream(cursor, sql, parameters)

    def next(self) -> pa.RecordBatch | None:
        """Give the next rows, or None at the end.

        Raises:
            GatewayError: As `fetch`.
        """
        assert self._reader is not None
        reader = self._reader
        with self._reading():
            for batch in reader:
                if batch.num_rows:
                    return batch
        return None

    def interrupt(self) -> None:
        """Stop the query; whoever waits for it gets the error. Any thread may call it."""
        self._interrupted = True
        if self._cursor is not None:
            self._cursor.interrupt()

    def close(self) -> None:
        """End the transaction and give its cursor back. Nothing may be running."""
        if self._cursor is None:
            return
        cursor, self._cursor = self._cursor, None
        if self._reader is not None:
            with contextlib.suppress(duckdb.Error, pa.ArrowException):
                self._reader.close()
            self._reader = None
        try:
            cursor.execute("ROLLBACK")
        except duckdb.Error:
            cursor.close()  # It is in a state nobody knows.
        else:
            self._database.give_back(cursor)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Run a step, in the transaction that the first of them begins, and say what its failure means."""
        if self._interrupted:
            raise GatewayError(Code.QUERY_TIMEOUT)
        try:
            if self._cursor is None:
                self._cursor = self._database.borrow()
                self._cursor.execute("BEGIN TRANSACTION READ ONLY")
            yield self._cursor
        except duckdb.Error as error:
            raise _read_error(error) from error
        except pa.ArrowException as error:  # How a failure inside a running stream arrives.
            raise _read_error(_cause(error)) from error


def _read_error(error: duckdb.Error) -> GatewayError:
    meant = store_error(error)
    if meant.code is Code.STORE_FAILED:
        hint = "ask for fewer or narrower rows; raise GATEWAY_MEMORY where rows are very wide"
        return GatewayError(Code.READ_FAILED, hint=hint, headers={"Retry-After": "1"})
    return meant


def _cause(error: pa.ArrowException) -> duckdb.Error:
    """Give the DuckDB error that Arrow tells of: it passes on the words, and the class only as a word."""
    text = str(error)
    if "INTERRUPT" in text.upper():
        return duckdb.InterruptException(text)
    for kind in (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.OutOfMemoryException):
        if kind.__name__.removesuffix("Exception") in text.replace(" ", ""):
            return kind(text)
    return duckdb.Error(text)
