"""A Query to SQL with parameters: the rows of its page, their number, and the end of the page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from gateway.connectors.connector import Connector
from gateway.query.query import Query, Selected
from gateway.query.relation import ID_SQL, Relation
from gateway.query.row_formats import Output, OutputValue
from gateway.query.sql import Parameters, Sql
from gateway.store.sql.names import table_of


@dataclass(frozen=True)
class Statement:
    """The SQL of one query in one format; each method returns a complete statement.

    `page` and `rows` select the text of a row, or its columns for Arrow and Parquet.

    Attributes:
        query: The query.
        connector: The connector that is read.
        output: The format of the rows.
    """

    query: Query
    connector: Connector
    output: Output

    def with_query(self, query: Query, page: Sql) -> "Statement":
        """Return the statement of another query; the caller has the SQL of its page already."""
        statement = replace(self, query=query)
        statement.__dict__["page"] = page  # The cached property finds it there.
        return statement

    @cached_property
    def page(self) -> Sql:
        """The SQL of the page. With a limit it has one row more, and the place of each row as the last column.

        For a single object it has at most 2 rows, which show whether there is exactly one.
        """
        limit = self.query.limit
        if self.output.is_singular:
            return self._rendered(2 if limit is None else min(limit, 2), with_place=False)
        return self._rendered(limit + 1, with_place=True) if limit else self.rows()

    def rows(self) -> Sql:
        """Return the SQL of only the rows of the page."""
        return self._rendered(self.query.limit, with_place=False)

    def end(self) -> Sql:
        """Return the SQL of the places of the last row of the page and of the next one."""
        assert self.query.limit
        relation = Relation(self.query, self.connector)
        offset = self.query.offset + self.query.limit - 1
        return relation.statement(relation.page([relation.place], limit=2, offset=offset))

    def count(self) -> Sql:
        """Return the SQL that counts all rows, or groups, that match the filters."""
        relation = Relation(self.query, self.connector)
        return relation.statement(relation.count())

    def page_count(self) -> Sql:
        """Return the SQL that counts the rows of the page."""
        relation = Relation(self.query, self.connector)
        rows = relation.page([relation.place], limit=self.query.limit, offset=self.query.offset)
        return relation.statement(f"SELECT count(*) FROM ({rows})")

    def anchor_count(self) -> Sql | None:
        """Return the SQL that counts the rows of the cursor, or its groups; None if it need not be a stored row."""
        if self.query.cursor is None:
            return None
        relation = Relation(self.query, self.connector)
        if not relation.has_anchor:
            return None
        if relation.is_ordered_by_aggregates:
            return relation.statement(relation.anchor_count(self.query.cursor))
        table = table_of(self.connector)
        return Sql(f"SELECT count(*) FROM {table} WHERE {ID_SQL} = $1", (self.query.cursor,))

    def _rendered(self, limit: int | None, *, with_place: bool) -> Sql:
        relation, offset = Relation(self.query, self.connector), self.query.offset
        if not relation.is_as_stored:
            # The inner query computes each value once; the outer one formats only the rows of the page.
            columns = self._columns(relation.names, relation.parameters, are_stored=False)
            inner = relation.page(
                [*relation.columns, f"{relation.place} AS _place"], limit=limit, offset=offset
            )
            columns += ["_place"] if with_place else []
            return relation.statement(f"SELECT {', '.join(columns)} FROM ({inner})")
        columns = self._columns(relation.expressions, relation.parameters, are_stored=True)
        columns += [relation.place] if with_place else []
        return relation.statement(relation.page(columns, limit=limit, offset=offset))

    def _columns(self, names: Sequence[str], parameters: Parameters, *, are_stored: bool) -> list[str]:
        """Return the SQL of the columns in the format, over columns of these names."""
        if not self.output.is_text:
            return [
                selected.type.sql.export.format(name)
                for selected, name in zip(self.query.select, names, strict=True)
            ]
        values = [
            OutputValue(selected, name, is_stored=are_stored and _is_field(selected))
            for selected, name in zip(self.query.select, names, strict=True)
        ]
        return [self.output.row(values, parameters)]


def _is_field(selected: Selected) -> bool:
    return selected.column is not None and not selected.column.path
