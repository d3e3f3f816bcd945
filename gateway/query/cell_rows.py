"""Rows as text cells, for people who look at them. DuckDB cuts long values, so that they are never moved."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import msgspec

from gateway.connectors.connector import Connector
from gateway.media_types import Media
from gateway.query.query import Order, Query
from gateway.query.read_pool import ReadPool
from gateway.query.relation import ID
from gateway.query.render import unknown_cursor
from gateway.query.row_formats import Output, OutputValue
from gateway.query.sql import Parameters
from gateway.query.statement import Statement
from gateway.store.interface import ReadTransaction

_T = TypeVar("_T")

#: A page has at most as many characters of values, one row excepted.
PAGE_CHARACTERS = 2 * 2**20

#: The text of a value as in CSV, before its quotes; None for null.
Cell: TypeAlias = str | None
_cells = msgspec.json.Decoder(tuple[Cell, ...])


@dataclass(frozen=True, slots=True)
class CellOutput(Output):
    """The format of rows of cells: a JSON array of texts for each row.

    Attributes:
        cut_at: The most characters of a cell, and one more that shows that it was cut; None for all.
    """

    cut_at: int | None = None

    def row(self, values: Sequence[OutputValue], parameters: Parameters) -> str:
        """Return the SQL of the cells of a row."""
        return f"to_json([{', '.join(map(self._cell, values))}])::VARCHAR"

    def _cell(self, value: OutputValue) -> str:
        text = value.type.sql.csv.format(value.sql)
        return text if self.cut_at is None else f"left({text}, {self.cut_at + 1})"


@dataclass(frozen=True, slots=True)
class CellRow:
    """A row.

    Attributes:
        place: Its `_id`, or that of the first row of its group; None for the only group of no rows.
        cells: Its values.
    """

    place: int | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class CellPage:
    """A page of rows.

    Attributes:
        rows: The rows.
        has_more: Whether more rows follow them.
        previous: The cursor of the page before, None if that is the first page, or if it is unknown.
    """

    rows: tuple[CellRow, ...]
    has_more: bool
    previous: int | None = None


def statement_of(query: Query, connector: Connector, *, cut_at: int | None = None) -> Statement:
    """Return the statement of the cells of a query."""
    return Statement(query, connector, CellOutput(Media.JSON, Media.JSON.content_type, cut_at=cut_at))


async def read_page(pool: ReadPool, statement: Statement) -> CellPage:
    """Read a page of cells.

    Args:
        pool: The threads that run the query.
        statement: The statement of cells, with a limit.

    Raises:
        GatewayError: The query fails, or its cursor is not a row.
        ConnectorChanged: The connector has another version.
    """
    return await _run(pool, lambda transaction: _read_page(transaction, statement))


async def count_rows(pool: ReadPool, statement: Statement) -> int:
    """Count the rows, or groups, that match the filters of a statement.

    Raises:
        GatewayError: The query fails, or takes longer than a query may.
        ConnectorChanged: The connector has another version.
    """
    sql = statement.count()
    return await _run(pool, lambda transaction: int(transaction.fetch(sql.text, sql.parameters)[0][0]))


async def _run(pool: ReadPool, read: Callable[[ReadTransaction], _T]) -> _T:
    """Run a short read in a thread of the pool, which also ends its transaction.

    It needs no place for an open result, for it never waits for a client. Its callers bound how many there are.
    """
    transaction = pool.transaction()

    def step() -> _T:
        try:
            return read(transaction)
        finally:
            transaction.close()

    return await pool.run(transaction, step)


def _read_page(transaction: ReadTransaction, statement: Statement) -> CellPage:
    query = statement.query
    assert query.limit is not None
    anchor = statement.anchor_count()
    if anchor or query.cursor is not None:
        transaction.begin()
    if anchor and not transaction.fetch(anchor.text, anchor.parameters)[0][0]:
        raise unknown_cursor(query.cursor)
    rows, has_more = _rows(transaction, statement, query.limit) if query.limit else ((), False)
    previous = None
    if rows and query.cursor is not None and not query.is_grouped:
        previous = _cursor_before(transaction, statement, rows[0])
    return CellPage(rows, has_more, previous)


def _rows(transaction: ReadTransaction, statement: Statement, limit: int) -> tuple[tuple[CellRow, ...], bool]:
    """Return the rows of a page, fewer where they are large, and whether more follow."""
    sql = statement.page
    few = transaction.few(sql.text, sql.parameters, most_rows=limit + 1, most_size=PAGE_CHARACTERS)
    rows: list[CellRow] = []
    size = 0
    for text, place in few if few is not None else _streamed(transaction):
        size += len(text)
        if rows and (len(rows) == limit or size > PAGE_CHARACTERS):
            return tuple(rows), True
        rows.append(CellRow(place, _cells.decode(text)))
    return tuple(rows), False


def _streamed(transaction: ReadTransaction) -> Iterator[tuple[str, int | None]]:
    """Yield the text and the place of the rows that `ReadTransaction.few` has begun."""
    while (batch := transaction.next()) is not None:
        yield from zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)


def _cursor_before(transaction: ReadTransaction, statement: Statement, first: CellRow) -> int | None:
    """Return the cursor of the page that ends before a row: the place of the row before that page."""
    query = statement.query
    reverse = replace(query, order=_reversed(query.order), cursor=first.place, offset=0)
    end = replace(statement, query=reverse).end()
    places = transaction.fetch(end.text, end.parameters)
    return places[1][0] if len(places) > 1 else None


def _reversed(order: Sequence[Order]) -> tuple[Order, ...]:
    """Return the terms of the reverse order; `_id` decides between rows that are equal in the others."""
    terms = [
        replace(each, is_descending=not each.is_descending, has_nulls_first=not each.has_nulls_first)
        for each in order
    ]
    return (*terms, Order(ID, is_descending=True))
