"""Keyset paging: the order of rows as keys, and "after this row" as a condition on them.

A page begins where the one before ended, whatever has been stored in between, and finding the place costs
no more on the last page than on the first (https://use-the-index-luke.com/no-offset).
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from gateway import strictjson
from gateway.connectors.fieldtypes import SCALARS, FieldType
from gateway.errors import Code, GatewayError
from gateway.query import jsonb
from gateway.query.conditions import compare
from gateway.query.sql import Parameters
from gateway.strictjson import Json

#: A longer one would not fit into a request line beside the rest.
MAX_CURSOR = 4096


@dataclass(frozen=True, slots=True)
class Key:
    """One expression that rows are ordered by, with its name. All keys of a row together are its own alone."""

    name: str
    sql: str
    type: FieldType
    descending: bool = False
    nulls_first: bool = False

    @property
    def order(self) -> str:
        """The term of ORDER BY."""
        direction = "DESC" if self.descending else "ASC"
        return f"{self.sql} {direction} NULLS {'FIRST' if self.nulls_first else 'LAST'}"


def keys_of(
    name: str, expression: str, type: FieldType, *, descending: bool = False, nulls_first: bool = False
) -> list[Key]:
    """Give the keys that order an expression: one, or for JSON one each for kind, number and text."""
    if type.name != "json":
        return [Key(name, expression, type, descending, nulls_first)]
    parts = (
        (jsonb.rank(expression), SCALARS["integer"]),
        (jsonb.number(expression), SCALARS["number"]),
        (jsonb.text_but_of_numbers(expression), SCALARS["string"]),
    )
    return [Key(name, sql, type_, descending, nulls_first) for sql, type_ in parts]


def text_of(keys: Sequence[Key]) -> str:
    """Give the SQL of a row's place, its keys as a JSON array, over columns called k0, k1 and so on."""
    parts = [f"coalesce({key.type.json.format(f'k{number}')}, 'null')" for number, key in enumerate(keys)]
    joined = ", ',', ".join(parts) or "''"
    return f"concat('[', {joined}, ']')"


def cursor(keys: Sequence[Key], place: str) -> str | None:
    """Give the cursor for what comes after a place that `text_of` has written; None where it is too long."""
    text = base64.urlsafe_b64encode(f"{_digest(keys)}{place}".encode()).decode().rstrip("=")
    return text if len(text) <= MAX_CURSOR else None


def after(keys: Sequence[Key], cursor: str, parameters: Parameters) -> str:
    """Give the SQL of coming after the row that a cursor was made of.

    Raises:
        GatewayError: Where the cursor is none, or one of another order.
    """
    values = _read(keys, cursor)
    alternatives = []
    for number, key in enumerate(keys):
        beyond = _beyond(key, values[number], parameters)
        if beyond is None:
            continue
        same = [_same(each, value, parameters) for each, value in zip(keys[:number], values, strict=False)]
        alternatives.append(" AND ".join([*same, beyond]))
    return f"({' OR '.join(f'({each})' for each in alternatives) or 'false'})"


def _read(keys: Sequence[Key], cursor: str) -> list[Json]:
    """Read a cursor's values, each by the type of its key."""
    try:
        decoded = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        values = strictjson.read(decoded.removeprefix(_digest(keys)).encode())
        for key, value in zip(keys, values, strict=True):
            if value is not None:
                key.type.operand(value)
                key.type.array([value])
    except (ValueError, OverflowError, TypeError, ArithmeticError, AttributeError) as error:
        raise _not_of_this_order() from error
    if not decoded.startswith(_digest(keys)):
        raise _not_of_this_order()
    return list(values)


def _not_of_this_order() -> GatewayError:
    hint = "follow the Link of the page before, or leave cursor out to begin anew"
    return GatewayError(Code.QUERY_INVALID, "the cursor is not one of this order", hint=hint)


def _digest(keys: Sequence[Key]) -> str:
    """Tell one order from another: a cursor leads on only in the order it was made in."""
    order = [(key.name, key.type.name, key.descending, key.nulls_first) for key in keys]
    return hashlib.sha256(repr(order).encode()).hexdigest()[:8]


def _same(key: Key, value: Json, parameters: Parameters) -> str:
    return f"{key.sql} IS NULL" if value is None else compare(key.sql, "=", key.type, value, parameters)


def _beyond(key: Key, value: Json, parameters: Parameters) -> str | None:
    """Give the SQL of a key's coming after a value; None where nothing can."""
    if value is None:
        return f"{key.sql} IS NOT NULL" if key.nulls_first else None
    sql = compare(key.sql, "<" if key.descending else ">", key.type, value, parameters)
    return sql if key.nulls_first else f"({sql} OR {key.sql} IS NULL)"
