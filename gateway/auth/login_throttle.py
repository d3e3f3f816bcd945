"""Throttles failed authentication per client address.

Guessing 256 random bits is hopeless. The throttle stops floods of guesses, and clients that retry a revoked token
forever. It never delays a valid token, so clients that share an address with such a client keep working.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from gateway.server.forwarded import network_of

#: Failures of one address that are answered at once, and further ones a second.
FAILURES_BURST, FAILURES_PER_SECOND = 50, 0.5
#: How many addresses are kept; the one that failed least recently is evicted first.
ADDRESSES_MAX = 10_000


class LoginThrottle:
    """One bucket of failures for each network of clients. Any thread may call it.

    Attributes:
        failures: How many failures were counted.
        throttled: How many of them were not answered at once.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.failures = self.throttled = 0
        #: By network, the allowed failures at a time of the clock.
        self._allowances: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def count_failure(self, address: str | None) -> float:
        """Count a failure; return 0 if it is answered, else the seconds until the next one is."""
        key = network_of(address)
        now = self._clock()
        with self._lock:
            allowance, since = self._allowances.pop(key, (float(FAILURES_BURST), now))
            allowance = min(float(FAILURES_BURST), allowance + (now - since) * FAILURES_PER_SECOND)
            allowed = allowance >= 1
            self.failures += 1
            self.throttled += not allowed
            self._allowances[key] = (allowance - 1 if allowed else allowance, now)
            if len(self._allowances) > ADDRESSES_MAX:
                self._allowances.popitem(last=False)
        return 0.0 if allowed else (1 - allowance) / FAILURES_PER_SECOND
