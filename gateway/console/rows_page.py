"""`/-/console/connectors/NAME/rows`: the rows of a connector. Its query string is that of the API."""

from dataclasses import dataclass, replace

from falcon.asgi import Request, Response

from gateway.admin.visible_connectors import VisibleConnector
from gateway.console import kept_parameters
from gateway.console.cells import CUT_AT
from gateway.console.connector_page import ConnectorHeads, ConnectorPage
from gateway.console.headers import PAGE_HEADERS
from gateway.console.page import Redirect, Shell, View
from gateway.console.row_access import RowAccess, require_read
from gateway.console.rows_view import LIMIT, LIMIT_MAX, RowsView, page_url
from gateway.console.visit import Visit
from gateway.endpoints import reply
from gateway.endpoints.browser import is_browser
from gateway.endpoints.negotiation import RequestHeaders
from gateway.errors import Code, GatewayError
from gateway.query import cell_rows
from gateway.query.paging import capped
from gateway.query.parameters import parameters_of
from gateway.query.query import Query
from gateway.query.read_pool import ReadPool
from gateway.settings import Settings
from gateway.store.errors import ConnectorChanged

#: The errors of the gateway itself, for which there is no page of rows.
_NOT_OF_THE_QUERY = (Code.INTERNAL, Code.LIMIT_EXCEEDED, Code.CONNECTOR_REMOVED, Code.ENDPOINT_UNKNOWN)


def query_of(found: VisibleConnector, query_string: str) -> Query:
    """Parse a query string as a GET of the endpoint does.

    Raises:
        GatewayError: It names the parameter, the value, and the fix.
    """
    return found.endpoint.read_request(RequestHeaders("GET", query_string, "*/*")).statement.query


@dataclass(frozen=True, slots=True)
class RowSource:
    """The services that read the rows of a page: with the reader of pages, as their asker may."""

    access: RowAccess
    pool: ReadPool
    settings: Settings


class RowsPage(ConnectorPage):
    """The page of rows."""

    page = "rows"

    def __init__(self, shell: Shell, heads: ConnectorHeads, source: RowSource) -> None:
        super().__init__(shell, heads)
        self._source = source

    async def show(self, visit: Visit, found: VisibleConnector) -> View | Redirect:
        """Show the rows of a query; what a form sends becomes a query string of the dialect first.

        Raises:
            GatewayError: As `RowAccess.read`. An error of the query is shown on the page.
        """
        require_read(found)
        try:
            pairs = tuple(parameters_of(visit.query_string))
            combined = kept_parameters.combined(pairs, found.connector)
        except GatewayError as error:
            return _view(self._content(visit, found, (), error=error))
        if combined is not None:
            return Redirect(page_url(found.connector, self.page, combined))
        return _view(await self._source.access.read(visit, lambda found: self._read(visit, found, pairs)))

    async def _read(
        self, visit: Visit, found: VisibleConnector, pairs: tuple[tuple[str, str], ...]
    ) -> RowsView:
        content = self._content(visit, found, pairs)
        try:
            query = query_of(found, visit.query_string)
            limit = LIMIT_MAX if content.links.option("limit").strip() else LIMIT
            query = capped(query, limit)
            content = replace(content, query=query)
            return await self._filled(content, query)
        except ConnectorChanged:
            raise
        except GatewayError as error:
            if error.code in _NOT_OF_THE_QUERY:
                raise
            return replace(content, error=error)

    async def _filled(self, content: RowsView, query: Query) -> RowsView:
        statement = cell_rows.statement_of(query, content.connector, cut_at=CUT_AT)
        return replace(content, rows=await cell_rows.read_page(self._source.pool, statement))

    def _content(
        self,
        visit: Visit,
        found: VisibleConnector,
        pairs: tuple[tuple[str, str], ...],
        error: GatewayError | None = None,
    ) -> RowsView:
        bound = self._source.settings.read_limit
        return RowsView(
            found,
            visit.host_url.rstrip("/"),
            visit.root,
            pairs,
            error=error,
            read_limit=found.connector.policy.read_limit_below(bound),
        )


class RowCount(RowsPage):
    """`/-/console/connectors/NAME/rows/count`: the same page with the number of all rows; for the script the number alone."""

    async def _filled(self, content: RowsView, query: Query) -> RowsView:
        counted = replace(content, total=await self._count(content.found, query))
        return await super()._filled(counted, query)

    async def _count(self, found: VisibleConnector, query: Query) -> int:
        return await cell_rows.count_rows(self._source.pool, cell_rows.statement_of(query, found.connector))

    async def on_get(self, req: Request, resp: Response, **parameters: str) -> None:
        """Respond with the page, or with the number as JSON."""
        if is_browser(req):
            await super().on_get(req, resp, **parameters)
            return
        visit = self.shell.visit(req, parameters)
        with self.shell.admit():
            count = await self._source.access.read(
                visit, lambda found: self._count(found, query_of(found, visit.query_string))
            )
        resp.set_headers(dict(PAGE_HEADERS))
        reply.json(resp, {"count": count})


def _view(content: RowsView) -> View:
    error = content.error
    return View(
        "rows.html",
        {"page": content},
        status=error.status if error else 200,
        headers=error.headers if error else {},
    )
