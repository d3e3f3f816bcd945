"""Query strings of other views of the rows of a page: sorted, filtered, with other columns, or the next page."""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.connectors.connector import SYSTEM_FIELDS, Connector
from gateway.console import filter_form
from gateway.console.snippets import quoting
from gateway.query.columns import ColumnNames
from gateway.query.query import Column, Order, Query, Selected
from gateway.query.selection import parse_select

#: The parameters of one page among the pages of the same rows.
PAGE_PARAMETERS = ("limit", "offset", "cursor")
#: An item of `select`, up to the next comma outside of quotes.
_ITEM = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*+")+', re.DOTALL)


@dataclass(frozen=True, slots=True)
class ColumnItem:
    """A column of the page, as `select` names it.

    Attributes:
        text: The item of `select`.
        selected: The column of the result.
    """

    text: str
    selected: Selected


@dataclass(frozen=True)
class RowsQuery:
    """The query of a page of rows, and its variants as query strings.

    Attributes:
        connector: The connector.
        pairs: The decoded parameters of the page.
        query: The same, parsed; None if they are invalid.
    """

    connector: Connector
    pairs: Sequence[tuple[str, str]]
    query: Query | None

    @functools.cached_property
    def _names(self) -> ColumnNames:
        return ColumnNames(self.connector)

    def _is_option(self, key: str, value: str) -> bool:
        return filter_form.is_option(key, value, self._names)

    def option(self, name: str) -> str:
        """Return the value of a parameter that is no filter, empty without it. The first counts, as in the dialect."""
        return next((value for key, value in self.pairs if key == name and self._is_option(key, value)), "")

    @functools.cached_property
    def filters(self) -> list[tuple[str, str]]:
        """The parameters that choose rows."""
        return [pair for pair in self.pairs if not self._is_option(*pair)]

    def variant(self, **options: str | None) -> str:
        """Return the query string with other options, None for none; it begins at the first page."""
        changed = {"offset": None, "cursor": None, "format": None, **options}
        kept = [pair for pair in self.pairs if not (pair[0] in changed and self._is_option(*pair))]
        return quoting.query_string([*kept, *((name, value) for name, value in changed.items() if value)])

    def filtered(self, key: str, operation: str) -> str:
        """Return the query string with one more filter."""
        return quoting.query_string(
            [*self.filters, (key, operation), *self._options("select", "order", "limit")]
        )

    def _options(self, *names: str) -> Iterator[tuple[str, str]]:
        yield from ((name, value) for name in names if (value := self.option(name)))

    @property
    def all_rows(self) -> list[tuple[str, str]]:
        """The parameters of all rows of the filter, in this order and with these columns."""
        return [*self.filters, *self._options("select", "order")]

    # -- columns

    @functools.cached_property
    def columns(self) -> tuple[ColumnItem, ...]:
        """The columns of the page."""
        if self.query is None:
            return ()
        items = {item.selected.name: item for item in self._items(self.option("select") or "*")}
        return tuple(items[selected.name] for selected in self.query.select)

    def _items(self, select: str) -> Iterator[ColumnItem]:
        for found in _ITEM.finditer(select):
            text = found[0].strip()
            for selected in parse_select(text, self._names):
                yield ColumnItem(quoting.dialect_name(selected.name) if text == "*" else text, selected)

    @property
    def other_columns(self) -> list[str]:
        """The fields that the page does not show, as items of `select`; the gateway's own are the last."""
        fields = (*self.connector.fields, *SYSTEM_FIELDS)
        shown = [item.selected for item in self.columns]
        return [
            quoting.dialect_name(field.name)
            for field in fields
            if Selected(field.name, Column(field), field.type) not in shown
        ]

    def hiding(self, item: ColumnItem) -> str | None:
        """Return the query string without a column, None if it is the only one."""
        rest = [each.text for each in self.columns if each is not item]
        assert self.query is not None
        # Groups are ordered by their own columns alone.
        is_needed = self.query.is_grouped and any(self._has(term, item) for term in self.query.order)
        order = None if is_needed else self.option("order")
        return self.variant(select=",".join(rest), order=order) if rest else None

    @property
    def everything(self) -> str:
        """Return the query string of all fields. Rows cannot be in the order of groups."""
        return self.variant(select=None, order=self.lasting_order)

    @property
    def lasting_order(self) -> str | None:
        """The value of `order` that holds for other columns, too; None if there is none."""
        is_of_groups = self.query is not None and self.query.is_grouped
        return None if is_of_groups else self.option("order") or None

    # -- order

    def ordered_by(self, item: ColumnItem, *, is_descending: bool) -> str:
        """Return the query string in the order of a column."""
        selected = item.selected
        column = selected if selected.aggregate or selected.column is None else selected.column
        return self.variant(order=f"{quoting.dialect_column(column)}{'.desc' if is_descending else ''}")

    def direction_of(self, item: ColumnItem) -> str | None:
        """Return whether a column is the first of the order: `ascending`, `descending`, or None."""
        if self.query is None or not self.query.order or not self._has(self.query.order[0], item):
            return None
        return "descending" if self.query.order[0].is_descending else "ascending"

    @staticmethod
    def _has(term: Order, item: ColumnItem) -> bool:
        """Return whether a term of the order is a column of the page."""
        selected = item.selected
        return term.column == (selected if selected.aggregate else selected.column)

    # -- filters on a column

    def key_of(self, item: ColumnItem) -> str | None:
        """Return the parameter that filters by a column, None if there is none."""
        column = item.selected.column
        if column is None or item.selected.aggregate:
            return None
        if column.path:
            return quoting.dialect_column(column)
        return filter_form.filter_key(column.field.name)

    def values_of(self, item: ColumnItem) -> str | None:
        """Return the query string of the values of a column, each with its number of rows; the most frequent first."""
        column = item.selected.column
        if column is None or item.selected.aggregate or column.field.name == "_id":
            return None
        taken = {*self._names.fields, column.name}
        count = "count()" if "count" not in taken else f"{_free_name(taken)}:_id.count()"
        name = count.partition(":")[0].removesuffix("()")
        group = quoting.dialect_column(column)
        pairs = [*self.filters, ("select", f"{group},{count}"), ("order", f"{name}.desc,{group}")]
        return quoting.query_string(pairs)


def _free_name(taken: set[str]) -> str:
    return next(name for number in range(len(taken) + 1) if (name := f"rows{number or ''}") not in taken)
