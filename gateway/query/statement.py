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
from gateway.store.store import table_of

_ID = Column(SYSTEM_FIELDS[0])
_COMMIT_ORDER = Key(_ID.name, quote(_ID.name), _ID.type)


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
        if self.output.singular:
            return self._rendered(
                2 if self.query.limit is None else min(self.query.limit, 2), with_place=False
            )
        if not self.query.limit:
            return self.rows()
        return self._rendered(self.query.limit + 1, with_place=True)

    def rows(self) -> Sql:
        """Select the rows of the page, and nothing else."""
        return self._rendered(self.query.limit, with_place=False)

    def end(self) -> Sql:
        """Select the places of the last row of the page and of the one after it."""
        assert self.query.limit
        parameters = Parameters()
        relation = _Relation(self.query, self.connector, parameters)
        skipped = self.query.offset + self.query.limit - 1
        inner = relation.sql([], limit=2, offset=skipped, with_keys=True)
        return parameters.statement(f"SELECT {keyset.text_of(relation.keys)} FROM ({inner})")

    def count(self) -> Sql:
        """Count all rows, or groups, that the filters let through, whatever the page."""
        parameters = Parameters()
        relation = _Relation(self.query, self.connector, parameters)
        return parameters.statement(relation.count())

    def page_count(self) -> Sql:
        """Count the rows of the page."""
        parameters = Parameters()
        relation = _Relation(self.query, self.connector, parameters)
        rows = relation.sql([], limit=self.query.limit, offset=self.query.offset, with_keys=True)
        return parameters.statement(f"SELECT count(*) FROM ({rows})")

    def cursor(self, place: str) -> str | None:
        """Give the cursor that leads on from a place, as `keyset.cursor` does."""
        return keyset.cursor(_Relation(self.query, self.connector, Parameters()).keys, place)

    def _rendered(self, limit: int | None, *, with_place: bool) -> Sql:
        parameters = Parameters()
        relation = _Relation(self.query, self.connector, parameters)
        select = self.query.select
        inner = relation.sql(select, limit=limit, offset=self.query.offset, with_keys=with_place)
        if self.output.is_text:
            columns = [self.output.row(select, parameters)]
        else:
            columns = [each.type.export.format(f"c{number}") for number, each in enumerate(select)]
        if with_place:
            columns.append(keyset.text_of(relation.keys))
        return parameters.statement(f"SELECT {', '.join(columns)} FROM ({inner})")


class _Relation:
    """The rows that a query asks for, with the keys they are ordered by."""

    def __init__(self, query: Query, connector: Connector, parameters: Parameters) -> None:
        self._query = query
        self._parameters = parameters
        self._table = table_of(connector) + _where(where(query.where, parameters))

    @cached_property
    def keys(self) -> list[Key]:
        """What the rows are ordered by. Looking at them adds their parameters, which must then be used."""
        return self._group_keys() if self._query.is_grouped else self._row_keys()

    def sql(
        self, select: Sequence[Selected], *, limit: int | None, offset: int, with_keys: bool = False
    ) -> str:
        """Select columns as c0, c1 and so on, and the keys as k0, k1 and so on."""
        columns = [
            f"c{number}" if self._query.is_grouped else f"{self._expression(each)} AS c{number}"
            for number, each in enumerate(select)
        ]
        if with_keys:
            columns += [f"{key.sql} AS k{number}" for number, key in enumerate(self.keys)] or ["1"]
        text = f"SELECT {', '.join(columns)} FROM {self._source()}"
        if self._query.cursor is not None:
            text += _where([keyset.after(self.keys, self._query.cursor, self._parameters)])
        if self.keys and not self._is_commit_order:
            text += " ORDER BY " + ", ".join(key.order for key in self.keys)
        if limit is not None:
            text += f" LIMIT {self._parameters.add(limit)}"
        if offset:
            text += f" OFFSET {self._parameters.add(offset)}"
        return text

    def count(self) -> str:
        """Count the rows or groups."""
        return f"SELECT count(*) FROM {self._source()}"

    def _source(self) -> str:
        return f"({self._groups()})" if self._query.is_grouped else f"(SELECT * FROM {self._table})"

    @property
    def _is_commit_order(self) -> bool:
        """Whether the order asked for is the one the rows lie in.

        Rows are only ever appended, by one thread, in the order of `_id`, and DuckDB keeps insertion order
        through filters and limits (https://duckdb.org/docs/stable/sql/dialect/order_preservation): without
        an ORDER BY nothing has to be sorted, and ten million rows stream in bounded memory.
        """
        return not self._query.is_grouped and self.keys == [_COMMIT_ORDER]

    def _row_keys(self) -> list[Key]:
        """Give the keys of `order`, and `_id`, which tells all rows apart."""
        keys: list[Key] = []
        for term in self._query.order:
            if term.column == _ID:
                return [*keys, replace(_COMMIT_ORDER, descending=term.descending)]
            keys += keyset.keys_of(
                str(term.column),
                self._parameters.column(term.column),
                term.column.type,
                descending=term.descending,
                nulls_first=term.nulls_first,
            )
        return [*keys, _COMMIT_ORDER]

    def _group_keys(self) -> list[Key]:
        """Give the keys of `order`, and all the columns of the group, which tell all groups apart."""
        groups = [(number, each) for number, each in enumerate(self._query.select) if not each.aggregate]
        keys: list[Key] = []
        for term in self._query.order:
            number, selected = next(each for each in groups if each[1].column == term.column)
            keys += keyset.keys_of(
                selected.name,
                f"c{number}",
                selected.type,
                descending=term.descending,
                nulls_first=term.nulls_first,
            )
        for number, each in groups:
            is_json = each.type.name == "json"
            type = SCALARS["string"] if is_json else each.type
            keys.append(Key(each.name, f"c{number}::VARCHAR" if is_json else f"c{number}", type))
        return keys

    def _groups(self) -> str:
        columns = [f"{self._expression(each)} AS c{number}" for number, each in enumerate(self._query.select)]
        return f"SELECT {', '.join(columns)} FROM {self._table} GROUP BY ALL"

    def _expression(self, selected: Selected) -> str:
        if selected.column is None:
            expression, type = "*", SCALARS["integer"]
        else:
            expression, type = self._parameters.column(selected.column), selected.column.type
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
