"""The engine of a store, as `tables/` uses it: an open database with one writer and many readers.

SQL is the same for every engine. How a database is opened, committed, followed, maintained, and copied is not.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

import duckdb
import pyarrow as pa

from gateway.errors import GatewayError
from gateway.store.interface import ReadTransaction
from gateway.store.usage import Usage


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The differences between engines.

    Attributes:
        has_file: Whether the store is one file on this machine: `backup`, `gateway doctor`, and `gateway restore` exist.
        keeps_order: Whether a scan returns rows in the order in which they were stored, which is that of their `_id`s.
        prepares_inserts: Whether a prepared INSERT of Python values is the fastest for a few rows.
        narrows_in_place: Whether ALTER takes a type that cannot hold every value of the old one, if the stored values fit.
    """

    has_file: bool
    keeps_order: bool
    prepares_inserts: bool
    narrows_in_place: bool


class CursorLender(Protocol):
    """The connections of an open database that read; any thread may borrow one."""

    def borrow(self) -> duckdb.DuckDBPyConnection:
        """Return a connection that reads and that no other thread uses, until `give_back`."""

    def give_back(self, cursor: duckdb.DuckDBPyConnection, *, is_clean: bool = True) -> None:
        """Return a borrowed connection that runs nothing; it is closed if its state is unknown."""

    def parsed(self, cursor: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
        """Return a parsed statement, from memory if the same text was parsed before."""

    def meaning(self, error: duckdb.Error) -> GatewayError:
        """Return what an error means for a request; if the database is lost, call the callback of `on_failure`."""


class Database(CursorLender, Protocol):
    """One open database.

    `writer` and every method of the first part belong to the writer thread, the others to any thread. SQL runs on
    DuckDB connections; its failures are duckdb.Error, which `transaction`, `cursor`, and `rows` turn into GatewayError.
    """

    @property
    def capabilities(self) -> Capabilities:
        """The differences of this engine from others."""

    # -- the writer thread

    @property
    def writer(self) -> duckdb.DuckDBPyConnection:
        """The connection of the writer thread."""

    def turn_to_commit(self) -> AbstractContextManager[None]:
        """Wait until it is the turn of this process to commit, and hold the turn for the transactions of a block.

        Raises:
            StoreAway: The turn did not come.
        """

    def transaction(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Run a block in one transaction of the writer; it is durable after the block, or rolled back if it raises.

        Raises:
            GatewayError: What a duckdb.Error inside the block, or of COMMIT, means.
        """

    def registered(self, name: str, rows: pa.Table) -> AbstractContextManager[None]:
        """Register Arrow rows under a name that the writer's statements read, inside a block."""

    def table(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run a SELECT in the writer's transaction and return all its rows."""

    def insert(self, table: str, rows: pa.Table) -> None:
        """Insert Arrow rows by column name into a quoted table, in the writer's transaction.

        Raises:
            GatewayError: Another number of rows was inserted.
        """

    def insert_values(self, table: str, columns: pa.Schema, lines: Sequence[tuple[Any, ...]]) -> None:
        """Insert Python values, one tuple a row, as `insert` does."""

    def insert_selected(self, table: str, select: str) -> int:
        """Insert the rows of a SELECT by column name, in the writer's transaction, and return their number."""

    def run_insert(self, sql: str, rows: int) -> None:
        """Run an INSERT of a known number of rows, in the writer's transaction.

        Raises:
            GatewayError: Another number of rows was inserted.
        """

    def note_change(self) -> None:
        """Count a change of tables: one was created, altered, or dropped."""

    def changes(self) -> int:
        """Return how many changes of tables were counted; statements prepared before the last one are stale."""

    def note_rows(self, table: str, stored: int, deleted: int) -> None:
        """Count rows of a table that were committed, for the upkeep."""

    @property
    def is_reachable(self) -> bool:
        """True if the servers that the database needs answer; any thread may read it."""

    def tables(self) -> list[str]:
        """List the names of the tables of connectors; any thread may call it."""

    def request_maintenance(self) -> None:
        """Request that the next `maintain` does its work."""

    def maintain(self) -> bool:
        """Perform the upkeep that is due, such as a checkpoint; return whether some is still due. Never raises."""

    # -- any thread

    def cursor(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """Borrow a connection that reads, for one thread."""

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a SELECT with a small result on a borrowed connection."""

    def read(self) -> ReadTransaction:
        """Return a new transaction that reads; it takes no connection before its first SELECT."""

    def require_answer(self) -> None:
        """Refuse a change at once that would wait for a server that does not answer.

        Raises:
            StoreAway: A server that the database needs does not answer.
        """

    def on_failure(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the database can no longer be used; any thread may call it, and more than once."""

    def usage(self) -> Usage:
        """Return the memory and the disk that the database uses."""

    def backup(self) -> BinaryIO:
        """Copy all committed rows into a file and return it open; closing it deletes it.

        Raises:
            GatewayError: Another backup runs, the disk has too little space, the copy failed, or there is no file.
        """

    def close(self) -> None:
        """Close the database. No borrowed connection may be in use."""
