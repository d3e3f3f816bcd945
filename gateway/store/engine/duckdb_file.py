"""The DuckDB file: locked, opened and set up, with its traps wrapped.

Whoever holds a Database owns the file. Nothing else in the process may open it, not even to read: POSIX
drops every lock of a process on a file when it closes any descriptor of it (sqlite.org/howtocorrupt.html).
"""

import contextlib
import functools
import json
import logging
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from gateway.errors import Code, GatewayError
from gateway.resources import disk_full
from gateway.store.files import checksum_repair, lock, restore

_log = logging.getLogger(__name__)

#: DuckDB names the catalog for the file, and a schema of the same name would be ambiguous.
FILE = "store.duckdb"
#: Where in the data directory copies of the file are made, which is the one place that DuckDB may write beside it.
BACKUPS = "backup"
#: What DuckDB 1.5 reads, so that going back to it stays possible.
STORAGE_VERSION = "v1.5.0"

#: DuckDB 2 streams a relation and materialises what `execute` gives as Arrow; DuckDB 1 does the opposite.
_RELATIONS_STREAM = int(duckdb.__version__.split(".", maxsplit=1)[0]) >= 2

#: Rows of a streamed result that come at a time: one of DuckDB's vectors, the least it makes.
ROWS_AT_A_TIME = 2048

#: How many statements are kept parsed, and how long the text of one may be.
_PARSED, _PARSED_TEXT = 512, 4096


#: Mends a file that DuckDB could not open, given what it said and how many bytes of memory it may use, or raises.
Mend = Callable[[Path, str, int], None]


class Database:
    """One open DuckDB file.

    `writer` is the writer thread's connection. Readers borrow a cursor each: two threads on one cursor get each
    other's rows without an error. `when_broken` is called once nothing works any more until the process starts anew:
    by whatever thread has met it, and maybe by several.
    """

    def __init__(
        self,
        directory: Path,
        *,
        memory: int,
        threads: int | None = None,
        spill: int | None = None,
        lock_seconds: float,
        mend: Mend,
    ) -> None:
        """Open the file in `directory`, waiting for its lock.

        A worker that is being replaced holds the lock until it has drained; gunicorn starts the new one
        before it stops the old one. DuckDB takes `memory` bytes at most, `threads` threads and `spill` bytes of
        temporary space; None is what it thinks best. `mend` gets a file that cannot be opened.

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
            self.writer = _opened(
                self.path, _config(real, memory, threads, spill), lambda text: mend(self.path, text, memory)
            )
            _configure(self.writer, real)
        except BaseException:
            lock.release(self._lock)
            raise
        #: What the writer's INSERTs read, by table: to register it takes as long as half an INSERT.
        self._incoming: dict[str, _Incoming] = {}
        self._numbers: dict[str, int] = {}
        #: How often tables were made, changed or dropped, as far as it is told here: what is planned before that is
        #: planned anew. It belongs to the writer thread.
        self.epoch = 0
        self._is_broken = False
        self.when_broken: Callable[[], None] = _nothing
        # The one that was used last is used next, for much of what it has touched is still near.
        self._cursors: deque[duckdb.DuckDBPyConnection] = deque()
        self._parsed: dict[str, duckdb.Statement] = {}

    def close(self) -> None:
        """Checkpoint, close the file and let go of the lock. No borrowed cursor may be in use."""
        while self._cursors:
            self._cursors.pop().close()
        self.writer.close()
        lock.release(self._lock)

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
                raise store_error(_unreadable()) from error
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
        self.when_broken()

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

    def insert_lines(self, table: str, columns: pa.Schema, lines: Sequence[tuple[Any, ...]]) -> None:
        """Insert Python values, a tuple a row, as `insert` does."""
        if lines:
            values = zip(*lines, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(values, columns, strict=True)]
            self.insert(table, pa.Table.from_arrays(arrays, schema=columns))

    def checkpoint(self) -> bool:
        """Write the WAL into the file; the writer thread alone may. Tell whether it could be done now.

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


class FatalError(GatewayError):
    """DuckDB has invalidated the whole instance: nothing works any more until the process starts anew."""


#: What the error of a query begins with that fails for a value that cannot be cast; the label and the value follow.
CAST_FAILED = "a cast failed: "
_CAST_ERROR = f"Invalid Input Error: {CAST_FAILED}"
#: How much of such a value is shown, in characters.
MAX_SHOWN = 100


class Superseded(GatewayError):  # noqa: N818  # a state, not a fault
    """A connector was changed since a statement or a batch was made for it: it is to be made anew."""

    def __init__(self) -> None:
        message = "the connector is being changed; nothing was stored"
        super().__init__(Code.NOT_READY, message, hint="send again", headers={"Retry-After": "1"})


def store_error(error: duckdb.Error) -> GatewayError:
    """Say what a DuckDB error means for a request."""
    text = str(error)
    if text.startswith(_CAST_ERROR):  # First, for it holds a value, which may be any text.
        return _cast_error(text.removeprefix(_CAST_ERROR))
    return _engine_error(error, text)


def _engine_error(error: duckdb.Error, text: str) -> GatewayError:
    full = "No space left" in text
    if isinstance(error, duckdb.CatalogException) and "Table with name" in text:
        return Superseded()
    if isinstance(error, duckdb.FatalException) or "database has been invalidated" in text:
        hint = "the gateway restarts by itself; send again"
        return FatalError(
            Code.DISK_FULL if full else Code.STORE_FAILED, hint=hint, headers={"Retry-After": "2"}
        )
    if full or "Corrupt database file" in text:
        return _disk_error(full)
    if isinstance(error, duckdb.InterruptException):
        return GatewayError(Code.QUERY_TIMEOUT, hint="ask for less, or filter more")
    if isinstance(error, duckdb.IOException | duckdb.TransactionException | duckdb.OutOfMemoryException):
        return GatewayError(Code.STORE_FAILED, hint="send again", headers={"Retry-After": "1"})
    return _value_error(error, text)


def _cast_error(text: str) -> GatewayError:
    """Say which value of which column cannot be cast: it is what `query.casts` has the query fail with."""
    label, _, value = text.partition("\x1f")
    what, type, is_number = json.loads(bytes.fromhex(label))
    shown = value if len(value) <= MAX_SHOWN else f"{value[: MAX_SHOWN - 1]}…"
    if type in ("integer", "smallint") and (is_number or re.fullmatch(r"\s*[+-]?[0-9]+\s*", value)):
        message = f"'{shown}' in '{what}' is beyond what the cast to {type} can hold"
        wider = "bigint" if type == "smallint" else "numeric or text"
        hint = f"cast {what} to {wider}, or filter such values out"
        return GatewayError(Code.VALUE_OUT_OF_RANGE, message, hint=hint)
    message = f"'{shown}' in '{what}' cannot be cast to {type}"
    return GatewayError(Code.VALUE_INVALID, message, hint=f"cast {what} to text, or filter such values out")


def _disk_error(full: bool) -> GatewayError:
    if full:
        return disk_full()
    return GatewayError(Code.FILE_DAMAGED, hint="ask for other rows or columns; the log has the details")


def _value_error(error: duckdb.Error, text: str) -> GatewayError:
    if isinstance(error, duckdb.ConversionException) and "the value is out of range" not in text:
        message = "a cast in select meets a value that is none of its type"
        return GatewayError(Code.VALUE_INVALID, message, hint="select the column as it is to see its values")
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException):
        message = "a cast or a sum in select is beyond what its type can hold"
        return GatewayError(Code.VALUE_OUT_OF_RANGE, message, hint="cast to float8, or leave the cast out")
    return GatewayError(Code.INTERNAL)


class Stream:
    """A running query whose result is never whole in memory, as batches; one thread at a time may use it.

    Whatever goes wrong in it is raised as a duckdb.Error.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any]) -> None:
        try:
            self._reader = _reader(cursor, sql, list(parameters))
        except UnicodeDecodeError as error:
            raise _unreadable() from error

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
            raise _unreadable() from error

    def close(self) -> None:
        """End the query, on whose cursor another may run then."""
        with contextlib.suppress(duckdb.Error, pa.ArrowException, OSError):
            self._reader.close()


def _reader(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any]) -> pa.RecordBatchReader:
    if _submits():
        return _submitted(cursor, sql, parameters)
    if _RELATIONS_STREAM:
        return cursor.sql(sql, params=parameters).to_arrow_reader(ROWS_AT_A_TIME)
    return cursor.execute(sql, parameters).to_arrow_reader(ROWS_AT_A_TIME)


def _submitted(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: list[Any]) -> pa.RecordBatchReader:
    """Run a query by what a relation of DuckDB 2 runs itself with.

    PERF: a relation binds its query once more before, only to know its columns: 1.0 of the 2.6 ms that a hundred rows
    by key take.
    """
    return cursor._submit(sql, parameters, "stream", ROWS_AT_A_TIME).arrow_reader()  # noqa: SLF001  # as said


def stop(cursor: duckdb.DuckDBPyConnection) -> None:
    """End what `execute` has begun, and let go of its rows; DuckDB 1 does so when the next is run."""
    if _RELATIONS_STREAM:
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


def _unreadable() -> duckdb.Error:
    """Give the error whose message DuckDB has cut in the middle of a character, which Python then cannot read."""
    return duckdb.DataError("it failed, and the message of the failure cannot be read")


def quote(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def moment(microseconds: int) -> datetime:
    """Give the instant of an `epoch_us`."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


def instant(microseconds: int | None) -> datetime | None:
    """Give the instant of an `epoch_us`, or None."""
    return None if microseconds is None else moment(microseconds)


def _opened(
    path: Path, config: dict[str, str | bool | int | float | list[str]], mend: Callable[[str], None]
) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), config=config)
    except duckdb.Error as error:
        text = str(error)
    mend(text)
    try:
        return duckdb.connect(str(path), config=config)
    except duckdb.Error as error:
        raise checksum_repair.unopenable(path, str(error).splitlines()[0][:300]) from error


def _config(
    directory: Path, memory: int, threads: int | None, spill: int | None
) -> dict[str, str | bool | int | float | list[str]]:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory}B",
        # Without it what a query has used stays with the process long after the query has ended.
        "allocator_background_threads": "true",
        "temp_directory": str(directory / "spill"),
        # A checkpoint rewrites a metadata block in place, which a crash can tear: have few of them.
        "checkpoint_threshold": "256MB",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "python_enable_replacements": "false",
    }
    if threads is not None:
        config["threads"] = threads
    if spill is not None:
        config["max_temp_directory_size"] = f"{spill}B"
    if _RELATIONS_STREAM:
        config["storage_compatibility_version"] = STORAGE_VERSION
    return config


def _configure(connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
    for statement in (
        "SET GLOBAL TimeZone = 'UTC'",
        "SET GLOBAL preserve_insertion_order = true",  # What "in commit order" rests on.
        f"SET allowed_directories = [{literal(f'{directory / BACKUPS}/')}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ):
        connection.execute(statement)
