"""`/-/console/connectors/NAME/history`: the changes of a connector with their diffs, and one version of its file."""

from urllib.parse import urlencode

from gateway.admin.batch_pages import MAX_BATCHES, BatchPages
from gateway.admin.connector_history import MAX_EVENTS, ConnectorHistory
from gateway.console.batch_sums import BatchSum, sums_between
from gateway.console.connector_page import ConnectorHeads
from gateway.console.connector_urls import connector_url
from gateway.console.page import ConsolePage, Redirect, Shell, View
from gateway.console.text_diff import diff_lines
from gateway.console.visit import Visit
from gateway.errors import GatewayError
from gateway.instants import rfc3339
from gateway.query import parameters
from gateway.store.definition import Event

#: The events of a page that names no `?limit=`, and those of them whose differences are shown.
_EVENTS, _DIFFS = 50, 20


class HistoryPage(ConsolePage):
    """The history of a connector, also of a removed or purged one; `?at=` shows the version of an instant."""

    def __init__(
        self, shell: Shell, heads: ConnectorHeads, history: ConnectorHistory, batches: BatchPages
    ) -> None:
        super().__init__(shell)
        self._heads = heads
        self._history = history
        self._batches = batches

    async def get(self, visit: Visit) -> View | Redirect:
        """Show the events of a connector, newest first, or one version.

        Raises:
            GatewayError: As `ConnectorHistory` does.
        """
        name = visit.parameters["name"]
        at = dict(reversed(parameters.parameters_of(visit.query_string))).get("at")
        if at is None:
            limit = parameters.whole_number(visit.query_string, "limit", maximum=MAX_EVENTS, default=_EVENTS)
            events = await self._history.read(visit.asker, name, limit)
            view = _events_view(name, events, limit, await self._between(visit, events))
        else:
            event, is_newest = await self._history.version(visit.asker, name, at)
            view = _version_view(name, event, is_newest=is_newest)
        try:
            known = self._heads.find_known(visit)
        except GatewayError:  # It was purged, so that only its history is left.
            return View(view.template, {**view.values, "head": None})
        return await self._heads.frame(view, visit, known, "history")

    async def _between(self, visit: Visit, events: list[Event]) -> list[BatchSum]:
        """Return the sums of the batches after each event, up to the next one; none of a connector without an endpoint."""
        try:
            found = self._heads.find(visit)
        except GatewayError:
            return []
        page = await self._batches.read(found, f"limit={MAX_BATCHES}")
        return sums_between([each.at for each in events], page.batches, is_whole=page.following is None)


def version_query(event: Event, name: str = "at") -> str:
    """Return the query string that names the version after an event."""
    return urlencode({name: rfc3339(event.at)})


def _events_view(name: str, events: list[Event], limit: int, sums: list[BatchSum]) -> View:
    url = connector_url(name, "history")
    return View(
        "history.html",
        {
            "name": name,
            "events": events,
            "sums": sums,
            "diffs": _DIFFS,
            "diff_lines": diff_lines,
            "version_query": version_query,
            "url": url,
            "older": f"{url}?limit={MAX_EVENTS}" if len(events) == limit < MAX_EVENTS else None,
        },
    )


def _version_view(name: str, event: Event, *, is_newest: bool) -> View:
    return View(
        "version.html",
        {
            "name": name,
            "event": event,
            "is_newest": is_newest,
            "diff_lines": diff_lines,
            "version_query": version_query,
            "url": connector_url(name, "history"),
        },
    )
