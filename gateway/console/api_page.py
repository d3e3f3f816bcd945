"""`/-/console/connectors/NAME/api`: how to use an endpoint. Its query string is that of the rows it speaks of."""

from gateway.admin.visible_connectors import VisibleConnector
from gateway.console import kept_parameters
from gateway.console.api_description import ApiDescription
from gateway.console.connector_page import ConnectorHeads, ConnectorPage
from gateway.console.connector_urls import connector_url
from gateway.console.page import Redirect, Shell, View
from gateway.console.visit import Visit
from gateway.errors import GatewayError
from gateway.query import dialect
from gateway.query.parameters import parameters_of
from gateway.query.query import Query
from gateway.settings import Settings


class ApiPage(ConnectorPage):
    """The page of one connector. It shows no stored row."""

    page = "api"

    def __init__(self, shell: Shell, heads: ConnectorHeads, settings: Settings) -> None:
        super().__init__(shell, heads)
        self._settings = settings

    async def show(self, visit: Visit, found: VisibleConnector) -> View | Redirect:
        """Describe an endpoint; a filter that the form sends becomes a query string of the dialect first."""
        connector = found.connector
        query_string = visit.query_string if "read" in found.sight.verbs else ""
        try:
            pairs = tuple(parameters_of(query_string))
            combined = kept_parameters.combined(pairs, connector)
        except GatewayError as error:
            return self._view(visit, found, (), error)
        if combined is not None:
            url = connector_url(connector.name, self.page)
            return Redirect(f"{url}?{combined}" if combined else url)
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
