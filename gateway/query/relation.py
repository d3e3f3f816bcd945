"""The rows or groups that a query asks for, and the keys they are ordered by, in SQL."""

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
from gateway.store.sql.names import quote, table_of

ID = Column(SYSTEM_FIELDS[0])
ID_SQL = quote(ID.name)


class Relation:
    """The rows or groups that a query asks for, with the keys they are ordered by.

    Its names start with `_`, which no field's name does: `_c0` is the first column of the result and `_place`
    the `_id` of a row, or of the first row of a group.

    Attributes:
        expressions: The SQL of the values that are selected.
        names: What they are called where they are columns.
    """

    def __init__(self, query: Query, connector: Connector) -> None:
        self._query = query
        self._connector = connector
        self.parameters = Parameters()
        self._conditions = where(query.where, self.parameters)
        self.expressions = [self._expression(each) for each in query.select]
        self.names = [f"_c{number}" for number in range(len(query.select))]
        self._keys = self._group_keys() if query.is_grouped else self._row_keys()

    def statement(self, text: str) -> Sql:
        """Give a finished statement."""
        return Sql(text, self.parameters.values)

    @property
    def is_as_stored(self) -> bool:
        """Whether the page is of columns as they are, in the order they lie in."""
        computed = self._query.is_grouped or any(each.cast for each in self._query.select)
        return self._is_commit_order and not computed

    @property
    def columns(self) -> list[str]:
        """The values that are selected, as columns of a page."""
        return self.names if self._query.is_grouped else self._named

    @property
    def place(self) -> str:
        """The SQL of a row's place, or of a group's."""
        return "_place" if self._query.is_grouped else ID_SQL

    @property
    def _named(self) -> list[str]:
        return [f"{sql} AS {name}" for sql, name in zip(self.expressions, self.names, strict=True)]

    def count(self) -> str:
        """Count the rows, or groups, that the filters let through."""
        return f"SELECT count(*) FROM {self._groups}" if self._query.is_grouped else self.matching("count(*)")

    def matching(self, columns: str) -> str:
        """Select columns of the rows that the filters let through."""
        return f"SELECT {columns} FROM {self._table}{where_clause(self._conditions)}"

    def page(self, columns: Sequence[str], *, limit: int | None, offset: int) -> str:
        """Select columns of the rows or groups of the page."""
        is_grouped = self._query.is_grouped
        source, conditions = (self._groups, []) if is_grouped else (self._table, self._conditions)
        anchor, after = self._after()
        text = f"SELECT {', '.join(columns)} FROM {source}{anchor}{where_clause([*conditions, *after])}"
        if self._keys and not self._is_commit_order:
            text += " ORDER BY " + ", ".join(key.order for key in self._keys)
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
        return f"({self.matching(', '.join([*self._named, f'min({ID_SQL}) AS _place']))} GROUP BY ALL)"

    def _after(self) -> tuple[str, list[str]]:
        """Give what is joined to find where the page begins, and the condition of being behind it."""
        if self._query.cursor is None:
            return "", []
        if not self._keys:
            return "", ["false"]  # Nothing comes after the only row.
        cursor = self.parameters.add(self._query.cursor)
        if not self.has_anchor:
            return "", [f"{ID_SQL} {'<' if self._keys[0].descending else '>'} {cursor}"]
        return f", {keyset.anchor(self._keys, self._table, cursor)}", [keyset.after(self._keys)]

    @property
    def has_anchor(self) -> bool:
        """Whether the keys of the cursor's row have to be looked up: `_id` alone is the cursor itself."""
        return [key.sql for key in self._keys] not in ([], [ID_SQL])

    @property
    def _is_commit_order(self) -> bool:
        """Whether the order asked for is the one the rows lie in.

        Rows are only ever appended, by one thread, in the order of `_id`, and DuckDB keeps insertion order
        through filters and limits (https://duckdb.org/docs/stable/sql/dialect/order_preservation): without
        an ORDER BY nothing has to be sorted, and ten million rows stream in bounded memory.
        """
        return self._keys == [KeysetColumn(ID_SQL, ID_SQL)]

    def _row_keys(self) -> list[KeysetColumn]:
        """Give the keys of `order`, and `_id`, which tells all rows apart."""
        keys: list[KeysetColumn] = []
        for term in self._query.order:
            if term.column == ID:
                return [*keys, KeysetColumn(ID_SQL, ID_SQL, term.descending)]
            expression = self.parameters.column(term.column)
            parts = keyset.keys_of(expression, expression, term.column.type, term)
            if len(parts) > 1:
                computed = [self.parameters.computed(part.sql) for part in parts]
                parts = [
                    replace(each, sql=name, row_sql=name) for each, name in zip(parts, computed, strict=True)
                ]
            keys += parts
        return [*keys, KeysetColumn(ID_SQL, ID_SQL)]

    def _group_keys(self) -> list[KeysetColumn]:
        """Give the keys of `order`, and all the columns of the group, which tell all groups apart."""
        groups = [(number, each) for number, each in enumerate(self._query.select) if not each.aggregate]
        keys: list[KeysetColumn] = []
        for term in self._query.order:
            number, selected = next(each for each in groups if each[1].column == term.column)
            keys += keyset.keys_of(f"_c{number}", self._expression(selected), selected.type, term)
        for number, each in groups:
            # JSON is grouped by its text.
            text = "::VARCHAR" if each.type.name == "json" else ""
            keys.append(KeysetColumn(f"_c{number}{text}", f"{self._expression(each)}{text}"))
        return keys

    def _expression(self, selected: Selected) -> str:
        if selected.column is None:
            expression, type = "*", SCALARS["integer"]
        else:
            expression, type = self.parameters.column(selected.column), selected.column.type
        if selected.cast:
            expression = self._cast(expression, type, selected.cast, str(selected.column))
            type = selected.cast
        if selected.aggregate:
            type = aggregates.result(selected.aggregate, type)
            expression = aggregates.sql(selected.aggregate, expression, type)
        if selected.aggregate_cast:
            expression = self._cast(expression, type, selected.aggregate_cast, f"{selected.aggregate}()")
        return expression

    def _cast(self, expression: str, source: FieldType, target: FieldType, what: str) -> str:
        """Give the SQL of a cast of what `what` names."""
        return casts.sql(expression, source, target, casts.label_of(what, source, target))


def where_clause(conditions: Sequence[str]) -> str:
    """Return the WHERE clause of conditions, empty if there are none."""
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
