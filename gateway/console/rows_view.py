"""Content of the page of rows. The thread of the pages computes it while it renders."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.admin.visible_connectors import VisibleConnector
from gateway.connectors.connector import Connector
from gateway.console import cells, filter_form
from gateway.console.cells import TableBody
from gateway.console.connector_urls import connector_url
from gateway.console.filter_form import ActiveParameter, WrongFilter
from gateway.console.rows_query import PAGE_PARAMETERS, ColumnItem, RowsQuery
from gateway.console.snippets import quoting, shell
from gateway.console.snippets.snippet import EndpointUse
from gateway.errors import GatewayError
from gateway.media_types import FORMATS
from gateway.query import paging
from gateway.query.cell_rows import CellPage, CellRow
from gateway.query.operators import Operator
from gateway.query.query import Query

#: The rows of a page, unless the URL says more or fewer; and the most.
LIMIT, LIMIT_MAX = 50, 1000
#: The numbers of rows that the page offers.
LIMITS = (20, 50, 100, 500, 1000)
#: The names of formats as people write them.
_FORMAT_TITLES = {"parquet": "Parquet", "arrow": "Arrow"}
_NO_ROWS = CellPage((), has_more=False)


def page_url(connector: Connector, page: str, query: str = "") -> str:
    """Return the URL of a page of a connector, relative to the gateway's root."""
    return f"{connector_url(connector.name, page)}{query and '?'}{query}"


@dataclass(frozen=True, slots=True)
class ColumnHead:
    """The head of a column, with the query strings of its menu; None where there is no such view."""

    name: str
    kind: str
    type: str
    direction: str | None
    ascending: str
    descending: str
    values: str | None
    hidden: str | None
    null: str | None
    not_null: str | None


@dataclass(frozen=True)
class RowsView:
    """The content of the page; everything that is computed is a property.

    Attributes:
        found: The connector, and what the reader may do.
        base: The URL of the gateway as far as the request tells, without a slash at its end.
        root: The relative URL of the gateway's root.
        pairs: The decoded parameters of the page, valid or not.
        query: The same, parsed, with the limit of the page; None if they are invalid.
        rows: The rows; None if they could not be read.
        error: Why they could not, or None.
        read_limit: The most rows of a response of the API, None for any number.
        total: The number of all rows of the filter, if they were counted.
    """

    found: VisibleConnector
    base: str
    root: str
    pairs: Sequence[tuple[str, str]]
    query: Query | None = None
    rows: CellPage = _NO_ROWS
    error: GatewayError | None = None
    read_limit: int | None = None
    total: int | None = None

    @property
    def connector(self) -> Connector:
        """The connector."""
        return self.found.connector

    @functools.cached_property
    def links(self) -> RowsQuery:
        """The query strings of other views."""
        return RowsQuery(self.connector, self.pairs, self.query)

    def path(self, page: str, query: str = "") -> str:
        """Return the URL of a page of the connector, relative to the gateway's root."""
        return page_url(self.connector, page, query)

    # -- the table

    @functools.cached_property
    def columns(self) -> list[ColumnHead]:
        """The heads of the columns."""
        return [self._head(item) for item in self.links.columns]

    def _head(self, item: ColumnItem) -> ColumnHead:
        links, key = self.links, self.links.key_of(item)
        return ColumnHead(
            item.selected.name,
            cells.kind_of(item.selected.type),
            item.selected.type.name,
            links.direction_of(item),
            links.ordered_by(item, is_descending=False),
            links.ordered_by(item, is_descending=True),
            links.values_of(item),
            links.hiding(item),
            None if key is None else links.filtered(key, "is.null"),
            None if key is None else links.filtered(key, "not.is.null"),
        )

    @functools.cached_property
    def body(self) -> TableBody:
        """The rows as HTML; fewer than were read if they are too large for a page."""
        kinds = [column.kind for column in self.columns]
        is_grouped = self.query is not None and self.query.is_grouped
        url_of, label = (self._url_of_group, "Rows") if is_grouped else (self._url_of_row, "")
        return cells.table_body(self.rows.rows, kinds, url_of, label)

    def _url_of_row(self, row: CellRow) -> str | None:
        return self.root + self.path(f"rows/{row.place}")

    def _url_of_group(self, row: CellRow) -> str | None:
        """Return the URL of the rows of a group, None if its values cannot be spelled as filters."""
        filters = list(self.links.filters)
        for item, value in zip(self.links.columns, row.cells, strict=True):
            selected = item.selected
            if selected.aggregate:
                continue
            is_cut = value is not None and len(value) > cells.CUT_AT
            if is_cut or selected.cast or selected.type.item is not None or selected.column is None:
                return None
            key = self.links.key_of(item)
            assert key is not None
            filters.append((key, "is.null" if value is None else f"eq.{value}"))
        return self.root + self.path("rows", quoting.query_string(filters))

    # -- paging

    @property
    def is_cut(self) -> bool:
        """True if the page has fewer rows than were asked for, because they are too large."""
        assert self.query is not None
        return self.has_next and self.body.row_count < (self.query.limit or 0)

    @property
    def has_next(self) -> bool:
        """True if more rows follow."""
        return self.rows.has_more or self.body.row_count < len(self.rows.rows)

    @property
    def next(self) -> str | None:
        """The query string of the next page: that of the API's Link header."""
        if not self.has_next or self.query is None:
            return None
        last = self.rows.rows[self.body.row_count - 1].place
        return None if last is None else paging.next_page(self.same, self.query, last, self.connector)

    @property
    def same(self) -> str:
        """The query string of the page."""
        return quoting.query_string(filter_form.without_format(tuple(self.pairs), self.connector))

    @property
    def is_first(self) -> bool:
        """True if no rows are before the page."""
        return self.query is None or (self.query.cursor is None and not self.query.offset)

    @property
    def first(self) -> str:
        """The query string of the first page."""
        return self.links.variant()

    @property
    def previous(self) -> str | None:
        """The query string of the page before, None if there is none, or if it is unknown."""
        query = self.query
        if query is None or self.is_first or (query.cursor is not None and query.is_grouped):
            return None
        if query.cursor is None:
            offset = query.offset - (query.limit or 0)
            return self.links.variant(offset=str(offset) if offset > 0 else None)
        return self.links.variant(cursor=None if self.rows.previous is None else str(self.rows.previous))

    @property
    def span(self) -> str:
        """The rows of the page in words."""
        count = self.body.row_count
        if self.query is not None and self.query.cursor is None and count:
            return f"Rows {self.query.offset + 1:,} to {self.query.offset + count:,}"
        return f"{count:,} {'row' if count == 1 else 'rows'}"

    # -- the form

    @functools.cached_property
    def active(self) -> list[ActiveParameter]:
        """The parameters that can be removed; those of the page have links of their own, unless they are wrong."""
        found = filter_form.active(self.pairs, self.connector)
        hidden = () if self.error else (*PAGE_PARAMETERS, "format")
        shown = [each for each in found if each.is_filter or each.name not in hidden]
        return [
            replace(each, rest=self.links.everything)
            if each.name == "select" and not each.is_filter
            else each
            for each in shown
        ]

    @property
    def filterable(self) -> list[str]:
        """The names that a filter may have."""
        return list(filter_form.filterable(self.connector))

    @property
    def operators(self) -> list[Operator]:
        """The operators that a field of the connector has."""
        return filter_form.operators_of(self.connector)

    @property
    def kept_by_filter(self) -> str:
        """The query string that a new filter keeps; it takes the place of a wrong one."""
        filters = self.links.filters
        if self.wrong:
            filters = [pair for pair in filters if pair != self.wrong.pair]
        return quoting.query_string([*filters, *self._kept("select", "order", "limit")])

    @functools.cached_property
    def wrong(self) -> WrongFilter | None:
        """The filter that the form shows for correction."""
        return filter_form.wrong_filter(self.pairs, self.connector) if self.error else None

    @property
    def kept_by_columns(self) -> str:
        """The query string that another choice of columns keeps."""
        order = self.links.lasting_order
        options = [*([("order", order)] if order else []), *self._kept("limit")]
        return quoting.query_string([*self.links.filters, *options])

    @property
    def kept_by_limit(self) -> str:
        """The query string that another number of rows keeps."""
        return quoting.query_string([*self.links.filters, *self._kept("select", "order")])

    def _kept(self, *names: str) -> list[tuple[str, str]]:
        return [(name, value) for name in names if (value := self.links.option(name))]

    @property
    def limits(self) -> list[int]:
        """The numbers of rows that the page offers, and its own."""
        return sorted({*LIMITS, self.limit})

    @property
    def limit(self) -> int:
        """The most rows of the page."""
        return LIMIT if self.query is None or self.query.limit is None else self.query.limit

    # -- the same elsewhere

    @property
    def all_query(self) -> str:
        """The query string of all rows of the filter."""
        return quoting.query_string(self.links.all_rows)

    @property
    def downloads(self) -> list[tuple[str, str]]:
        """The formats, each with the query string of all rows in it."""
        return [
            (
                _FORMAT_TITLES.get(name, name.upper()),
                quoting.query_string([*self.links.all_rows, ("format", name)]),
            )
            for name in FORMATS
        ]

    @property
    def curl(self) -> str:
        """The command that prints the rows of the page."""
        assert self.query is not None
        page = (("limit", str(self.limit)), *self._kept("offset", "cursor"))
        shown = (*self.links.all_rows, *page)
        return shell.read(EndpointUse.to_read(self.connector, self.base, shown, self.query))
