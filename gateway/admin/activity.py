"""`/-/connectors/NAME/activity`: what came in, was refused, and was served, by period."""

import re
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from falcon.asgi import Request, Response

from gateway.admin.activity_report import HOUR, ActivityReports, Period
from gateway.admin.visible_connectors import VisibleConnector, VisibleConnectors
from gateway.auth.tokens import parse_instant
from gateway.endpoints import reply
from gateway.endpoints.services import Services
from gateway.errors import Code, GatewayError
from gateway.figures import FIGURES, NO_FIGURES
from gateway.instants import rfc3339, utc
from gateway.query import parameters
from gateway.server.traffic import Refusal
from gateway.store.activity import BatchCounts

#: The most periods of a response.
MAX_PERIODS = 1500
_SECONDS = {"m": 60, "h": HOUR, "d": 24 * HOUR}
_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhd])")


class ActivityResource:
    """`/-/connectors/NAME/activity`."""

    def __init__(
        self,
        connectors: VisibleConnectors,
        services: Services,
        reports: ActivityReports,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connectors = connectors
        self._read_pool = services.storage.read_pool
        self._traffic = services.observed.traffic
        self._reports = reports
        self._clock = clock

    async def on_get(self, req: Request, resp: Response, name: str) -> None:
        """Respond with the periods of `?step=` from `?since=`, their totals, and the last refused batches.

        A token that sees only its own batches gets those, its own refusals, and no figures of reads.
        """
        found = self._connectors.find(req, name)
        found.require(found.sight.batches, "the activity")
        token = found.token_of(found.sight.batches)
        now = int(self._clock())
        given = dict(reversed(parameters.parameters_of(req.query_string)))
        since = _since(given.get("since", "24h"), now)
        text = given.get("step") or _default_step(now - since)
        step = _step(text)
        since = since // step * step
        if now - since > MAX_PERIODS * step:
            message = f"step={text[:50]} makes more than {MAX_PERIODS} periods since {rfc3339(utc(since))}"
            raise GatewayError(Code.QUERY_INVALID, message, hint="choose a longer step, or a later since")
        periods = await self._read_pool.call(lambda: self._reports.periods(name, since, now + 1, step, token))
        refusals = [
            _refusal(each, found)
            for each in self._traffic.of(name).refusals
            if token is None or token == each.token
        ]
        reply.json(
            resp,
            {
                "connector": name,
                "since": rfc3339(utc(since)),
                "until": rfc3339(utc(now)),
                "step": text,
                "figures_since": rfc3339(utc(self._reports.figures_since)) if step < HOUR else None,
                "total": _total(periods),
                "periods": [{"start": rfc3339(utc(each.start)), **_members(each)} for each in periods],
                "refusals": refusals,
            },
        )


def _members(period: Period) -> dict[str, Any]:
    figures = dict.fromkeys(FIGURES) if period.figures is None else asdict(period.figures)
    return {**asdict(period.counts), **figures}


def _total(periods: list[Period]) -> dict[str, Any]:
    """Return the sums; those of figures are None if no period has any."""
    counts, known = BatchCounts(), [each.figures for each in periods if each.figures is not None]
    for each in periods:
        counts += each.counts
    return _members(Period(0, counts, sum(known, NO_FIGURES) if known else None))


def _refusal(refusal: Refusal, found: VisibleConnector) -> dict[str, Any]:
    place = refusal.first_error
    if place and not _may_see_field(place.field, refusal, found):
        refusal = replace(refusal, first_error=replace(place, field=None))
    return {
        **asdict(refusal),
        "last_at": rfc3339(utc(refusal.last_at), timespec="milliseconds"),
    }


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
