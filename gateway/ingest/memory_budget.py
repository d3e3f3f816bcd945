"""Memory budget for request bodies: each connector reserves bytes for a body until its rows are stored."""

import math
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Self

from gateway.errors import Code, GatewayError

#: How long a body keeps the bytes that it announced but has not sent yet.
PROMISE_SECONDS = 10.0
#: The time constant of the storage rate: older measurements fade out.
RATE_WINDOW_SECONDS = 5.0
#: The longest wait in `Retry-After`: the storage rate may pick up.
MAX_WAIT_SECONDS = 30.0


class MemoryBudget:
    """The bytes that request bodies may hold. Any thread may call it.

    A connector may hold as much as is still free (dynamic queue thresholds, Choudhury and Hahne, 1998): one alone
    gets half of the budget, two that flood it get a third each. So a quiet connector always finds free bytes. No body
    waits for memory: one that gets none is rejected and releases its bytes, so bodies cannot block each other.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Create a budget of `max_bytes`. A single body may exceed it while no other holds any."""
        self.max_bytes = max_bytes
        self._clock = clock
        # The lock guards everything below, and the bytes of every Reservation.
        self._lock = threading.Lock()
        self._total = 0
        self._bytes_by_connector: Counter[str] = Counter()
        self._promises: deque[tuple[float, Reservation]] = deque()
        self._rate = _StorageRate()
        self._measured_at = 0.0

    @property
    def held_bytes(self) -> int:
        """The bytes that bodies hold now."""
        return self._total

    def reserve(self, size: int, connector: str) -> "Reservation":
        """Reserve bytes for a body before it is received.

        The whole size is promised for a while, so that a body that arrives steadily is never rejected halfway. After
        that only bytes that have arrived count, so that a stalled body holds nothing.

        Raises:
            GatewayError: The budget is exhausted; with `Retry-After`.
        """
        reservation = Reservation(self, connector)
        with self._lock:
            now = self._clock()
            while self._promises and self._promises[0][0] < now:
                _, late = self._promises.popleft()
                self._give_back(late, late.promised)
                late.promised = 0
            self._hold(reservation, size)
            reservation.promised = size
            if size:
                self._promises.append((now + PROMISE_SECONDS, reservation))
        return reservation

    def grow(self, reservation: "Reservation", size: int) -> None:
        """Add bytes that have arrived; `Reservation.grow` calls it."""
        with self._lock:
            promised = min(size, reservation.promised)
            self._hold(reservation, size - promised)
            reservation.promised -= promised
            reservation.arrived += size

    def release(self, reservation: "Reservation", *, is_stored: bool) -> None:
        """Release all bytes of a body; `Reservation.release` calls it."""
        with self._lock:
            self._give_back(reservation, reservation.arrived + reservation.promised)
            size, reservation.arrived, reservation.promised = reservation.arrived, 0, 0
            now = self._clock()
            self._rate.add(size if is_stored else 0, now - self._measured_at)
            self._measured_at = now

    def _hold(self, reservation: "Reservation", size: int) -> None:
        """Add bytes to a reservation, or raise."""
        held = reservation.arrived + reservation.promised
        others = self._total - held
        of_connector = self._bytes_by_connector[reservation.connector]
        if others and size + self._total + of_connector - held > self.max_bytes:
            wait = _spread(self._rate.seconds_for(self._total))
            raise GatewayError(
                Code.QUEUE_FULL, hint="send again a little later", headers={"Retry-After": str(wait)}
            )
        if not self._total:
            self._measured_at = self._clock()
        self._total += size
        self._bytes_by_connector[reservation.connector] += size

    def _give_back(self, reservation: "Reservation", size: int) -> None:
        self._total -= size
        self._bytes_by_connector[reservation.connector] -= size
        if not self._bytes_by_connector[reservation.connector]:
            del self._bytes_by_connector[reservation.connector]


class Reservation:
    """The bytes that one body holds; leaving the context gives them back. One thread at a time.

    Attributes:
        connector: The connector that the body is for.
        arrived: How many bytes have arrived, decompressed.
        promised: How many more bytes may arrive without another check of the budget.
    """

    def __init__(self, budget: MemoryBudget, connector: str) -> None:
        self._budget = budget
        self.connector = connector
        self.arrived = self.promised = 0

    def grow(self, size: int) -> None:
        """Add bytes that have arrived.

        Raises:
            GatewayError: As `MemoryBudget.reserve` does.
        """
        self._budget.grow(self, size)

    def release(self, *, is_stored: bool) -> None:
        """Release all bytes; the budget learns from stored ones how fast bodies are stored."""
        self._budget.release(self, is_stored=is_stored)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.release(is_stored=kind is None)


class _StorageRate:
    """Bytes stored per second while bodies wait, as an exponentially weighted average."""

    def __init__(self) -> None:
        self._bytes = self._seconds = 0.0

    def add(self, size: int, seconds: float) -> None:
        fade = math.exp(-seconds / RATE_WINDOW_SECONDS)
        self._bytes = self._bytes * fade + size
        self._seconds = self._seconds * fade + seconds

    def seconds_for(self, size: int) -> float:
        return size * self._seconds / self._bytes if self._bytes else 1.0


def _spread(seconds: float) -> int:
    """Return a random wait between `seconds` and twice that, so that clients do not all retry at once."""
    least = min(max(seconds, 1.0), MAX_WAIT_SECONDS)
    return math.ceil(random.uniform(least, 2 * least))  # noqa: S311  # no secret
