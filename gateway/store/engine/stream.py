"""A running query whose rows are read in batches, and the ways to end it."""

import contextlib
import functools
import operator
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

#: DuckDB 2 streams a relation and materializes the Arrow result of `execute`; DuckDB 1 does the opposite.
RELATIONS_STREAM = int(duckdb.__version__.split(".", maxsplit=1)[0]) >= 2

#: The rows of one batch of a stream: one vector of DuckDB, the smallest that it produces.
ROWS_AT_A_TIME = 2048


class Stream:
    """A running query whose result is never whole in memory. One thread at a time may use it.

    Every failure is raised as a duckdb.Error.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any]) -> None:
        try:
            self._reader = _reader(cursor, sql, list(parameters))
        except UnicodeDecodeError as error:
            raise unreadable() from error

    @property
    def schema(self) -> pa.Schema:
        """The columns."""
        return self._reader.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches that have rows."""
        try:
            for batch in self._reader:
                if batch.num_rows:
                    yield batch
        except (pa.ArrowException, OSError) as error:  # Arrow raises these for a failed query.
            raise _cause(error) from error
        except UnicodeDecodeError as error:
            raise unreadable() from error

    def close(self) -> None:
        """End the query; then its cursor may run another."""
        with contextlib.suppress(duckdb.Error, pa.ArrowException, OSError):
            self._reader.close()


def _reader(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any]) -> pa.RecordBatchReader:
    if _submits():
        return _submitted(cursor, sql, parameters)
    if RELATIONS_STREAM:
        return cursor.sql(sql, params=parameters).to_arrow_reader(ROWS_AT_A_TIME)
    return cursor.execute(sql, parameters).to_arrow_reader(ROWS_AT_A_TIME)


#: What a relation of DuckDB 2 runs itself with; a private name, which a test holds to exist.
_submit = operator.attrgetter("_submit")


def _submitted(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any]) -> pa.RecordBatchReader:
    """Run a query by the private method that a relation of DuckDB 2 uses.

    PERF: a relation binds its query twice, once only to learn its columns: 1.0 of the 2.6 ms of a hundred rows by key.
    """
    reader: pa.RecordBatchReader = _submit(cursor)(sql, parameters, "stream", ROWS_AT_A_TIME).arrow_reader()
    return reader


def stop(cursor: duckdb.DuckDBPyConnection) -> None:
    """End a query of `execute` and release its rows; DuckDB 1 does so when the next query runs."""
    if RELATIONS_STREAM:
        with contextlib.suppress(duckdb.Error):  # As when a stream is closed.
            cursor.abort()


@functools.cache
def _submits() -> bool:
    """Return whether that method exists and works: it is private, and any release may remove or change it."""
    with contextlib.suppress(Exception), duckdb.connect() as scratch:
        return bool(_submitted(scratch, "SELECT $1 AS i", [7]).read_all().to_pydict() == {"i": [7]})
    return False


def selecting(
    connection: duckdb.DuckDBPyConnection,
) -> Callable[[str, Sequence[Any]], Iterator[pa.RecordBatch]]:
    """Return a function that streams SELECTs on a connection, one after another."""

    def select(sql: str, parameters: Sequence[Any]) -> Iterator[pa.RecordBatch]:
        stream = Stream(connection, sql, parameters)
        try:
            yield from stream
        finally:
            stream.close()

    return select


@contextlib.contextmanager
def interrupted_after(seconds: float, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Interrupt the statements of a connection once a block has lasted `seconds`, until the block ends."""
    done = threading.Event()

    def interrupt() -> None:
        wait = seconds
        while not done.wait(wait):
            connection.interrupt()
            wait = 0.1  # Repeat it: an interrupt between two statements is lost.

    thread = threading.Thread(target=interrupt, name="deadline", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()  # It must not interrupt the next user of the connection.


def _cause(error: Exception) -> duckdb.Error:
    """Build the DuckDB error from that of Arrow, which has its message, but its class only as a word."""
    text = str(error)
    if "INTERRUPT" in text.upper():
        return duckdb.InterruptException(text)
    kinds = {
        "Conversion Error": duckdb.ConversionException,
        "Out of Range Error": duckdb.OutOfRangeException,
        "Out of Memory Error": duckdb.OutOfMemoryException,
        "IO Error": duckdb.IOException,
        "FATAL Error": duckdb.FatalException,
    }
    kind = next((kind for words, kind in kinds.items() if words in text), duckdb.Error)
    return kind(text)


def unreadable() -> duckdb.Error:
    """Return the error for a message that DuckDB has cut inside a character, so that Python cannot decode it."""
    return duckdb.DataError("it failed, and the message of the failure cannot be read")
