"""Sessions of browsers that several gateways share: a browser may send each request to another gateway.

The sessions are in a table outside of this process. Before a request of a browser is handled, its sessions are read from
there, and from then on they are found in memory, as those of one gateway are.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.auth.credentials import Credentials
from gateway.auth.sessions import SESSIONS_MAX, OpenSession, Sessions, session_key
from gateway.errors import GatewayError


@dataclass(frozen=True, slots=True)
class SharedSession:
    """A session in the table.

    Attributes:
        token: The name of the token.
        sha256: The digest that proved it.
        age: The seconds since it began.
        unused: The seconds since a request last had it.
    """

    token: str
    sha256: bytes
    age: float
    unused: float


class SessionTable(Protocol):
    """The table of sessions. Any thread may call it; every method raises GatewayError if it cannot be asked."""

    def add(self, key: bytes, token: str, sha256: bytes, *, idle: float, lifetime: float, most: int) -> None:
        """Add a session, and delete those that are over, and those above the most of all tokens."""

    def find(self, keys: Collection[bytes], *, idle: float) -> Mapping[bytes, SharedSession]:
        """Return the sessions of some keys, and note that they are used if they are not idle."""

    def remove(self, key: bytes) -> None:
        """Delete a session, if there is one of this key."""


class SharedSessions(Sessions):
    """The sessions of a table, those of recent requests in memory. Belongs to the event loop."""

    def __init__(
        self,
        credentials: Credentials,
        table: SessionTable,
        *,
        idle: float,
        lifetime: float,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Use a table; the other arguments are those of `Sessions`."""
        super().__init__(credentials, idle=idle, lifetime=lifetime, **({"clock": clock} if clock else {}))
        self._table = table

    async def load(self, session_ids: Collection[str]) -> None:
        """Read sessions before `find` is asked for them. One that this gateway knows stays valid while the table is away.

        Raises:
            GatewayError: The table cannot be asked, and none of the sessions is known.
        """
        keys = [session_key(each) for each in session_ids]
        try:
            found = await asyncio.to_thread(self._table.find, keys, idle=self.idle)
        except GatewayError:
            if not any(self.held(key) for key in keys):
                raise
            return
        now = self.clock()
        for key in keys:
            session = found.get(key)
            self.replace(key, None if session is None else _held(session, now))

    async def publish(self, session_id: str) -> None:
        """Add an open session to the table; it is ended if that fails.

        Raises:
            GatewayError: The table cannot be asked.
        """
        key = session_key(session_id)
        session = self.held(key)
        assert session is not None
        try:
            await asyncio.to_thread(
                self._table.add,
                key,
                session.token,
                session.sha256,
                idle=self.idle,
                lifetime=self.lifetime,
                most=SESSIONS_MAX,
            )
        except GatewayError:
            self.end(session_id)
            raise

    async def withdraw(self, session_id: str) -> None:
        """End a session at all gateways.

        Raises:
            GatewayError: The table cannot be asked; the session is ended at this gateway alone.
        """
        self.end(session_id)
        await asyncio.to_thread(self._table.remove, session_key(session_id))


def _held(session: SharedSession, now: float) -> OpenSession:
    """Return a session of the table by the clock of this process."""
    return OpenSession(session.token, session.sha256, now - session.age, now - session.unused)
