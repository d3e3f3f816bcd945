"""`/-/console/`: the endpoints that the asker may see, and what it may do there."""

from gateway.auth.permissions import sight_of
from gateway.console.endpoint_at import api_page
from gateway.console.page import ConsolePage, Shell, View
from gateway.console.visit import Visit
from gateway.endpoints.live import Live

_ACTIONS = {"read": "read", "ingest": "write", "change": "change"}


class EndpointList(ConsolePage):
    """The first page."""

    def __init__(self, shell: Shell, live: Live) -> None:
        super().__init__(shell)
        self._live = live

    async def get(self, visit: Visit) -> View:
        """List the endpoints by name."""
        connectors = [endpoint.connector for endpoint in self._live.snapshot.endpoints.values()]
        entries = [
            {
                "connector": connector,
                "page": api_page(connector),
                "may": [_ACTIONS[verb] for verb in _ACTIONS if verb in sight.verbs],
            }
            for connector in sorted(connectors, key=lambda each: each.name)
            if (sight := sight_of(visit.asker, connector.access)).is_visible
        ]
        return View("endpoint_list.html", {"entries": entries})
