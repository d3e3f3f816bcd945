"""Room: the bytes of bodies that are held until they are stored, shared out between connectors."""

import math
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Self

from gateway.errors import Code, GatewayError

#: For how long a body has room for all of what it says that it has.
PATIENCE_SECONDS = 10.0
#: The pace at which bodies are stored is that of about the last so many seconds.
PACE_SECONDS = 5.0
#: The longest that anybody is told to wait: the pace may pick up.
MAX_WAIT_SECONDS = 30.0


class Rooms:
    """The room there is for bodies. Any thread may call it.

    A connector may hold as much as is still free (dynamic queue thresholds, Choudhury and Hahne, 1998): alone half
    of it all, two that flood a third each; so there is always some for one that has been quiet. Nobody waits
    for room: who gets none is refused and gives back what it has, so that bodies cannot block each other.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Share out `most` bytes. One body that is alone may have more."""
        self._most = most
        self._clock = clock
        # The lock guards what follows, and what every Room holds.
        self._lock = threading.Lock()
        self._total = 0
        self._held: Counter[str] = Counter()
        self._expected: deque[tuple[float, Room]] = deque()
        self._pace = _Pace()
        self._since = 0.0

    def admit(self, size: int, connector: str) -> "Room":
        """Let a body of that size in, before it is read.

        It has room for its size for a while, so that none is broken off which arrives at a pace, and after that
        for the bytes that have arrived, so that one which does not arrive holds nothing.

        Raises:
            GatewayError: When there is no room for it now, with `Retry-After`.
        """
        room = Room(self, connector)
        with self._lock:
            now = self._clock()
            while self._expected and self._expected[0][0] < now:
                _, late = self._expected.popleft()
                self._give_back(late, late.promised)
                late.promised = 0
            self._hold(room, size)
            room.promised = size
            if size:
                self._expected.append((now + PATIENCE_SECONDS, room))
        return room

    def take(self, room: "Room", size: int) -> None:
        """Give a body room for bytes that have arrived; `Room.take` calls it."""
        with self._lock:
            promised = min(size, room.promised)
            self._hold(room, size - promised)
            room.promised -= promised
            room.taken += size

    def leave(self, room: "Room", *, is_stored: bool) -> None:
        """Take back all that a body has; leaving a Room calls it."""
        with self._lock:
            self._give_back(room, room.taken + room.promised)
            size, room.taken, room.promised = room.taken, 0, 0
            now = self._clock()
            self._pace.note(size if is_stored else 0, now - self._since)
            self._since = now

    def _hold(self, room: "Room", size: int) -> None:
        """Add to what a room has, or raise."""
        own = room.taken + room.promised
        others = self._total - own
        if others and size + self._total + self._held[room.connector] - own > self._most:
            wait = _spread(self._pace.seconds_for(self._total))
            raise GatewayError(
                Code.QUEUE_FULL, hint="send again a little later", headers={"Retry-After": str(wait)}
            )
        if not self._total:
            self._since = self._clock()
        self._total += size
        self._held[room.connector] += size

    def _give_back(self, room: "Room", size: int) -> None:
        self._total -= size
        self._held[room.connector] -= size
        if not self._held[room.connector]:
            del self._held[room.connector]


class Room:
    """The room of one body; leaving it gives all of it back. One thread at a time.

    Attributes:
        connector: Where the body goes.
        taken: How many bytes have arrived, decompressed.
        promised: How many more it may take without asking.
    """

    def __init__(self, rooms: Rooms, connector: str) -> None:
        self._rooms = rooms
        self.connector = connector
        self.taken = self.promised = 0

    def take(self, size: int) -> None:
        """Take room for bytes that have arrived.

        Raises:
            GatewayError: As `Rooms.admit` does.
        """
        self._rooms.take(self, size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._rooms.leave(self, is_stored=kind is None)


class _Pace:
    """How many bytes a second are stored while some wait, the last seconds counting most."""

    def __init__(self) -> None:
        self._bytes = self._seconds = 0.0

    def note(self, size: int, seconds: float) -> None:
        fade = math.exp(-seconds / PACE_SECONDS)
        self._bytes = self._bytes * fade + size
        self._seconds = self._seconds * fade + seconds

    def seconds_for(self, size: int) -> float:
        return size * self._seconds / self._bytes if self._bytes else 1.0


def _spread(seconds: float) -> int:
    """Give a whole number of seconds to wait: that many to twice as many, so that not all come back at once."""
    least = min(max(seconds, 1.0), MAX_WAIT_SECONDS)
    return math.ceil(random.uniform(least, 2 * least))  # noqa: S311  # no secret
