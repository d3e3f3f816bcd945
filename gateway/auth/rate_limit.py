"""RateLimit: what a token has left of `limits`, a connector's or its own, in token buckets that may be in debt.

Rows are known only once a body is read. They are charged then, even beyond what is left, and later requests wait
until the debt is paid: what holds is the average.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from gateway.auth.credentials import Credentials
from gateway.connectors.connector import Connector
from gateway.connectors.policy import NO_LIMITS, Limits
from gateway.errors import Code, GatewayError
from gateway.server.forwarded import network_of

#: The rate_limits that are remembered; of those that are not used up the least recently used is forgotten first.
RATE_LIMITS_MAX = 10_000


class _Bucket:
    """So many a second on average, and what comes in a window of a second or more at once."""

    def __init__(self, rate: float, unit: str, now: float) -> None:
        self.unit = unit
        self.window = max(1, math.ceil(1 / rate))
        self.size = rate * self.window
        self._rate = rate
        self._left = self.size
        self._moment = now

    def left(self, now: float) -> float:
        """How many there are; below 0 is debt."""
        return min(self.size, self._left + (now - self._moment) * self._rate)

    def take(self, count: int, now: float) -> None:
        self._left, self._moment = self.left(now) - count, now

    def seconds_to(self, count: float, now: float) -> float:
        """How long until there are so many."""
        return max(0.0, (count - self.left(now)) / self._rate)


class RateLimit:
    """What one token has left, at one connector or at all of them. Belongs to the event loop."""

    def __init__(self, limits: Limits, now: float) -> None:
        self.limits = limits
        rates = ((limits.requests_per_second, "requests"), (limits.rows_per_second, "rows"))
        self._buckets = {unit: _Bucket(rate, unit, now) for rate, unit in rates if rate}

    def is_full(self, now: float) -> bool:
        """Whether nothing is used up, so that it may as well be forgotten."""
        return all(bucket.left(now) >= bucket.size for bucket in self._buckets.values())

    def admit(self, now: float, *, brings_rows: bool) -> None:
        """Count a request before its body is read.

        Raises:
            GatewayError: Where there is none left, or rows are owed and it brings more, with `Retry-After`.
        """
        needed = [self._buckets[unit] for unit in ("requests", "rows") if unit in self._buckets]
        needed = [bucket for bucket in needed if bucket.unit == "requests" or brings_rows]
        short = [bucket for bucket in needed if bucket.left(now) < 1]
        if short:
            wait = max(bucket.seconds_to(1, now) for bucket in short)
            told = " and ".join(f"{bucket.size:g} {bucket.unit} in {bucket.window} s" for bucket in short)
            raise GatewayError(
                Code.LIMIT_EXCEEDED,
                f"the limit is {told}; nothing was stored",
                hint="send again after Retry-After; limits in the connector's or the tokens file set how much is taken",
                headers={"Retry-After": str(math.ceil(wait) or 1)},
            )
        if "requests" in self._buckets:
            self._buckets["requests"].take(1, now)

    def charge(self, rows: int, now: float) -> None:
        """Charge the rows that a request brought."""
        if "rows" in self._buckets:
            self._buckets["rows"].take(rows, now)

    def share_left(self, now: float) -> float:
        """How much is left, of the limit that is nearest to its end, as a part of 1."""
        return min(bucket.left(now) / bucket.size for bucket in self._buckets.values())

    def headers(self, now: float) -> dict[str, str]:
        """Give the fields of draft-ietf-httpapi-ratelimit-headers-06: of the limit that is nearest to its end."""
        nearest = min(self._buckets.values(), key=lambda bucket: bucket.left(now) / bucket.size)
        policies = [
            f'{math.floor(bucket.size)};w={bucket.window};comment="{bucket.unit}"'
            for bucket in self._buckets.values()
        ]
        return {
            "RateLimit-Limit": str(math.floor(nearest.size)),
            "RateLimit-Remaining": str(max(0, math.floor(nearest.left(now)))),
            "RateLimit-Reset": str(math.ceil(nearest.seconds_to(nearest.size, now))),
            "RateLimit-Policy": ", ".join(policies),
        }


class RateLimits:
    """The rate_limits of all tokens, and of the addresses of those without one. Belongs to the event loop."""

    def __init__(self, credentials: Credentials, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with none; the clock must never go back."""
        self._credentials = credentials
        self._clock = clock
        self._rate_limits: OrderedDict[tuple[str, str | None, str], RateLimit] = OrderedDict()

    def applies_to(self, connector: Connector) -> bool:
        """Tell whether there are limits for what is asked of a connector: its own, or those of any token."""
        return connector.policy.limits != NO_LIMITS or self._credentials.has_limits

    def now(self) -> float:
        """Give the time that the rate_limits go by."""
        return self._clock()

    def of(self, connector: Connector, token: str | None, address: str) -> list[RateLimit]:
        """Give what a request counts against: the connector's limits, and the token's own."""
        own, where = self._credentials.limits_of(token), "" if token else network_of(address)
        given = (connector.name, connector.policy.limits), ("", own)
        return [self._find(name, limits, token, where) for name, limits in given if limits != NO_LIMITS]

    def _find(self, connector: str, limits: Limits, token: str | None, address: str) -> RateLimit:
        key = (connector, token, address)
        rate_limit = self._rate_limits.pop(key, None)
        if rate_limit is None or rate_limit.limits != limits:
            rate_limit = RateLimit(limits, self._clock())
        self._rate_limits[key] = rate_limit
        if len(self._rate_limits) > RATE_LIMITS_MAX:
            self._evict()
        return rate_limit

    def _evict(self) -> None:
        """Forget a tenth: those that are whole, then the least recently used."""
        now = self._clock()
        self._rate_limits = OrderedDict(
            (key, rate_limit) for key, rate_limit in self._rate_limits.items() if not rate_limit.is_full(now)
        )
        while len(self._rate_limits) > RATE_LIMITS_MAX * 0.9:
            self._rate_limits.popitem(last=False)
