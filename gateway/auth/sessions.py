"""Sessions of browsers. A session begins with a token, and ends with it.

An id is 256 random bits in a cookie. The gateway keeps its SHA-256, with the name of the token and the digest that
proved it. Each request proves that digest again, so a revoked or expired token ends its sessions at once. Sessions are
in memory: a restart ends them all. `SharedSessions` keeps them outside, for several gateways.
"""

import hashlib
import secrets
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass

from gateway.auth.credentials import Credentials

#: How many sessions are kept.
SESSIONS_MAX = 1000


@dataclass(slots=True)
class OpenSession:
    """One session.

    Attributes:
        token: The name of the token.
        sha256: The digest that proved it.
        began: When it began, in seconds of the clock.
        used: When a request last had it.
    """

    token: str
    sha256: bytes
    began: float
    used: float


class Sessions:
    """The open sessions. Belongs to the event loop."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        idle: float,
        lifetime: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without a session.

        Args:
            credentials: Prove the tokens.
            idle: The seconds without a request after which a session ends.
            lifetime: The seconds after which every session ends.
            clock: Returns the current time in seconds.
        """
        self._credentials = credentials
        self.idle, self.lifetime = idle, lifetime
        self.clock = clock
        #: By the SHA-256 of the id, the least recently used first.
        self._sessions: OrderedDict[bytes, OpenSession] = OrderedDict()

    def __len__(self) -> int:
        # Idle sessions are removed only at the next sign-in. Any thread may count, so the values are copied.
        now = self.clock()
        return sum(not self._is_over(each, now) for each in list(self._sessions.values()))

    def open(self, secret: str) -> str:
        """Open a session for the secret of a token, and return its id.

        Raises:
            GatewayError: As `Credentials.authenticate` does, which also counts the failure.
        """
        token = self._credentials.authenticate(f"Bearer {secret}")
        assert token is not None
        return self._open(token, hashlib.sha256(secret.strip().encode("utf-8", "surrogateescape")).digest())

    def open_for(self, token: str) -> str | None:
        """Open a session for a token that a sign-in link stands for, and return its id; None if the token is not valid."""
        digest = self._credentials.digest_of(token)
        return None if digest is None else self._open(token, digest)

    def _open(self, token: str, digest: bytes) -> str:
        session_id, now = secrets.token_urlsafe(32), self.clock()
        self._sessions[session_key(session_id)] = OpenSession(token, digest, now, now)
        self._evict(now)
        return session_id

    def find(self, session_id: str) -> str | None:
        """Return the name of the token of a session, None if there is no such session or its token proves nothing now."""
        key, now = session_key(session_id), self.clock()
        session = self._sessions.get(key)
        if session is None:
            return None
        if self._is_over(session, now) or not self._credentials.has_digest(session.token, session.sha256):
            del self._sessions[key]
            return None
        session.used = now
        self._sessions.move_to_end(key)
        return session.token

    def end(self, session_id: str) -> None:
        """End a session, if there is one of this id."""
        self._sessions.pop(session_key(session_id), None)

    # -- sessions of several gateways

    async def load(self, session_ids: Collection[str]) -> None:
        """Read sessions before `find` is asked for them; here all are in memory."""

    async def publish(self, session_id: str) -> None:
        """Show an open session to other gateways; here there are none."""

    async def withdraw(self, session_id: str) -> None:
        """End a session at all gateways."""
        self.end(session_id)

    def held(self, key: bytes) -> OpenSession | None:
        """Return a session in memory, None if there is none of this key."""
        return self._sessions.get(key)

    def replace(self, key: bytes, session: OpenSession | None) -> None:
        """Replace a session in memory, or forget it."""
        self._sessions.pop(key, None)
        if session is not None:
            self._sessions[key] = session
            self._evict(self.clock())

    def _is_over(self, session: OpenSession, now: float) -> bool:
        return now - session.used >= self.idle or now - session.began >= self.lifetime

    def _evict(self, now: float) -> None:
        """Remove idle sessions, and those above the limit. The least recently used are at the front."""
        while self._sessions and self._is_over(next(iter(self._sessions.values())), now):
            self._sessions.popitem(last=False)
        if len(self._sessions) > SESSIONS_MAX:
            # Of the token with the most, so that no token can sign out the others.
            [(token, _)] = Counter(each.token for each in self._sessions.values()).most_common(1)
            del self._sessions[next(key for key, each in self._sessions.items() if each.token == token)]


def session_key(session_id: str) -> bytes:
    """Return the SHA-256 of the id of a session."""
    return hashlib.sha256(session_id.encode("utf-8", "surrogateescape")).digest()
