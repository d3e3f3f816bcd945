"""LoginThrottle: how often an address has come with a token that nobody has.

No guess finds 256 random bits; what this stops is a flood of them, and a client that retries a revoked token for ever.
A token that is known is never held up, so that nobody who shares an address with such a client is locked out.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from gateway.server.forwarded import network_of

#: So many at once, and then so many a second.
FAILURES_BURST, FAILURES_PER_SECOND = 50, 0.5
#: The addresses that are remembered; the one that has been quiet for longest is forgotten first.
ADDRESSES_MAX = 10_000


class LoginThrottle:
    """A token bucket for each address. Any thread may call it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        #: How many failures an address had left at a moment.
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count_failure(self, address: str | None) -> float:
        """Count a failure: 0 where it may be answered, else how many seconds to wait for the next that may."""
        key = network_of(address)
        now = self._clock()
        with self._lock:
            left, moment = self._left.pop(key, (float(FAILURES_BURST), now))
            left = min(float(FAILURES_BURST), left + (now - moment) * FAILURES_PER_SECOND)
            allowed = left >= 1
            self._left[key] = (left - 1 if allowed else left, now)
            if len(self._left) > ADDRESSES_MAX:
                self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / FAILURES_PER_SECOND
