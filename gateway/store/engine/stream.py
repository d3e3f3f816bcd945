"""A running query whose rows are read in batches, and what ends it."""

import contextlib
import functools
import operator
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

#: DuckDB 2 streams a relation and materialises what `execute` gives as Arrow; DuckDB 1 does the opposite.
RELATIONS_STREAM = int(duckdb.__version__.split(".", maxsplit=1)[0]) >= 2

#: Rows of a streamed result that come at a time: one of DuckDB's vectors, the least it makes.
ROWS_AT_A_TIME = 2048


class Stream:
    """A running query whose result is never whole in memory, as batches; one thread at a time may use it.

    Whatever goes wrong in it is raised as a duckdb.Error.
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
        """Give the batches that have rows."""
        try:
            for batch in self._reader:
                if batch.num_rows:
                    yield batch
        except (pa.ArrowException, OSError) as error:  # How Arrow passes on a failure of the query.
            raise _cause(error) from error
        except UnicodeDecodeError as error:
            raise unreadable() from error

    def close(self) -> None:
        """End the query, on whose cursor another may run then."""
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
    """Run a query by what a relation of DuckDB 2 runs itself with.

    PERF: a relation binds its query once more before, only to know its columns: 1.0 of the 2.6 ms that a hundred rows
    by key take.
    """
    reader: pa.RecordBatchReader = _submit(cursor)(sql, parameters, "stream", ROWS_AT_A_TIME).arrow_reader()
    return reader


def stop(cursor: duckdb.DuckDBPyConnection) -> None:
    """End what `execute` has begun, and let go of its rows; DuckDB 1 does so when the next is run."""
    if RELATIONS_STREAM:
        with contextlib.suppress(duckdb.Error):  # As when a stream is closed.
            cursor.abort()


@functools.cache
def _submits() -> bool:
    """Tell whether there is such a thing: it is not public, and may be gone or be another in any release."""
    with contextlib.suppress(Exception), duckdb.connect() as scratch:
        return bool(_submitted(scratch, "SELECT $1 AS i", [7]).read_all().to_pydict() == {"i": [7]})
    return False


def selecting(
    connection: duckdb.DuckDBPyConnection,
) -> Callable[[str, Sequence[Any]], Iterator[pa.RecordBatch]]:
    """Give what runs SELECTs on a connection, one after another, each of them streaming."""

    def select(sql: str, parameters: Sequence[Any]) -> Iterator[pa.RecordBatch]:
        stream = Stream(connection, sql, parameters)
        try:
            yield from stream
        finally:
            stream.close()

    return select


@contextlib.contextmanager
def interrupted_after(seconds: float, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Interrupt whatever a connection does in a block that has lasted so long, until the block ends."""
    done = threading.Event()

    def interrupt() -> None:
        wait = seconds
        while not done.wait(wait):
            connection.interrupt()
            wait = 0.1  # And again: one that comes between two statements is lost.

    thread = threading.Thread(target=interrupt, name="deadline", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()  # It must not interrupt whoever has the connection next.


def _cause(error: Exception) -> duckdb.Error:
    """Give the DuckDB error that Arrow tells of: it passes on the words, and the class only as a word."""
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
    """Give the error whose message DuckDB has cut in the middle of a character, which Python then cannot read."""
    return duckdb.DataError("it failed, and the message of the failure cannot be read")
