"""Range sessions: decide which body a client continues to read when it sends another range request.

A client that seeks sends several requests. It must read the same bytes each time, also if rows are stored in between:
bytes of two bodies make a corrupt file. HTTP does not identify the client. So a session belongs to an address, a
User-Agent, an Authorization header, and a query. Two processes of one program share all four. The latest of several
sessions continues: a program that starts a session has ended its earlier one, and may use its connections in any
order. An earlier session continues only with a range that more likely belongs to it:

- a range that begins and ends at a boundary of the earlier body only: its end, or a column chunk of a Parquet file,
- the first range on the connection that asked for the size of its body,
- the range that follows the session's last one on the same connection.

A connection that asks for the same range again never gets an earlier body than before. A request that names an ETag in
If-Match or If-Range needs no session.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.endpoints.range_header import ByteRange
from gateway.endpoints.spooled_body import SpooledBody

#: A session lasts this many seconds, plus the time to read its body at this rate.
SESSION_SECONDS, SESSION_BYTES_PER_SECOND = 60.0, 2**20
#: Clients that are remembered between their requests, and sessions of each.
_MAX_CLIENTS, _MAX_CLIENT_SESSIONS = 1000, 16
#: Different initial ranges, and different tails, of a session. A client that exceeds it starts a new session.
_MAX_INITIAL_RANGES = 64
#: Ranges of a session whose first and last bytes are remembered.
_MAX_RANGES = 1000


class RangeClient(NamedTuple):
    """A client as far as HTTP identifies it, and its query.

    Attributes:
        address: The client's address.
        agent: Its User-Agent.
        authorization_hash: A hash of its Authorization header. It only distinguishes clients.
        fingerprint: The fingerprint of its query.
    """

    address: str
    agent: str | None
    authorization_hash: int
    fingerprint: bytes


@dataclass(slots=True)
class RangeSession:
    """One body that a client reads in ranges.

    Attributes:
        etag: The ETag of the body, None if it is unknown.
        size: The body's size in bytes, None if the client did not receive it.
        started_at: When the session began, in seconds of the clock.
        has_asked_size: Whether the client first asked for the size, with HEAD or for the last bytes. Such a client may
            continue with any range.
        port: The client's port at the beginning, None if a whole body was sent.
        boundaries: The offsets at which clients that know the format split the body.
        initial_ranges: The ranges from the first byte or of the last bytes, each with the client's latest port.
        first_bytes: The first bytes of its other ranges, and how often each was requested.
        last_bytes: The last bytes of its ranges, each with the client's port.
        tail_offsets: The first bytes of its ranges that end where the body does.
    """

    etag: str | None
    size: int | None
    started_at: float
    has_asked_size: bool
    port: int | None = None
    boundaries: frozenset[int] = frozenset()
    initial_ranges: dict[ByteRange, int] = field(default_factory=dict)
    first_bytes: Counter[int] = field(default_factory=Counter)
    last_bytes: dict[int, int] = field(default_factory=dict)
    tail_offsets: set[int] = field(default_factory=set)

    def has_expired(self, now: float) -> bool:
        """Return whether it has reached its maximum duration."""
        return now - self.started_at > SESSION_SECONDS + (self.size or 0) / SESSION_BYTES_PER_SECOND

    def can_contain(self, part: ByteRange) -> bool:
        """Return whether its body is long enough for a range."""
        last = part.last if part.first is not None else None
        return self.size is None or last is None or last < self.size

    def is_split_at(self, part: ByteRange) -> bool:
        """Return whether a range ends where only a client that knows the body would end it.

        That is the end of the body. In a Parquet file it is also the end of a column chunk, or the offset of the last
        bytes that were requested, if the range begins with a column chunk too.
        """
        if part.first is None or part.last is None:
            return False
        next_byte = part.last + 1
        if next_byte == self.size:
            return True
        begins_at_boundary = part.first == 0 or part.first in self.boundaries
        return begins_at_boundary and (
            next_byte in self.boundaries or (bool(self.boundaries) and next_byte in self.tail_offsets)
        )

    def request_count(self, part: ByteRange) -> int:
        """Return how often a range was requested."""
        return self.first_bytes[part.first] if part.first else int(part in self.initial_ranges)

    def was_requested_on(self, port: int, part: ByteRange) -> bool:
        """Return whether a connection was the last one that requested a range."""
        if not part.first:
            return self.initial_ranges.get(part) == port
        return (
            part.last is not None
            and part.first in self.first_bytes
            and self.last_bytes.get(part.last) == port
        )

    def awaits_first_range(self, port: int) -> bool:
        """Return whether no range was requested yet, and the size was requested on this connection."""
        return self.port == port and not (self.initial_ranges or self.first_bytes or self.last_bytes)

    def is_followed_by(self, part: ByteRange, port: int) -> bool:
        """Return whether a new range begins where the last range on the same connection ended."""
        if not part.first or part.first in self.first_bytes or not self.can_contain(part):
            return False
        return self.last_bytes.get(part.first - 1) == port

    def _tail_offset(self, part: ByteRange) -> set[int]:
        """Return the first byte of a range that is known to end where the body does."""
        is_tail = part.first is None or (part.last is not None and part.last + 1 == self.size)
        return {part.of(self.size)[0]} if self.size is not None and is_tail else set()

    def continues_with(self, part: ByteRange, now: float) -> bool:
        """Return whether a range continues this session; otherwise it begins another one.

        A range from the first byte begins another session, unless the client asked for the size before. Even then it
        does if it was requested before, or if it has no end and is not the first range. The same holds for a range of
        the last bytes.
        """
        if part.first:
            return True
        if (
            not self.has_asked_size
            or self.has_expired(now)
            or len(self.initial_ranges) >= _MAX_INITIAL_RANGES
        ):
            return False
        is_whole = part.first == 0 and part.last is None
        return not self.initial_ranges if is_whole else part not in self.initial_ranges

    def record_range(self, part: ByteRange, port: int) -> None:
        """Record a range that the client requested."""
        if part.first:
            self.first_bytes[part.first] += 1
        elif len(self.initial_ranges) < _MAX_INITIAL_RANGES:
            self.initial_ranges[part] = port
        if part.first is not None and part.last is not None:
            self.last_bytes[part.last] = port
        if len(self.tail_offsets) < _MAX_INITIAL_RANGES:
            self.tail_offsets |= self._tail_offset(part)
        if len(self.first_bytes) > _MAX_RANGES:
            self.first_bytes.clear()
        while len(self.last_bytes) > _MAX_RANGES:
            self.last_bytes.pop(next(iter(self.last_bytes)))


class RangeSessions:
    """The latest sessions of each client. Belongs to the event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with no sessions; the clock must be monotonic."""
        self._clock = clock
        self._sessions: OrderedDict[RangeClient, list[RangeSession]] = OrderedDict()
        self._whole_bodies: OrderedDict[RangeClient, RangeSession] = OrderedDict()

    def record_whole_body(self, client: RangeClient, etag: str | None) -> None:
        """Record that a client is sent a whole body: it may request the rest if it receives only a part."""
        self._whole_bodies[client] = RangeSession(etag, None, self._clock(), has_asked_size=False)
        _limit_clients(self._whole_bodies, client)

    def begin(self, client: RangeClient, port: int, body: SpooledBody, part: ByteRange | None) -> None:
        """Begin a session with a client's first range of a body, or with HEAD if the range is None."""
        has_asked_size = part is None or part.first is None
        session = RangeSession(body.etag, body.size, self._clock(), has_asked_size, port, body.boundaries)
        # A client that asks for the size again on one connection continues with the latest answer.
        sessions = [
            earlier for earlier in self._sessions.get(client, ()) if not earlier.awaits_first_range(port)
        ]
        self._sessions[client] = sessions
        if part:
            session.record_range(part, port)
        sessions[: 1 - _MAX_CLIENT_SESSIONS] = []
        sessions.append(session)
        _limit_clients(self._sessions, client)

    def find_continued(self, client: RangeClient, port: int, part: ByteRange) -> RangeSession | None:
        """Find the session that a range continues; None if the range begins another one."""
        candidates = [*self._sessions.get(client, ()), *self._whole_body_of(client)]
        if not candidates:
            return None
        session = _likeliest(part, port, sorted(candidates, key=lambda candidate: candidate.started_at))
        return session if session.continues_with(part, self._clock()) else None

    def has_expired(self, session: RangeSession) -> bool:
        """Return whether a session has reached its maximum duration."""
        return session.has_expired(self._clock())

    def forget(self, client: RangeClient) -> None:
        """Forget all sessions of a client."""
        self._sessions.pop(client, None)
        self._whole_bodies.pop(client, None)

    def etags_in_use(self) -> set[str | None]:
        """Return the ETags of the bodies whose sessions have not expired."""
        now = self._clock()
        return {session.etag for session in self._all() if not session.has_expired(now)}

    def _all(self) -> Iterator[RangeSession]:
        for sessions in self._sessions.values():
            yield from sessions

    def _whole_body_of(self, client: RangeClient) -> Iterator[RangeSession]:
        if session := self._whole_bodies.get(client):
            yield session


def _likeliest(part: ByteRange, port: int, sessions: list[RangeSession]) -> RangeSession:
    """Return the session of a client, the latest last, that a range most likely continues.

    Of equally likely sessions, the one whose range was requested least often comes first. DuckDB sees a wrong ETag, asks
    again, and gets the next.
    """
    requested_here = [index for index, session in enumerate(sessions) if session.was_requested_on(port, part)]
    sessions = sessions[requested_here[-1] :] if requested_here else sessions
    long_enough = [session for session in sessions if session.can_contain(part)] or sessions[-1:]
    split_there = [session for session in long_enough if session.is_split_at(part)]

    def likelihood(index: int) -> tuple[bool, bool, int, int]:
        session = candidates[index]
        count = session.request_count(part) if split_there else 0
        return session.awaits_first_range(port), session.is_followed_by(part, port), -count, index

    candidates = split_there or long_enough
    return candidates[max(range(len(candidates)), key=likelihood)]


def _limit_clients(
    clients: OrderedDict[RangeClient, list[RangeSession]] | OrderedDict[RangeClient, RangeSession],
    latest: RangeClient,
) -> None:
    """Move a client to the end, and forget the clients whose last requests are the oldest."""
    clients.move_to_end(latest)
    while len(clients) > _MAX_CLIENTS:
        clients.popitem(last=False)
