"""Reading: one SELECT whose text column leaves as bytes, a piece at a time."""

import contextlib
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from gateway.errors import Code, GatewayError
from gateway.store.database import Database, store_error, stream


class Reading:
    """A running query. One thread at a time may use it, except for `interrupt`."""

    def __init__(self, database: Database, sql: str, parameters: Sequence[Any]) -> None:
        self._database = database
        self._sql = sql
        self._parameters = parameters
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._reader: pa.RecordBatchReader | None = None
        self._interrupted = False

    def read(self) -> bytes | None:
        """Give the next rows' text, or None at the end. The first call starts the query.

        Raises:
            GatewayError: Where the query fails or was interrupted.
        """
        if self._interrupted:
            raise GatewayError(Code.QUERY_TIMEOUT)
        try:
            if self._reader is None:
                self._cursor = self._cursor or self._database.borrow()
                self._reader = stream(self._cursor, self._sql, self._parameters)
            for batch in self._reader:
                if batch.num_rows:
                    return _text(batch.column(0))
        except duckdb.Error as error:
            raise _read_error(error) from error
        except pa.ArrowException as error:  # How a failure inside a running stream arrives.
            raise _read_error(_cause(error)) from error
        return None

    def interrupt(self) -> None:
        """Stop the query; the `read` that waits for it raises. Any thread may call it."""
        self._interrupted = True
        if self._cursor is not None:
            self._cursor.interrupt()

    def close(self) -> None:
        """End the query and give its cursor back. No `read` may be running."""
        if self._cursor is None:
            return
        cursor, self._cursor = self._cursor, None
        if self._reader is not None:
            with contextlib.suppress(duckdb.Error, pa.ArrowException):
                self._reader.close()
            self._reader = None
        self._database.give_back(cursor)


def _text(column: pa.StringArray) -> bytes:
    """Give the concatenated text of a column without nulls: its Arrow buffer is the body already."""
    _, offsets, data = column.buffers()
    places = memoryview(offsets).cast("i")
    start, end = places[column.offset], places[column.offset + len(column)]
    return bytes(memoryview(data)[start:end]) if end > start else b""


def _read_error(error: duckdb.Error) -> GatewayError:
    meant = store_error(error)
    if meant.code is Code.STORE_FAILED:
        hint = "ask for fewer or narrower rows; raise GATEWAY_MEMORY where rows are very wide"
        return GatewayError(Code.READ_FAILED, hint=hint, headers={"Retry-After": "1"})
    return meant


def _cause(error: pa.ArrowException) -> duckdb.Error:
    if "INTERRUPT" in str(error).upper():
        return duckdb.InterruptException(str(error))
    return duckdb.Error(str(error))
