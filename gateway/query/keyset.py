"""Keyset paging: the keys rows are ordered by, and "after this row" as a condition on them.

A cursor is the `_id` of the last row of a page, or of some row of its last group. The next page begins right
after that row's place, whatever has been stored in between, and finding the place costs no more on the last
page than on the first (https://use-the-index-luke.com/no-offset).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.errors import Code, GatewayError
from gateway.query import jsonb
from gateway.query.query import Order

MAX_KEYS = 200


@dataclass(frozen=True, slots=True)
class KeysetColumn:
    """One expression that rows are ordered by. All keys of a row together are its own alone.

    Attributes:
        sql: The expression, over what is ordered.
        row_sql: The same over a row of the table; it differs where groups are ordered.
        descending: Whether the greatest comes first.
        nulls_first: Whether nulls come before everything else.
    """

    sql: str
    row_sql: str
    descending: bool = False
    nulls_first: bool = False

    @property
    def order(self) -> str:
        """The term of ORDER BY."""
        direction = "DESC" if self.descending else "ASC"
        return f"{self.sql} {direction} NULLS {'FIRST' if self.nulls_first else 'LAST'}"


def keys_of(sql: str, row_sql: str, type: FieldType, term: Order) -> list[KeysetColumn]:
    """Give the keys that order an expression: one, or for JSON one each for kind, number and text."""
    if type.name != "json":
        return [KeysetColumn(sql, row_sql, term.descending, term.nulls_first)]
    parts = (jsonb.rank, jsonb.number, jsonb.text)
    return [KeysetColumn(part(sql), part(row_sql), term.descending, term.nulls_first) for part in parts]


def anchor(keys: Sequence[KeysetColumn], source: str, cursor: str) -> str:
    """Give the SQL of the keys that the cursor's row has, as `_a0`, `_a1` and so on."""
    columns = ", ".join(f"{key.row_sql} AS _a{number}" for number, key in enumerate(keys))
    return f'(SELECT {columns} FROM {source} WHERE "_id" = {cursor})'


def after(keys: Sequence[KeysetColumn]) -> str:
    """Give the SQL of coming after the row whose keys `anchor` gives.

    Raises:
        GatewayError: Where there are so many keys that it would be endless.
    """
    if len(keys) > MAX_KEYS:
        message = f"{len(keys)} columns tell the groups apart; pages go by at most {MAX_KEYS}"
        raise GatewayError(Code.QUERY_INVALID, message, hint="ask for the result without limit")
    alternatives = []
    for number, key in enumerate(keys):
        same = [f"{each.sql} IS NOT DISTINCT FROM _a{place}" for place, each in enumerate(keys[:number])]
        alternatives.append(f"({' AND '.join([*same, _beyond(key, f'_a{number}')])})")
    return f"({' OR '.join(alternatives)})"


def _beyond(key: KeysetColumn, place: str) -> str:
    further = f"{key.sql} {'<' if key.descending else '>'} {place}"
    first, last = (place, key.sql) if key.nulls_first else (key.sql, place)
    return f"({further} OR ({first} IS NULL AND {last} IS NOT NULL))"
