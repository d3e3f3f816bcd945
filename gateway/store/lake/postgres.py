"""Connections of the gateway's own to PostgreSQL: for the commit lock, the journal, and notifications.

They do not come from the pool of DuckDB's extension. That sends DISCARD ALL before it uses a connection again, which
would release the commit lock.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo

from gateway.errors import Code, GatewayError
from gateway.store.errors import StoreAway
from gateway.store.lake.lake_address import LakeAddress
from gateway.store.lake.sockets import cut_connections

Connection = psycopg.Connection[tuple[Any, ...]]
#: The parameters of a statement: those of `%s`, or those of `%(name)s`.
Parameters = Sequence[Any] | Mapping[str, Any]
T = TypeVar("T")


class CatalogSelect(Protocol):
    """Runs a SELECT in PostgreSQL."""

    def __call__(self, sql: str, parameters: Parameters = (), /) -> list[tuple[Any, ...]]:
        """Return its rows."""


#: The condition of `pg_locks` that an advisory lock of this database is held; its parameter is the key of the lock.
LOCK_IS_HELD = (
    "locktype = 'advisory' AND classid = 0 AND objid = %s::bigint::oid AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
#: The most idle connections that are kept.
_IDLE_MAX = 8


class PostgreSQL:
    """Lends connections to the catalog's database, each in autocommit mode. Any thread may call it."""

    def __init__(self, address: LakeAddress) -> None:
        self.address = address
        #: Whether the watch has found that PostgreSQL does not answer; the watch alone changes it.
        self.is_away = False
        # The lock guards the next two.
        self._lock = threading.Lock()
        self._idle: deque[Connection] = deque()
        self._is_closed = False

    def connect(self, **parameters: int) -> Connection:
        """Return a new connection, which the caller closes; parameters replace those of the address.

        Raises:
            psycopg.OperationalError: PostgreSQL refuses it, or does not answer.
        """
        return psycopg.connect(make_conninfo(self.address.conninfo, **parameters), autocommit=True)

    def cut(self) -> None:
        """End all connections of this process to PostgreSQL, those inside of DuckDB too."""
        # There is one port for each host, or one for all.
        ports = self.address.parameters.get("port", "").split(",")
        cut_connections([port or "5432" for port in ports])

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection]:
        """Borrow a connection; it is closed if the block raises.

        Raises:
            GatewayError: PostgreSQL cannot be asked; with `Retry-After`.
        """
        if self.is_away:
            raise StoreAway(Code.READ_FAILED)
        try:
            with self._lock:
                borrowed = self._idle.pop() if self._idle else None
            connection = borrowed or self.connect()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._give_back(connection)
        except psycopg.Error as error:
            raise catalog_error(error) from error

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Run a SELECT; it is run again on a new connection if an idle one was closed by PostgreSQL.

        Raises:
            GatewayError: PostgreSQL cannot be asked; with `Retry-After`.
        """
        return self._twice(lambda connection: fetch(connection, sql, parameters))

    def run(self, sql: str, parameters: Parameters = ()) -> None:
        """Run a statement that may be run twice, in a transaction of its own; it is run again as a SELECT is.

        Raises:
            GatewayError: PostgreSQL cannot be asked; with `Retry-After`.
        """
        self._twice(lambda connection: execute(connection, sql, parameters).rowcount)

    def _twice(self, ask: Callable[[Connection], T]) -> T:
        try:
            with self.connection() as connection:
                return ask(connection)
        except GatewayError as error:
            if not isinstance(error.__cause__, psycopg.OperationalError):
                raise
        self.drop_idle()
        with self.connection() as connection:
            return ask(connection)

    def drop_idle(self) -> None:
        """Close the idle connections, which are of no use after an outage."""
        with self._lock:
            idle, self._idle = list(self._idle), deque()
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """Close the idle connections, and keep none from now on."""
        with self._lock:
            self._is_closed = True
        self.drop_idle()

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            if not self._is_closed and len(self._idle) < _IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()


def execute(connection: Connection, sql: str, parameters: Parameters = ()) -> psycopg.Cursor[tuple[Any, ...]]:
    """Run a statement whose text is the gateway's own, with `%s` for its parameters."""
    return connection.execute(sql.encode(), parameters or None)


def fetch(connection: Connection, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
    """Run a SELECT whose text is the gateway's own, and return its rows."""
    return execute(connection, sql, parameters).fetchall()


def catalog_error(error: Exception, code: Code = Code.READ_FAILED) -> GatewayError:
    """Return what a failure of PostgreSQL means for a request."""
    meant = StoreAway(code)
    meant.__cause__ = error
    return meant
