"""Rate limits of connectors and tokens (`limits` in their files), as token buckets that can go into debt.

The rows of a body are counted while it is parsed and charged afterwards, even beyond the allowance. Later requests
wait until the debt is paid, so the limit holds on average.
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

#: How many rate limits are kept. Those with a full allowance are evicted first, then the least recently used.
RATE_LIMITS_MAX = 10_000


class _Bucket:
    """An allowance that grows by `rate` a second, up to what grows in a window of at least one second."""

    def __init__(self, rate: float, unit: str, now: float) -> None:
        self.unit = unit
        self.window = max(1, math.ceil(1 / rate))
        self.size = rate * self.window
        self._rate = rate
        self._allowance = self.size
        self._updated = now

    def allowance(self, now: float) -> float:
        """Return the allowance; a negative one is debt."""
        return min(self.size, self._allowance + (now - self._updated) * self._rate)

    def spend(self, count: int, now: float) -> None:
        self._allowance, self._updated = self.allowance(now) - count, now

    @property
    def limit(self) -> str:
        """Return it in words, such as `2000 rows in 1 s`."""
        unit = self.unit.removesuffix("s") if self.size == 1 else self.unit
        return f"{self.size:g} {unit} in {self.window} s"

    def seconds_to(self, allowance: float, now: float) -> float:
        """Return the seconds until the allowance is that large."""
        return max(0.0, (allowance - self.allowance(now)) / self._rate)


class RateLimit:
    """The allowance of one token, for one connector or for all of them together. Belongs to the event loop."""

    def __init__(self, limits: Limits, now: float) -> None:
        self.limits = limits
        rates = ((limits.requests_per_second, "requests"), (limits.rows_per_second, "rows"))
        self._buckets = {unit: _Bucket(rate, unit, now) for rate, unit in rates if rate}

    def is_full(self, now: float) -> bool:
        """Return whether the whole allowance is left, so that evicting this changes nothing."""
        return all(bucket.allowance(now) >= bucket.size for bucket in self._buckets.values())

    def admit(self, now: float, *, brings_rows: bool) -> None:
        """Count a request before its body is read.

        Raises:
            GatewayError: With `Retry-After`, if no request is left, or if the request brings rows while no row is left.
        """
        needed = [self._buckets[unit] for unit in ("requests", "rows") if unit in self._buckets]
        needed = [bucket for bucket in needed if bucket.unit == "requests" or brings_rows]
        short = [bucket for bucket in needed if bucket.allowance(now) < 1]
        if short:
            wait = max(bucket.seconds_to(1, now) for bucket in short)
            limit = " and ".join(bucket.limit for bucket in short)
            raise GatewayError(
                Code.LIMIT_EXCEEDED,
                f"the limit is {limit}{'; nothing was stored' if brings_rows else ''}",
                hint="send the request again after Retry-After; limits in the connector file or the tokens file set the rate",
                headers={"Retry-After": str(math.ceil(wait) or 1)},
            )
        if "requests" in self._buckets:
            self._buckets["requests"].spend(1, now)

    def charge(self, rows: int, now: float) -> None:
        """Charge the rows of a request, even beyond the allowance."""
        if "rows" in self._buckets:
            self._buckets["rows"].spend(rows, now)

    def share_left(self, now: float) -> float:
        """Return the smallest share of an allowance that is left, from 1 down; a negative one is debt."""
        return min(bucket.allowance(now) / bucket.size for bucket in self._buckets.values())

    def headers(self, now: float) -> dict[str, str]:
        """Return the headers of draft-ietf-httpapi-ratelimit-headers-06, for the limit with the smallest share left."""
        nearest = min(self._buckets.values(), key=lambda bucket: bucket.allowance(now) / bucket.size)
        policies = [
            f'{math.floor(bucket.size)};w={bucket.window};comment="{bucket.unit}"'
            for bucket in self._buckets.values()
        ]
        return {
            "RateLimit-Limit": str(math.floor(nearest.size)),
            "RateLimit-Remaining": str(max(0, math.floor(nearest.allowance(now)))),
            "RateLimit-Reset": str(math.ceil(nearest.seconds_to(nearest.size, now))),
            "RateLimit-Policy": ", ".join(policies),
        }


class RateLimits:
    """The rate limits of all tokens, and of the networks of clients without a token. Belongs to the event loop."""

    def __init__(self, credentials: Credentials, clock: Callable[[], float] = time.monotonic) -> None:
        """Build an empty set; the clock returns seconds and must be monotonic."""
        self._credentials = credentials
        self._clock = clock
        self._rate_limits: OrderedDict[tuple[str, str | None, str], RateLimit] = OrderedDict()

    def applies_to(self, connector: Connector) -> bool:
        """Return whether requests to a connector can be limited, by its own limits or those of any token."""
        return connector.policy.limits != NO_LIMITS or self._credentials.has_limits

    def now(self) -> float:
        """Return the clock's time in seconds."""
        return self._clock()

    def of(self, connector: Connector, token: str | None, address: str) -> list[RateLimit]:
        """Return the rate limits that a request counts against: that of the connector, and that of the token."""
        network = "" if token else network_of(address)
        known = (connector.name, connector.policy.limits), ("", self._credentials.limits_of(token))
        return [self._find(name, limits, token, network) for name, limits in known if limits != NO_LIMITS]

    def _find(self, connector: str, limits: Limits, token: str | None, network: str) -> RateLimit:
        key = (connector, token, network)
        rate_limit = self._rate_limits.pop(key, None)
        if rate_limit is None or rate_limit.limits != limits:
            rate_limit = RateLimit(limits, self._clock())
        self._rate_limits[key] = rate_limit
        if len(self._rate_limits) > RATE_LIMITS_MAX:
            self._evict()
        return rate_limit

    def _evict(self) -> None:
        """Delete a tenth: rate limits with a full allowance, then the least recently used."""
        now = self._clock()
        self._rate_limits = OrderedDict(
            (key, rate_limit) for key, rate_limit in self._rate_limits.items() if not rate_limit.is_full(now)
        )
        while len(self._rate_limits) > RATE_LIMITS_MAX * 0.9:
            self._rate_limits.popitem(last=False)
