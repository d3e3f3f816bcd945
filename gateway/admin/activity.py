"""`/-/connectors/NAME/activity`: what came in, was refused, and was served, by period."""

from dataclasses import asdict
from typing import Any

from falcon.asgi import Request, Response

from gateway.admin.activity_report import Period
from gateway.admin.connector_activity import ActivityFinder
from gateway.admin.visible_connectors import VisibleConnectors
from gateway.endpoints import reply
from gateway.figures import FIGURES
from gateway.instants import rfc3339, utc
from gateway.query import parameters
from gateway.server.traffic import Refusal


class ActivityResource:
    """`/-/connectors/NAME/activity`."""

    def __init__(self, connectors: VisibleConnectors, reader: ActivityFinder) -> None:
        self._connectors = connectors
        self._reader = reader

    async def on_get(self, req: Request, resp: Response, name: str) -> None:
        """Respond with the periods of `?step=` from `?since=`, their totals, and the last refused batches."""
        found = self._connectors.find(req, name)
        given = dict(reversed(parameters.parameters_of(req.query_string)))
        activity = await self._reader.read(
            found, given.get("since"), given.get("step"), given.get("token") or None
        )
        figures_since = activity.figures_since
        reply.json(
            resp,
            {
                "connector": name,
                "since": rfc3339(utc(activity.since)),
                "until": rfc3339(utc(activity.until)),
                "step": activity.step,
                "figures_since": None if figures_since is None else rfc3339(utc(figures_since)),
                "total": _members(activity.total),
                "periods": [
                    {"start": rfc3339(utc(each.start)), **_members(each)} for each in activity.periods
                ],
                "refusals": [_refusal(each) for each in activity.refusals],
            },
        )


def _members(period: Period) -> dict[str, Any]:
    figures = dict.fromkeys(FIGURES) if period.figures is None else asdict(period.figures)
    return {**asdict(period.counts), **figures}


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {**asdict(refusal), "last_at": rfc3339(utc(refusal.last_at), timespec="milliseconds")}
