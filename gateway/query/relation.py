"""The rows or groups of a query, and the columns that order them, in SQL."""

from collections.abc import Sequence
from dataclasses import replace

from gateway.connectors.connector import SYSTEM_FIELDS, Connector
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.fieldtypes.scalars import SCALARS
from gateway.query import aggregates, casts, keyset
from gateway.query.conditions import where
from gateway.query.keyset import KeysetColumn
from gateway.query.query import Column, Query, Selected
from gateway.query.sql import Parameters, Sql
from gateway.store.selection import Selection
from gateway.store.sql.names import quote, table_of

ID = Column(SYSTEM_FIELDS[0])
ID_SQL = quote(ID.name)


class Relation:
    """The rows or groups of a query, with the columns that order them.

    Its names start with `_`, which no field's name does: `_c0` is the first column of the result, and `_place` is the
    `_id` of a row, or of the first row of a group.

    Attributes:
        expressions: The SQL of the selected values.
        names: Their names as columns.
    """

    def __init__(self, query: Query, connector: Connector) -> None:
        self._query = query
        self._connector = connector
        self.parameters = Parameters()
        self._conditions = where(query.where, self.parameters)
        self.expressions = [self._expression(selected) for selected in query.select]
        self.names = [f"_c{number}" for number in range(len(query.select))]
        self._order = self._group_order() if query.is_grouped else self._row_order()

    def statement(self, text: str) -> Sql:
        """Return a complete statement."""
        return Sql(text, self.parameters.values)

    @property
    def is_as_stored(self) -> bool:
        """True if the page has stored columns only, in the order in which they are stored."""
        is_computed = self._query.is_grouped or any(selected.cast for selected in self._query.select)
        return self._is_commit_order and not is_computed

    @property
    def columns(self) -> list[str]:
        """The selected values, as columns of a page."""
        return self.names if self._query.is_grouped else self._named

    @property
    def place(self) -> str:
        """The SQL of a row's place, or of a group's."""
        return "_place" if self._query.is_grouped else ID_SQL

    @property
    def _named(self) -> list[str]:
        return [f"{sql} AS {name}" for sql, name in zip(self.expressions, self.names, strict=True)]

    def count(self) -> str:
        """Return the SQL that counts the rows, or groups, that match the filters."""
        return (
            f"SELECT count(*) FROM {self._groups}" if self._query.is_grouped else self._matching("count(*)")
        )

    def _matching(self, columns: str) -> str:
        """Return the SQL that selects columns of the rows that match the filters."""
        return _select(columns, self._table, self._conditions)

    def page(self, columns: Sequence[str], *, limit: int | None, offset: int) -> str:
        """Return the SQL that selects columns of the rows or groups of the page."""
        is_grouped = self._query.is_grouped
        source, conditions = (self._groups, []) if is_grouped else (self._table, self._conditions)
        anchor, after = self._after()
        text = _select(", ".join(columns), f"{source}{anchor}", [*conditions, *after])
        if self._order and not self._is_commit_order:
            text += " ORDER BY " + ", ".join(column.order for column in self._order)
        if limit is not None:
            text += f" LIMIT {self.parameters.add(limit)}"
        if offset:
            text += f" OFFSET {self.parameters.add(offset)}"
        return text

    @property
    def _table(self) -> str:
        return self.parameters.source(table_of(self._connector))

    @property
    def _groups(self) -> str:
        return f"({self._matching(', '.join([*self._named, f'min({ID_SQL}) AS _place']))} GROUP BY ALL)"

    def _after(self) -> tuple[str, list[str]]:
        """Return the join that finds the start of the page, and the condition of coming after it."""
        if self._query.cursor is None:
            return "", []
        if not self._order:
            return "", ["false"]  # Nothing follows the only row.
        cursor = self.parameters.add(self._query.cursor)
        if not self.has_anchor:
            return "", [f"{ID_SQL} {'<' if self._order[0].is_descending else '>'} {cursor}"]
        if self.is_ordered_by_aggregates:
            anchor = keyset.group_anchor(self._order, self._groups, cursor)
        else:
            anchor = keyset.anchor(self._order, self._table, cursor)
        return f", {anchor}", [keyset.after(self._order)]

    @property
    def has_anchor(self) -> bool:
        """True if the values of the cursor's row must be looked up: `_id` alone is the cursor itself."""
        return [column.sql for column in self._order] not in ([], [ID_SQL])

    @property
    def is_ordered_by_aggregates(self) -> bool:
        """True if the values of the cursor's group must be computed: no row has them."""
        return any(isinstance(term.column, Selected) for term in self._query.order)

    def anchor_count(self, cursor: int) -> str:
        """Return the SQL that counts the groups of a cursor."""
        return f"SELECT count(*) FROM {self._groups} WHERE _place = {self.parameters.add(cursor)}"

    @property
    def _is_commit_order(self) -> bool:
        """True if the rows are stored in the requested order.

        In a DuckDB file one thread appends rows in the order of `_id`. DuckDB keeps insertion order through filters and limits
        (https://duckdb.org/docs/stable/sql/dialect/order_preservation). Without an ORDER BY nothing is sorted, and 10
        million rows stream in bounded memory.
        """
        return self._connector.is_stored_in_order and self._order == [KeysetColumn(ID_SQL, ID_SQL)]

    def _row_order(self) -> list[KeysetColumn]:
        """Return the columns of `order`, and `_id`, which identifies a row."""
        columns: list[KeysetColumn] = []
        for term in self._query.order:
            assert isinstance(term.column, Column)
            if term.column == ID:
                return [*columns, KeysetColumn(ID_SQL, ID_SQL, term.is_descending)]
            expression = self.parameters.column(term.column)
            parts = keyset.columns_of(expression, expression, term.column.type, term)
            if len(parts) > 1:
                computed = [self.parameters.computed(part.sql) for part in parts]
                parts = [
                    replace(part, sql=name, row_sql=name) for part, name in zip(parts, computed, strict=True)
                ]
            columns += parts
        return [*columns, KeysetColumn(ID_SQL, ID_SQL)]

    def _group_order(self) -> list[KeysetColumn]:
        """Return the columns of `order`, and all columns of the group, which identify a group.

        No row has the value of an aggregate: `group_anchor` reads it from the groups.
        """
        groups = [
            (number, selected) for number, selected in enumerate(self._query.select) if not selected.aggregate
        ]
        columns: list[KeysetColumn] = []
        for term in self._query.order:
            if isinstance(term.column, Selected):
                name = f"_c{self._query.select.index(term.column)}"
                columns += keyset.columns_of(name, name, term.column.type, term)
                continue
            number, selected = next(group for group in groups if group[1].column == term.column)
            columns += keyset.columns_of(f"_c{number}", self._expression(selected), selected.type, term)
        for number, selected in groups:
            # DuckDB groups JSON by its text.
            text = "::VARCHAR" if selected.type.name == "json" else ""
            columns.append(KeysetColumn(f"_c{number}{text}", f"{self._expression(selected)}{text}"))
        return columns

    def _expression(self, selected: Selected) -> str:
        if selected.column is None:
            expression, type = "*", SCALARS["integer"]
        else:
            expression, type = self.parameters.column(selected.column), selected.column.type
        if selected.cast:
            expression = self._cast(expression, type, selected.cast, str(selected.column))
            type = selected.cast
        if selected.aggregate:
            type = aggregates.result_type(selected.aggregate, type)
            expression = aggregates.sql(selected.aggregate, expression, type)
        if selected.aggregate_cast:
            expression = self._cast(expression, type, selected.aggregate_cast, f"{selected.aggregate}()")
        return expression

    def _cast(self, expression: str, source: FieldType, target: FieldType, what: str) -> str:
        """Return the SQL of a cast; errors call the value `what`."""
        return casts.sql(expression, source, target, casts.label_of(what, source, target))


def selection_of(query: Query, connector: Connector) -> Selection:
    """Return the selection of all rows that match the filters of a query."""
    parameters = Parameters()
    conditions = where(query.where, parameters)
    return Selection(_select(ID_SQL, parameters.source(table_of(connector)), conditions), parameters.values)


def _select(columns: str, source: str, conditions: Sequence[str]) -> str:
    where_clause = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {columns} FROM {source}{where_clause}"
