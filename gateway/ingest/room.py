"""Room: the bytes of bodies that are held until they are stored, shared out between connectors."""

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Self

from gateway.errors import Code, GatewayError

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
        # The lock guards what follows.
        self._lock = threading.Lock()
        self._total = 0
        self._held: Counter[str] = Counter()
        self._pace = _Pace()
        self._since = 0.0

    def admit(self, size: int, connector: str) -> "Room":
        """Let a body of that size in, before it is read. Its room grows with the bytes that arrive.

        Raises:
            GatewayError: When there is no room for it now, with `Retry-After`.
        """
        with self._lock:
            self._require(size, 0, connector)
        return Room(self, connector)

    def _require(self, size: int, own: int, connector: str) -> None:
        """Let a body that holds `own` bytes have `size`, or raise."""
        others = self._total - own
        if others and size + others + self._held[connector] - own > self._most:
            wait = self._pace.seconds_for(self._total)
            raise GatewayError(
                Code.QUEUE_FULL, hint="send again a little later", headers={"Retry-After": str(_spread(wait))}
            )

    def _take(self, size: int, own: int, connector: str) -> None:
        with self._lock:
            self._require(own + size, own, connector)
            if not self._total:
                self._since = self._clock()
            self._total += size
            self._held[connector] += size

    def _release(self, size: int, connector: str, *, is_stored: bool) -> None:
        with self._lock:
            self._total -= size
            self._held[connector] -= size
            if not self._held[connector]:
                del self._held[connector]
            now = self._clock()
            self._pace.note(size if is_stored else 0, now - self._since)
            self._since = now


class Room:
    """The room that one body has taken so far; leaving it gives all of it back. One thread at a time."""

    def __init__(self, rooms: Rooms, connector: str) -> None:
        self._rooms = rooms
        self._connector = connector
        self._taken = 0

    def take(self, size: int) -> None:
        """Take more, for bytes that have arrived.

        Raises:
            GatewayError: As `Rooms.admit` does.
        """
        self._rooms._take(size, self._taken, self._connector)  # noqa: SLF001  # the other half of one idea
        self._taken += size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._rooms._release(self._taken, self._connector, is_stored=kind is None)  # noqa: SLF001


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
