"""`/-/console/connectors/NAME/batches`: what came in and went out by period, the batches, and the refused requests."""

from dataclasses import dataclass
from urllib.parse import urlencode

from gateway.admin.batch_pages import BatchPages
from gateway.admin.connector_activity import ActivityFinder
from gateway.admin.visible_connectors import VisibleConnector
from gateway.console.activity_plots import activity_plots, period_label
from gateway.console.connector_page import ConnectorHeads, ConnectorPage
from gateway.console.connector_urls import connector_url
from gateway.console.page import Shell, View
from gateway.console.visit import Visit
from gateway.instants import utc
from gateway.query.parameters import parameters_of

#: The batches of a page.
_BATCHES = 50


@dataclass(frozen=True, slots=True)
class Span:
    """A time that the plots can show: the text of its link, its words in a title, and the length of a period."""

    text: str
    words: str
    step: str


#: The spans by the value of `?since=`.
_SPANS = {
    "24h": Span("24 h", "the last day", "1h"),
    "7d": Span("7 d", "the last 7 days", "1h"),
    "90d": Span("90 d", "the last 90 days", "1d"),
}


class BatchesPage(ConnectorPage):
    """The batches that the asker may see; `?since=` chooses the span of the plots, `?token=` and `?before=` the batches."""

    page = "batches"

    def __init__(
        self, shell: Shell, heads: ConnectorHeads, batches: BatchPages, activity: ActivityFinder
    ) -> None:
        super().__init__(shell, heads)
        self._batches = batches
        self._activity = activity

    async def show(self, visit: Visit, found: VisibleConnector) -> View:
        """Show the plots and a page of batches.

        Raises:
            GatewayError: The asker may see no batches, or a parameter is invalid.
        """
        given = dict(reversed(parameters_of(visit.query_string)))
        since = given.get("since") if given.get("since") in _SPANS else "24h"
        assert since is not None
        page = await self._batches.read(found, visit.query_string, _BATCHES)
        activity = await self._activity.read(found, since, _SPANS[since].step, page.token)
        url = connector_url(found.connector.name, self.page)
        token = {} if page.token is None else {"token": page.token}
        return View(
            "batches.html",
            {
                "activity": activity,
                "plots": activity_plots(activity, _SPANS[since].words),
                "label": period_label,
                "spans": {
                    each.text: (f"{url}?{urlencode({'since': key, **token})}", key == since)
                    for key, each in _SPANS.items()
                },
                "since": since,
                "page": page,
                "newest": f"{url}?{urlencode({'since': since, **token})}",
                "older": None if page.following is None else f"{url}?since={since}&{page.following}",
                "utc": utc,
            },
        )
