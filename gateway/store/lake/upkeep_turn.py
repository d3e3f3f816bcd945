"""The turn of the gateway that maintains a lake: it keeps the turn until it ends, and then another takes it."""

import contextlib

import psycopg

from gateway.store.lake.postgres import LOCK_IS_HELD, Connection, PostgreSQL, catalog_error, fetch

#: The key of PostgreSQL's advisory lock that the gateway with the turn holds.
KEY = 0x67617466
_TAKE = "SELECT pg_try_advisory_lock(%s)"
_RELEASE = "SELECT pg_advisory_unlock(%s)"
_IS_TAKEN = f"SELECT EXISTS (SELECT FROM pg_locks WHERE {LOCK_IS_HELD})"


class UpkeepTurn:
    """Takes the turn, and keeps it on a connection of its own. One thread may call it, except for `is_taken`."""

    def __init__(self, postgres: PostgreSQL) -> None:
        self._postgres = postgres
        self._session: Connection | None = None

    def take(self) -> bool:
        """Return whether this gateway has the turn; take it if no gateway has it.

        Raises:
            GatewayError: PostgreSQL cannot be asked.
        """
        try:
            if self._session is not None and self._is_alive(self._session):
                return True
            session = self._postgres.connect()
            ((is_taken,),) = fetch(session, _TAKE, [KEY])
        except psycopg.Error as error:
            raise catalog_error(error) from error
        if not is_taken:
            session.close()
            return False
        self._session = session
        return True

    def is_taken(self) -> bool:
        """Return whether a gateway has the turn.

        Raises:
            GatewayError: PostgreSQL cannot be asked.
        """
        return bool(self._postgres.rows(_IS_TAKEN, [KEY])[0][0])

    def close(self) -> None:
        """Release the turn: another gateway can take it when this returns."""
        if self._session is not None:
            # PostgreSQL notices only some time later that a connection was closed.
            with contextlib.suppress(psycopg.Error):
                fetch(self._session, _RELEASE, [KEY])
            self._session.close()
            self._session = None

    def _is_alive(self, session: Connection) -> bool:
        """Return whether the connection with the turn is open; the turn is over if it is not."""
        try:
            fetch(session, "SELECT 1")
        except psycopg.Error:
            self.close()
            return False
        return True
