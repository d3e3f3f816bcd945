"""The activity of one connector by period, with its refusals, as far as an asker may see them."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from gateway.admin.activity_report import HOUR, ActivityReports, Period
from gateway.admin.visible_connectors import VisibleConnector
from gateway.auth.tokens import parse_instant
from gateway.endpoints.services import Services
from gateway.errors import Code, GatewayError
from gateway.figures import NO_FIGURES
from gateway.instants import rfc3339, utc
from gateway.server.traffic import Refusal
from gateway.store.activity import BatchCounts

#: The most periods of a response.
MAX_PERIODS = 1500
_SECONDS = {"m": 60, "h": HOUR, "d": 24 * HOUR}
_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhd])")


@dataclass(frozen=True, slots=True)
class ConnectorActivity:
    """The activity of one connector.

    Attributes:
        since: The start of the first period, in seconds since 1970.
        until: When it was read.
        step: The length of a period, such as `1h`.
        figures_since: The start of the figures that are known, where periods are shorter than an hour.
        periods: The periods, oldest first.
        refusals: The last refused batches that the asker may see, latest first.
    """

    since: int
    until: int
    step: str
    figures_since: int | None
    periods: list[Period]
    refusals: list[Refusal]

    @property
    def total(self) -> Period:
        """The sums; those of figures are None if no period has any."""
        counts, known = BatchCounts(), [each.figures for each in self.periods if each.figures is not None]
        for each in self.periods:
            counts += each.counts
        return Period(self.since, counts, sum(known, NO_FIGURES) if known else None)


class ActivityFinder:
    """Reads the activity of connectors for those who may see their batches."""

    def __init__(
        self, services: Services, reports: ActivityReports, clock: Callable[[], float] = time.time
    ) -> None:
        self._read_pool = services.storage.read_pool
        self._traffic = services.observed.traffic
        self._reports = reports
        self._clock = clock

    async def read(
        self,
        found: VisibleConnector,
        since: str | None = None,
        step: str | None = None,
        token: str | None = None,
    ) -> ConnectorActivity:
        """Return the periods of a connector, and its last refused batches.

        A token that sees only its own batches gets those, its own refusals, and no figures of reads.

        Args:
            found: The connector.
            since: An instant, or a duration such as `7d`; None is a day.
            step: The length of a period, such as `1h`; None is one that suits the whole.
            token: Only the batches and the refusals of this token are meant, and no figures of reads; None is no choice.

        Raises:
            GatewayError: The asker may see no batches, or an argument is invalid.
        """
        found.require(found.sight.batches, "the activity")
        name, chosen = found.connector.name, found.token_among(found.sight.batches, token)
        now = int(self._clock())
        start = _since(since or "24h", now)
        text = step or _default_step(now - start)
        seconds = _step(text)
        start = start // seconds * seconds
        if now - start > MAX_PERIODS * seconds:
            message = f"step={text[:50]} makes more than {MAX_PERIODS} periods since {rfc3339(utc(start))}"
            raise GatewayError(Code.QUERY_INVALID, message, hint="choose a longer step, or a later since")
        periods = await self._read_pool.call(
            lambda: self._reports.periods(name, start, now + 1, seconds, chosen)
        )
        known_since = self._reports.figures_since if seconds < HOUR else None
        return ConnectorActivity(start, now, text, known_since, periods, self._refusals(found, chosen))

    def _refusals(self, found: VisibleConnector, token: str | None) -> list[Refusal]:
        return [
            _visible(each, found)
            for each in self._traffic.of(found.connector.name).refusals
            if token is None or token == each.token
        ]


def _visible(refusal: Refusal, found: VisibleConnector) -> Refusal:
    place = refusal.first_error
    if place and not _may_see_field(place.field, refusal, found):
        return replace(refusal, first_error=replace(place, field=None))
    return refusal


def _may_see_field(field: str | None, refusal: Refusal, found: VisibleConnector) -> bool:
    """Return whether the asker may see the name of a bad field: an unknown one may be a value, of CSV without a header."""
    if found.sight.rejected == "all" or refusal.token == found.asker.token:
        return True
    names = {each.name for each in found.connector.fields} | {", ".join(found.connector.primary_key)}
    return field in names


def _since(text: str, now: int) -> int:
    """Parse an instant, or the time before now such as `24h`, to seconds since 1970."""
    if found := _DURATION.fullmatch(text):
        return max(now - int(found[1]) * _SECONDS[found[2]], 0)
    try:
        since = int(parse_instant(text).timestamp())
    except ValueError:
        since = -1
    if not 0 <= since <= now:
        message = f"since={text[:50]} is neither a duration nor an instant of the past"
        raise GatewayError(
            Code.QUERY_INVALID, message, hint="write 90m, 24h, 7d, 2026-01-31, or 2026-01-31T12:00:00Z"
        )
    return since


def _step(text: str) -> int:
    """Parse the length of a period, such as `15m`, to seconds."""
    found = _DURATION.fullmatch(text)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not seconds or (seconds < HOUR and HOUR % seconds) or (seconds > HOUR and seconds % HOUR):
        message = f"step={text[:50]} is not a length of periods"
        raise GatewayError(Code.QUERY_INVALID, message, hint="write 1m, 5m, 15m, 30m, 1h, 6h, 1d, or 7d")
    return seconds


def _default_step(seconds: int) -> str:
    if seconds <= 2 * HOUR:
        return "1m"
    return "1h" if seconds <= 7 * 24 * HOUR else "1d"
