"""A Query to parameterised SQL: the rows of its page, how many there are, and where the page ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from gateway.connectors.connector import SYSTEM_FIELDS, Connector
from gateway.connectors.fieldtypes import SCALARS
from gateway.query import aggregates, casts, keyset
from gateway.query.conditions import where
from gateway.query.keyset import Key
from gateway.query.output import Output
from gateway.query.query import Column, Query, Selected
from gateway.query.sql import Parameters, Sql
from gateway.store.database import quote
from gateway.store.migration import table_of

_ID = Column(SYSTEM_FIELDS[0])
_ID_SQL = quote(_ID.name)


@dataclass(frozen=True)
class Statement:
    """The SQL of one query in one format; each of its parts is a statement that stands by itself.

    `page` and `rows` select the text of a row, or for Arrow and Parquet its columns.
    """

    query: Query
    connector: Connector
    output: Output

    @cached_property
    def page(self) -> Sql:
        """The page; where there is a limit one row more, and the place of every row behind it.

        For a single object it is two rows at most, which tell whether there is just one.
        """
        limit = self.query.limit
        if self.output.singular:
            return self._rendered(2 if limit is None else min(limit, 2), with_place=False)
        return self._rendered(limit + 1, with_place=True) if limit else self.rows()

    def rows(self) -> Sql:
        """Select the rows of the page, and nothing else."""
        return self._rendered(self.query.limit, with_place=False)

    def end(self) -> Sql:
        """Select the places of the last row of the page and of the one after it."""
        assert self.query.limit
        relation = _Relation(self.query, self.connector)
        return relation.statement(relation.sql([], limit=2, offset=self.query.offset + self.query.limit - 1))

    def matching(self, columns: str = _ID_SQL) -> Sql:
        """Select columns of the rows that the filters let through, whatever the page."""
        relation = _Relation(replace(self.query, select=(), order=()), self.connector)
        return relation.statement(relation.matching(columns))

    def count(self) -> Sql:
        """Count all rows, or groups, that the filters let through, whatever the page."""
        relation = _Relation(self.query, self.connector)
        return relation.statement(f"SELECT count(*) FROM {relation.source}")

    def page_count(self) -> Sql:
        """Count the rows of the page."""
        relation = _Relation(self.query, self.connector)
        rows = relation.sql([], limit=self.query.limit, offset=self.query.offset)
        return relation.statement(f"SELECT count(*) FROM ({rows})")

    def anchor_count(self) -> Sql | None:
        """Count the rows that the cursor names; None where it need not name one, being the key itself."""
        if self.query.cursor is None or not _Relation(self.query, self.connector).has_anchor:
            return None
        table = table_of(self.connector)
        return Sql(f"SELECT count(*) FROM {table} WHERE {_ID_SQL} = $1", (self.query.cursor,))

    def _rendered(self, limit: int | None, *, with_place: bool) -> Sql:
        select = self.query.select
        relation = _Relation(self.query, self.connector)
        inner = relation.sql(select, limit=limit, offset=self.query.offset)
        if self.output.is_text:
            columns = [self.output.row(select, relation.parameters)]
        else:
            columns = [each.type.export.format(f"_c{number}") for number, each in enumerate(select)]
        columns += ["_place"] if with_place else []
        return relation.statement(f"SELECT {', '.join(columns)} FROM ({inner})")


class _Relation:
    """The rows or groups that a query asks for, with the keys they are ordered by.

    Its names start with `_`, which no field's name does: `_c0` is the first column of the result and `_place`
    the `_id` of a row, or of the first row of a group.
    """

    def __init__(self, query: Query, connector: Connector) -> None:
        self._query = query
        self._connector = connector
        self.parameters = Parameters()
        self._conditions = where(query.where, self.parameters)
        self._columns = [
            f"{self._expression(each)} AS _c{number}" for number, each in enumerate(query.select)
        ]
        self._keys = self._group_keys() if query.is_grouped else self._row_keys()

    def statement(self, text: str) -> Sql:
        """Give a finished statement."""
        return Sql(text, self.parameters.values)

    @property
    def source(self) -> str:
        """The SQL of all rows, or groups, that the filters let through."""
        columns = [*self._columns, f"min({_ID_SQL}) AS _place"] if self._query.is_grouped else ["*"]
        grouping = " GROUP BY ALL" if self._query.is_grouped else ""
        return f"(SELECT {', '.join(columns)} FROM {self._table}{_where(self._conditions)}{grouping})"

    def matching(self, columns: str) -> str:
        """Select columns of the rows that the filters let through."""
        return f"SELECT {columns} FROM {self._table}{_where(self._conditions)}"

    def sql(self, select: Sequence[Selected], *, limit: int | None, offset: int) -> str:
        """Select the page, its columns and its places."""
        if self._query.is_grouped:
            columns = [*(f"_c{number}" for number in range(len(select))), "_place"]
        else:
            columns = [*self._columns[: len(select)], f"{_ID_SQL} AS _place"]
        text = f"SELECT {', '.join(columns)} FROM {self.source}{self._after()}"
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

    def _after(self) -> str:
        if self._query.cursor is None:
            return ""
        if not self._keys:
            return _where(["false"])  # Nothing comes after the only row.
        cursor = self.parameters.add(self._query.cursor)
        if not self.has_anchor:
            return _where([f"{_ID_SQL} {'<' if self._keys[0].descending else '>'} {cursor}"])
        return f", {keyset.anchor(self._keys, self._table, cursor)}{_where([keyset.after(self._keys)])}"

    @property
    def has_anchor(self) -> bool:
        """Whether the keys of the cursor's row have to be looked up: `_id` alone is the cursor itself."""
        return [key.sql for key in self._keys] not in ([], [_ID_SQL])

    @property
    def _is_commit_order(self) -> bool:
        """Whether the order asked for is the one the rows lie in.

        Rows are only ever appended, by one thread, in the order of `_id`, and DuckDB keeps insertion order
        through filters and limits (https://duckdb.org/docs/stable/sql/dialect/order_preservation): without
        an ORDER BY nothing has to be sorted, and ten million rows stream in bounded memory.
        """
        return self._keys == [Key(_ID_SQL, _ID_SQL)]

    def _row_keys(self) -> list[Key]:
        """Give the keys of `order`, and `_id`, which tells all rows apart."""
        keys: list[Key] = []
        for term in self._query.order:
            if term.column == _ID:
                return [*keys, Key(_ID_SQL, _ID_SQL, term.descending)]
            expression = self.parameters.column(term.column)
            keys += keyset.keys_of(expression, expression, term.column.type, term)
        return [*keys, Key(_ID_SQL, _ID_SQL)]

    def _group_keys(self) -> list[Key]:
        """Give the keys of `order`, and all the columns of the group, which tell all groups apart."""
        groups = [(number, each) for number, each in enumerate(self._query.select) if not each.aggregate]
        keys: list[Key] = []
        for term in self._query.order:
            number, selected = next(each for each in groups if each[1].column == term.column)
            keys += keyset.keys_of(f"_c{number}", self._expression(selected), selected.type, term)
        for number, each in groups:
            # JSON is grouped by its text.
            text = "::VARCHAR" if each.type.name == "json" else ""
            keys.append(Key(f"_c{number}{text}", f"{self._expression(each)}{text}"))
        return keys

    def _expression(self, selected: Selected) -> str:
        if selected.column is None:
            expression, type = "*", SCALARS["integer"]
        else:
            expression, type = self.parameters.column(selected.column), selected.column.type
        if selected.cast:
            expression, type = casts.sql(expression, type, selected.cast), selected.cast
        if selected.aggregate:
            type = aggregates.result(selected.aggregate, type)
            expression = aggregates.sql(selected.aggregate, expression, type)
        if selected.aggregate_cast:
            expression = casts.sql(expression, type, selected.aggregate_cast)
        return expression


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
