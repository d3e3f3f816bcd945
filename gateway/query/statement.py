"""A Query to parameterised SQL: the rows of its page, how many there are, and where the page ends."""

from collections.abc import Sequence
from dataclasses import InitVar, dataclass, replace
from functools import cached_property

from gateway.connectors.connector import Connector
from gateway.query.output import Output, OutputValue
from gateway.query.query import Query
from gateway.query.relation import ID_SQL, Relation
from gateway.query.sql import Parameters, Sql
from gateway.store.selection import Selection
from gateway.store.sql.names import table_of


@dataclass(frozen=True)
class Statement:
    """The SQL of one query in one format; each of its parts is a statement that stands by itself.

    `page` and `rows` select the text of a row, or for Arrow and Parquet its columns.
    """

    query: Query
    connector: Connector
    output: Output
    known_page: InitVar[Sql | None] = None

    def __post_init__(self, known_page: Sql | None) -> None:
        """Keep the SQL of the page, if the caller has it already; `replace` does not copy it."""
        if known_page is not None:
            self.__dict__["page"] = known_page  # The cached property finds it there.

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
        relation = Relation(self.query, self.connector)
        offset = self.query.offset + self.query.limit - 1
        return relation.statement(relation.page([relation.place], limit=2, offset=offset))

    def matching(self) -> Selection:
        """Select the rows that the filters let through, whatever the page."""
        relation = Relation(replace(self.query, select=(), order=()), self.connector)
        return Selection(relation.matching(ID_SQL), relation.parameters.values)

    def count(self) -> Sql:
        """Count all rows, or groups, that the filters let through, whatever the page."""
        relation = Relation(self.query, self.connector)
        return relation.statement(relation.count())

    def page_count(self) -> Sql:
        """Count the rows of the page."""
        relation = Relation(self.query, self.connector)
        rows = relation.page([relation.place], limit=self.query.limit, offset=self.query.offset)
        return relation.statement(f"SELECT count(*) FROM ({rows})")

    def anchor_count(self) -> Sql | None:
        """Count the rows that the cursor names; None where it need not name one, being the key itself."""
        if self.query.cursor is None or not Relation(self.query, self.connector).has_anchor:
            return None
        table = table_of(self.connector)
        return Sql(f"SELECT count(*) FROM {table} WHERE {ID_SQL} = $1", (self.query.cursor,))

    def _rendered(self, limit: int | None, *, with_place: bool) -> Sql:
        relation, offset = Relation(self.query, self.connector), self.query.offset
        if not relation.is_as_stored:
            # Only rows that are on the page are worth writing, and what is computed is computed once.
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
        """Give what the format makes of the columns of those names."""
        if not self.output.is_text:
            return [
                each.type.sql.export.format(name) for each, name in zip(self.query.select, names, strict=True)
            ]
        values = [
            OutputValue(each, name, is_stored=are_stored and each.column is not None and not each.column.path)
            for each, name in zip(self.query.select, names, strict=True)
        ]
        return [self.output.row(values, parameters)]
