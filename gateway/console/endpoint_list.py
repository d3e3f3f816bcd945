"""`/-/console/`: the endpoints that the asker may see, and what it may do there."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from gateway.admin.visible_connectors import VisibleConnectors
from gateway.connectors.connector import Connector
from gateway.console.connector_urls import connector_url
from gateway.console.page import ConsolePage, Shell, View
from gateway.console.visit import Visit

_ACTIONS = {"read": "read", "ingest": "write", "change": "change"}


class EndpointList(ConsolePage):
    """The first page."""

    def __init__(self, shell: Shell, connectors: VisibleConnectors) -> None:
        super().__init__(shell)
        self._connectors = connectors

    async def get(self, visit: Visit) -> View:
        """List the endpoints by name, or those that have all words of `?q=`."""
        search = dict(parse_qsl(visit.query_string)).get("q", "").strip()
        words = search.lower().split()
        entries = [
            {
                "connector": each.connector,
                "page": connector_url(each.connector.name, "api"),
                "may": [_ACTIONS[verb] for verb in _ACTIONS if verb in each.sight.verbs],
            }
            for each in self._connectors.all(visit.asker)
            if _has_words(each.connector, words)
        ]
        return View("endpoint_list.html", {"entries": entries, "search": search})


def _has_words(connector: Connector, words: Iterable[str]) -> bool:
    text = f"{connector.name}\n{connector.path}\n{connector.description or ''}".lower()
    return all(word in text for word in words)
