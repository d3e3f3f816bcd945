"""`/-/console/connectors/NAME/rows/ID`: one row with its whole values, field by field."""

import re
from dataclasses import dataclass

from gateway.admin.visible_connectors import VisibleConnector
from gateway.connectors.connector import SYSTEM_FIELDS, Connector, Field
from gateway.console import cells
from gateway.console.cells import Html
from gateway.console.connector_page import ConnectorHeads, ConnectorPage
from gateway.console.page import Shell, View
from gateway.console.rows_page import RowSource, query_of
from gateway.console.rows_view import RowsView, page_url
from gateway.console.snippets import shell
from gateway.console.snippets.snippet import EndpointUse
from gateway.console.visit import Visit
from gateway.errors import Code, GatewayError
from gateway.query import cell_rows
from gateway.query.cell_rows import Cell, CellRow
from gateway.query.query import Query

#: All fields, and then those of the gateway.
_SELECT = "*," + ",".join(field.name for field in SYSTEM_FIELDS)


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A field of the row with its value."""

    field: Field
    value: Cell

    @property
    def can_copy(self) -> bool:
        """True if the page has every character of the value."""
        return bool(self.value) and not cells.has_too_many_signs(self.value or "")

    @property
    def html(self) -> Html:
        """The value as HTML."""
        return cells.whole(self.value)


@dataclass(frozen=True)
class RowView:
    """The content of the page.

    Attributes:
        found: The connector, and what the reader may do.
        base: The URL of the gateway as far as the request tells, without a slash at its end.
        row: The row.
        query: The query that reads it.
    """

    found: VisibleConnector
    base: str
    row: CellRow
    query: Query

    @property
    def connector(self) -> Connector:
        """The connector."""
        return self.found.connector

    @property
    def values(self) -> list[FieldValue]:
        """The fields with their values."""
        fields = (*self.connector.fields, *SYSTEM_FIELDS)
        return [FieldValue(*pair) for pair in zip(fields, self.row.cells, strict=True)]

    @property
    def batch(self) -> str:
        """The number of its batch."""
        return self.row.cells[-1] or ""

    def path(self, page: str, query: str = "") -> str:
        """Return the URL of a page of the connector, relative to the gateway's root."""
        return page_url(self.connector, page, query)

    @property
    def curl(self) -> str:
        """The command that prints the row."""
        one = (("select", _SELECT), ("_id", f"eq.{self.row.place}"))
        return shell.read(EndpointUse.to_read(self.connector, self.base, one, self.query))


class RowPage(ConnectorPage):
    """The page of one row."""

    page = "rows"

    def __init__(self, shell: Shell, heads: ConnectorHeads, source: RowSource) -> None:
        super().__init__(shell, heads)
        self._source = source

    async def show(self, visit: Visit, found: VisibleConnector) -> View:
        """Show one row; if it is not there, say so above the form of the page of rows.

        Raises:
            GatewayError: As `RowAccess.read`, or the read fails.
        """
        page = await self._source.access.read(visit, lambda found: self._read(visit, found))
        if page is not None:
            return View("row.html", {"page": page})
        id = visit.parameters["id"]
        error = GatewayError(
            Code.ENDPOINT_UNKNOWN,
            f"there is no row {id[:50]!r} of '{found.connector.name}'",
            hint="it may have been deleted or replaced: look for it among the rows",
        )
        rows = RowsView(found, visit.host_url.rstrip("/"), visit.root, (), error=error)
        return View("rows.html", {"page": rows}, status=error.status)

    async def _read(self, visit: Visit, found: VisibleConnector) -> RowView | None:
        id = visit.parameters["id"]
        if not re.fullmatch("[0-9]{1,18}", id):
            return None
        query = query_of(found, f"select={_SELECT}&_id=eq.{id}&limit=1")
        page = await cell_rows.read_page(self._source.pool, cell_rows.statement_of(query, found.connector))
        if not page.rows:
            return None
        return RowView(found, visit.host_url.rstrip("/"), page.rows[0], query)
