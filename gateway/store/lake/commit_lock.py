"""The queue of all gateways that commit to a lake, and the outcome of each commit."""

import contextlib
import functools
import logging
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from gateway import strictjson
from gateway.errors import Code
from gateway.store.errors import CommitRefused, OutcomeUnknown, StoreAway
from gateway.store.lake.postgres import (
    LOCK_IS_HELD,
    Connection,
    Parameters,
    PostgreSQL,
    catalog_error,
    execute,
    fetch,
)
from gateway.store.lake.sockets import cut_connection
from gateway.threads import called_after

_log = logging.getLogger(__name__)

#: The key of PostgreSQL's advisory lock that a commit holds.
LOCK = 0x67617465
#: Seconds between two looks at the holder of the lock, and after which a silent one does not live.
LOOK_SECONDS, FROZEN_SECONDS = 3, 10
#: Seconds that a commit waits for its turn.
TURN_SECONDS = 20
#: Seconds until the search for the outcome of a commit is given up, between two attempts, and for each to connect.
OUTCOME_SECONDS, OUTCOME_PAUSE, OUTCOME_CONNECT_SECONDS = 4.0, 0.25, 2

#: The time of a commit is later than that of the commit before it, also if the clock of PostgreSQL was set back.
_GATE = "SELECT number, batch, greatest(clock_timestamp(), at + interval '1 microsecond') FROM gw.gate"
_FROZEN = f"""
SELECT holder.pid, holder.application_name FROM pg_locks JOIN pg_stat_activity AS holder USING (pid)
WHERE {LOCK_IS_HELD} AND NOT EXISTS (
    SELECT FROM pg_stat_activity AS other WHERE other.application_name = holder.application_name
    AND other.client_addr IS NOT DISTINCT FROM holder.client_addr
    AND other.state_change > clock_timestamp() - make_interval(secs => %s::float8)
)
"""
_HAS_NONCE = "SELECT EXISTS (SELECT FROM gw.commits WHERE nonce = %s)"


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to commit next, and the state of the lake before that commit.

    Attributes:
        nonce: A text that no other commit has.
        number: The number of the last commit; this one has the next number.
        batch: The number of the last batch.
        now: The time of this commit.
    """

    nonce: str
    number: int
    batch: int
    now: datetime

    def message(self, gateway: str, added: dict[str, Any]) -> dict[str, Any]:
        """Return what PostgreSQL's trigger records of the commit of a gateway, with what that has added."""
        own = {"parent": self.number, "nonce": self.nonce, "gateway": gateway, "at": self.now.isoformat()}
        return own | added


class CommitLock:
    """Gives out the turns of one gateway; its writer thread alone may call it.

    The advisory lock is the queue, so that no gateway works for nothing. The gate is the fence: a commit whose turn is over,
    because the connection of its lock was cut, is refused by PostgreSQL itself.
    """

    def __init__(self, postgres: PostgreSQL) -> None:
        self._postgres = postgres
        self._session: Connection | None = None
        self._is_held = False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Wait for the lock, and hold it during a block, in which `turn` does not wait.

        Raises:
            StoreAway: PostgreSQL cannot be asked, or the turn did not come in time.
        """
        try:
            self._wait()
        except psycopg.Error as error:
            self._drop()
            raise catalog_error(error, Code.STORE_FAILED) from error
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
            self._release()

    @contextlib.contextmanager
    def turn(self) -> Iterator[Turn]:
        """Wait for the turn, and hold it during a block.

        Raises:
            StoreAway: PostgreSQL cannot be asked, or the turn did not come in time.
        """
        found = self._gate_if_held()
        with contextlib.nullcontext() if found else self.held():
            ((number, batch, now),) = found or self.rows(_GATE)
            yield Turn(uuid.uuid4().hex, number, batch, now)

    def _gate_if_held(self) -> list[tuple[Any, ...]] | None:
        """Return the gate, None if the lock is not held, or no longer because its connection was lost."""
        if self._is_held and self._session is not None:
            try:
                return fetch(self._session, _GATE)
            except psycopg.OperationalError:
                self._drop()
        return None

    def released_after(self, seconds: float) -> contextlib.AbstractContextManager[None]:
        """Release the lock if a block lasts longer, so that other gateways go on.

        The transaction may go on as well: the gate refuses its commit if another one came before it.
        """
        assert self._session is not None
        return called_after(seconds, functools.partial(_cut, self._session))

    def _wait(self) -> None:
        """Acquire the lock; end the session of a holder that does not live.

        Raises:
            StoreAway: The turn did not come in time.
            psycopg.Error: PostgreSQL cannot be asked.
        """
        deadline = time.monotonic() + TURN_SECONDS
        while True:
            try:
                self._take()
            except psycopg.errors.LockNotAvailable:
                if time.monotonic() >= deadline:
                    message = f"the turn to commit did not come within {TURN_SECONDS} seconds"
                    raise StoreAway(Code.STORE_FAILED, message) from None
                self._end_frozen_holder()
            else:
                return

    def _end_frozen_holder(self) -> None:
        """End the session that has the lock if its gateway has asked PostgreSQL nothing for long.

        Each gateway looks at the gate every second. One that is frozen, or whose machine is gone, does not, and keeps the
        lock. Should it go on later, the gate refuses its commit.
        """
        assert self._session is not None
        for pid, name in fetch(self._session, _FROZEN, [LOCK, FROZEN_SECONDS]):
            execute(self._session, "SELECT pg_terminate_backend(%s)", [pid])
            _log.error("%s had the turn to commit and does not live; its turn is over", name)

    def _take(self) -> None:
        if self._session is not None:
            try:
                execute(self._session, "SELECT pg_advisory_lock(%s)", [LOCK])
            except psycopg.errors.LockNotAvailable:
                raise
            except psycopg.OperationalError:
                self._drop()  # It was idle, and PostgreSQL may have closed it long ago.
            else:
                return
        self._session = self._postgres.connect()
        execute(self._session, f"SET lock_timeout = '{LOOK_SECONDS}s'")
        execute(self._session, f"SET statement_timeout = '{TURN_SECONDS + 1}s'")
        execute(self._session, "SELECT pg_advisory_lock(%s)", [LOCK])

    def rows(self, sql: str, parameters: Parameters = (), /) -> list[tuple[Any, ...]]:
        """Run a SELECT on the connection that holds the turn.

        Raises:
            GatewayError: PostgreSQL cannot be asked.
        """
        assert self._session is not None
        try:
            return fetch(self._session, sql, parameters)
        except psycopg.Error as error:
            raise catalog_error(error, Code.STORE_FAILED) from error

    def is_recorded(self, turn: Turn) -> bool:
        """Return whether the commit of a turn is recorded; a COMMIT that changed no table of the lake is not.

        Raises:
            GatewayError: PostgreSQL cannot be asked, and the outcome stays unknown.
        """
        assert self._session is not None
        with contextlib.suppress(psycopg.Error):
            return bool(fetch(self._session, _HAS_NONCE, [turn.nonce])[0][0])
        return self.outcome(turn)

    def record(self, turn: Turn, message: dict[str, Any]) -> None:
        """Record a commit that changes no table of the lake.

        Raises:
            CommitRefused: Another gateway has committed since the turn began.
            GatewayError: It is not recorded, or PostgreSQL cannot be asked about that.
        """
        assert self._session is not None
        try:
            record(self._session, message)
        except psycopg.Error as error:
            if self.outcome(turn):
                return
            raise CommitRefused from error

    def outcome(self, turn: Turn) -> bool:
        """Find out whether a commit whose answer was lost is recorded.

        The row lock of the gate waits for a COMMIT that is still under way, because the gate is changed before COMMIT is
        sent. Afterwards the commit is recorded, or can never be.

        Raises:
            GatewayError: PostgreSQL cannot be asked, and the outcome stays unknown.
        """
        deadline = time.monotonic() + OUTCOME_SECONDS
        while True:
            try:
                return self._ask_outcome(turn)
            except psycopg.Error as error:
                if time.monotonic() >= deadline:
                    _log.error("the outcome of a commit is unknown: PostgreSQL does not answer")
                    raise OutcomeUnknown from error
            time.sleep(OUTCOME_PAUSE)

    def _ask_outcome(self, turn: Turn) -> bool:
        with (
            self._postgres.connect(connect_timeout=OUTCOME_CONNECT_SECONDS) as connection,
            connection.transaction(),
        ):
            execute(connection, f"SET LOCAL lock_timeout = '{OUTCOME_SECONDS:.0f}s'")
            execute(connection, "SELECT number FROM gw.gate FOR UPDATE")
            return bool(fetch(connection, _HAS_NONCE, [turn.nonce])[0][0])

    def _release(self) -> None:
        if self._session is None:
            return
        try:
            execute(self._session, "SELECT pg_advisory_unlock(%s)", [LOCK])
        except psycopg.Error:
            self._drop()

    def _drop(self) -> None:
        """Close the connection, which releases the lock."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def close(self) -> None:
        """Close the connection of the lock."""
        self._drop()


def record(connection: Connection, message: dict[str, Any]) -> None:
    """Pass the gate and record a commit that changes no table of the lake.

    Raises:
        psycopg.Error: It is not recorded, because another commit came first, or PostgreSQL cannot be asked.
    """
    execute(connection, "SELECT gw.record(%s::jsonb, NULL)", [strictjson.write(message).decode()])


def _cut(session: Connection) -> None:
    """End a connection from another thread than that which uses it."""
    _log.error("the data files of the lake take long to be written; the turn to commit is given up")
    with contextlib.suppress(psycopg.Error):
        cut_connection(session.fileno())


def is_committed(postgres: PostgreSQL, nonce: str) -> bool:
    """Return whether a commit is recorded. One that is not may still be under way.

    Raises:
        GatewayError: PostgreSQL cannot be asked.
    """
    return bool(postgres.rows(_HAS_NONCE, [nonce])[0][0])
