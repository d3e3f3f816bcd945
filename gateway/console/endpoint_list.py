"""`/-/console/`: the endpoints that the asker may see, and what it may do there."""

from gateway.admin.visible_connectors import VisibleConnectors
from gateway.console.endpoint_at import api_page
from gateway.console.page import ConsolePage, Shell, View
from gateway.console.visit import Visit

_ACTIONS = {"read": "read", "ingest": "write", "change": "change"}


class EndpointList(ConsolePage):
    """The first page."""

    def __init__(self, shell: Shell, connectors: VisibleConnectors) -> None:
        super().__init__(shell)
        self._connectors = connectors

    async def get(self, visit: Visit) -> View:
        """List the endpoints by name."""
        entries = [
            {
                "connector": each.connector,
                "page": api_page(each.connector),
                "may": [_ACTIONS[verb] for verb in _ACTIONS if verb in each.sight.verbs],
            }
            for each in self._connectors.all(visit.asker)
        ]
        return View("endpoint_list.html", {"entries": entries})
