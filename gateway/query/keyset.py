"""Keyset paging: the columns that order rows, and the condition of coming after a row.

A cursor is the `_id` of the last row of a page, or of a row of its last group. The next page begins right after that
row, even if other rows have been stored in the meantime. Its position costs no more on the last page than on the first
(https://use-the-index-luke.com/no-offset).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.errors import Code, GatewayError
from gateway.query import jsonb
from gateway.query.query import Order

MAX_COLUMNS = 200


@dataclass(frozen=True, slots=True)
class KeysetColumn:
    """One expression that orders rows. All columns together identify a row.

    Attributes:
        sql: The expression, over the ordered rows or groups.
        row_sql: The same expression over a row of the table; it differs for groups.
        is_descending: Whether the greatest value comes first.
        has_nulls_first: Whether nulls come before all other values.
    """

    sql: str
    row_sql: str
    is_descending: bool = False
    has_nulls_first: bool = False

    @property
    def order(self) -> str:
        """The term of ORDER BY."""
        direction = "DESC" if self.is_descending else "ASC"
        return f"{self.sql} {direction} NULLS {'FIRST' if self.has_nulls_first else 'LAST'}"


def columns_of(sql: str, row_sql: str, type: FieldType, term: Order) -> list[KeysetColumn]:
    """Return the columns that order an expression: one, or for JSON one each for kind, number, and text."""
    if type.name != "json":
        return [KeysetColumn(sql, row_sql, term.is_descending, term.has_nulls_first)]
    parts = (jsonb.rank, jsonb.number, jsonb.text)
    return [
        KeysetColumn(part(sql), part(row_sql), term.is_descending, term.has_nulls_first) for part in parts
    ]


def anchor(columns: Sequence[KeysetColumn], source: str, cursor: str) -> str:
    """Return the SQL of the values of the cursor's row, as `_a0`, `_a1`, and so on."""
    selected = ", ".join(f"{column.row_sql} AS _a{number}" for number, column in enumerate(columns))
    return f'(SELECT {selected} FROM {source} WHERE "_id" = {cursor})'


def group_anchor(columns: Sequence[KeysetColumn], groups: str, cursor: str) -> str:
    """Return the SQL of the values of the cursor's group, as `anchor` names them."""
    selected = ", ".join(f"{column.sql} AS _a{number}" for number, column in enumerate(columns))
    return f"(SELECT {selected} FROM {groups} WHERE _place = {cursor})"


def after(columns: Sequence[KeysetColumn]) -> str:
    """Return the SQL of the condition of coming after the row of `anchor`.

    Raises:
        GatewayError: There are more than `MAX_COLUMNS` columns, and the condition grows with their square.
    """
    if len(columns) > MAX_COLUMNS:
        message = f"{len(columns)} columns identify a group; pages need at most {MAX_COLUMNS}"
        raise GatewayError(Code.QUERY_INVALID, message, hint="ask for the result without limit")
    alternatives = []
    for number, column in enumerate(columns):
        same = [f"{other.sql} IS NOT DISTINCT FROM _a{index}" for index, other in enumerate(columns[:number])]
        alternatives.append(f"({' AND '.join([*same, _beyond(column, f'_a{number}')])})")
    return f"({' OR '.join(alternatives)})"


def _beyond(column: KeysetColumn, anchor: str) -> str:
    further = f"{column.sql} {'<' if column.is_descending else '>'} {anchor}"
    first, last = (anchor, column.sql) if column.has_nulls_first else (column.sql, anchor)
    return f"({further} OR ({first} IS NULL AND {last} IS NOT NULL))"
