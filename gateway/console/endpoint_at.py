"""`/-/console/at/PATH`: from the path of an endpoint to its page, with the rights of the asker."""

from collections.abc import Iterator

from gateway.auth import permissions
from gateway.auth.permissions import sight_of
from gateway.connectors.connector import Connector
from gateway.console.connector_urls import connector_url
from gateway.console.page import ConsolePage, Redirect, Shell
from gateway.console.visit import Visit
from gateway.endpoints.live import Live
from gateway.endpoints.removed import RemovedConnector


class EndpointAt(ConsolePage):
    """Redirects a browser that asked for the path of an endpoint."""

    def __init__(self, shell: Shell, live: Live) -> None:
        super().__init__(shell)
        self._live = live

    async def get(self, visit: Visit) -> Redirect:
        """Redirect to the page of the connector at a path, or at a former path of it. The query string is kept.

        Raises:
            GatewayError: 404, nothing is there that the asker may see; 410, the connector was removed.
        """
        path = f"/{visit.parameters['path']}"
        query = f"?{visit.query_string}" if visit.query_string else ""
        for connector, removed in self._at(path):
            if not sight_of(visit.asker, connector.access).is_visible:
                break
            if removed is not None:
                raise removed.error(is_admin=visit.asker.is_admin)
            return Redirect(f"{connector_url(connector.name, 'api')}{query}")
        raise permissions.unknown_endpoint(path)

    def _at(self, path: str) -> Iterator[tuple[Connector, RemovedConnector | None]]:
        """Yield the connector at a path, and its removal; the router prefers them in the same order."""
        snapshot = self._live.snapshot
        for endpoint in snapshot.endpoints.values():
            if endpoint.connector.path == path:
                yield endpoint.connector, None
        former = (each for each in (*snapshot.gone.values(), *snapshot.moved) if each.path == path)
        for each in sorted(former, key=lambda each: each.since, reverse=True):
            yield each.connector, each if isinstance(each, RemovedConnector) else None
