"""`/-/console/connectors/NAME/api`: how to use an endpoint. Its query string is that of the rows it speaks of."""

from gateway.admin.visible_connectors import VisibleConnector, VisibleConnectors
from gateway.console import filter_form
from gateway.console.api_description import ApiDescription
from gateway.console.endpoint_at import api_page
from gateway.console.page import ConsolePage, Redirect, Shell, View
from gateway.console.visit import Visit
from gateway.errors import GatewayError
from gateway.query import dialect
from gateway.query.parameters import parameters_of
from gateway.query.query import Query
from gateway.settings import Settings


class ApiPage(ConsolePage):
    """The page of one connector. It shows no stored row."""

    def __init__(self, shell: Shell, connectors: VisibleConnectors, settings: Settings) -> None:
        super().__init__(shell)
        self._connectors = connectors
        self._settings = settings

    async def get(self, visit: Visit) -> View | Redirect:
        """Describe an endpoint; a filter that the form sends becomes a query string of the dialect first.

        Raises:
            GatewayError: 404 if the connector is unknown or not visible to the asker, 410 if it was removed.
        """
        found = self._connectors.find_for(visit.asker, visit.parameters["name"])
        connector = found.connector
        query_string = visit.query_string if "read" in found.sight.verbs else ""
        try:
            pairs = tuple(parameters_of(query_string))
        except GatewayError as error:
            return self._view(visit, found, (), error)
        combined = filter_form.combined(pairs, connector)
        if combined is not None:
            return Redirect(f"{api_page(connector)}?{combined}" if combined else api_page(connector))
        try:
            query = dialect.parse(query_string, connector)
        except GatewayError as error:
            return self._view(visit, found, pairs, error)
        return self._view(visit, found, pairs, query)

    def _view(
        self,
        visit: Visit,
        found: VisibleConnector,
        pairs: tuple[tuple[str, str], ...],
        query: Query | GatewayError,
    ) -> View:
        error = query if isinstance(query, GatewayError) else None
        page = ApiDescription(
            found.connector,
            found.sight,
            self._settings,
            visit.host_url.rstrip("/"),
            pairs,
            dialect.parse("", found.connector) if isinstance(query, GatewayError) else query,
            error,
        )
        return View("api.html", {"page": page}, status=error.status if error else 200)
