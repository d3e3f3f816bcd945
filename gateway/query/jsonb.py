"""Comparing JSON as PostgreSQL's jsonb does, in SQL.

https://www.postgresql.org/docs/current/datatype-json.html#JSON-INDEXING: null < string < number < boolean <
array < object. Numbers are compared as doubles; key order and spelling play no part.
"""

from decimal import Decimal

from gateway.errors import not_implemented
from gateway.query.sql import Parameters
from gateway.strictjson import Json

_NULL, _STRING, _NUMBER, _BOOLEAN, _ARRAY, _OBJECT = range(6)


def rank(expression: str) -> str:
    """Give the SQL of where a value's kind stands among the kinds; NULL for NULL."""
    return (
        f"CASE json_type({expression}) WHEN 'NULL' THEN {_NULL} WHEN 'VARCHAR' THEN {_STRING}"
        f" WHEN 'BOOLEAN' THEN {_BOOLEAN} WHEN 'ARRAY' THEN {_ARRAY} WHEN 'OBJECT' THEN {_OBJECT}"
        f" ELSE CASE WHEN {expression} IS NOT NULL THEN {_NUMBER} END END"
    )


def text(expression: str) -> str:
    """Give the SQL of a scalar's text."""
    return f"json_extract_string({expression}, '$')"


def number(expression: str) -> str:
    """Give the SQL of a number, NULL for any other kind."""
    return f"CASE WHEN {rank(expression)} = {_NUMBER} THEN TRY_CAST({text(expression)} AS DOUBLE) END"


def text_but_of_numbers(expression: str) -> str:
    """Give the SQL of what orders values of a kind other than number: 1 and 1.0 are the same."""
    return f"CASE WHEN {rank(expression)} <> {_NUMBER} THEN {text(expression)} END"


def compare(expression: str, sql: str, value: Json, parameters: Parameters) -> str:
    """Give the SQL of a comparison with `=`, `<>`, `<`, `<=`, `>` or `>=`."""
    if sql in ("=", "<>"):
        same = _known(expression, _equal(expression, value, parameters))
        return same if sql == "=" else f"(NOT {same})"
    place = _rank_of(value)
    if place in (_ARRAY, _OBJECT):
        raise not_implemented("the order of JSON arrays and objects")
    beyond = f"{rank(expression)} {sql} {place}"
    if place == _NULL:
        return f"({beyond})"
    own = f"{_own(expression, place)} {sql} {_scalar(value, place, parameters)}"
    return f"(CASE WHEN {rank(expression)} = {place} THEN {own} ELSE {beyond} END)"


def contains(expression: str, value: Json, parameters: Parameters) -> str:
    """Give the SQL of jsonb's `@>`: every key of an object, an element for every element of an array.

    An array contains a scalar, too, though only at the top.
    """
    contained = _contains(expression, value, parameters, 0)
    if not isinstance(value, dict | list):
        contained = f"(({contained}) OR ({_contains(expression, [value], parameters, 0)}))"
    return _known(expression, contained)


def _known(expression: str, sql: str) -> str:
    """Ask of a value that is there; of NULL nothing is known, whatever its parts would be."""
    return f"(CASE WHEN {expression} IS NOT NULL THEN {sql} END)"


def _equal(expression: str, value: Json, parameters: Parameters) -> str:
    """Give the SQL of being the same value."""
    place = _rank_of(value)
    kind = f"{rank(expression)} = {place}"
    if place == _NULL:
        return kind
    if place == _OBJECT:
        size = f"len(json_keys({expression})) = {len(value)}"
        parts = [
            f"coalesce({_equal(_inside(expression, key, parameters), each, parameters)}, false)"
            for key, each in value.items()
        ]
    elif place == _ARRAY:
        size = f"json_array_length({expression}) = {len(value)}"
        parts = [
            f"coalesce({_equal(f'json_extract({expression}, {number})', each, parameters)}, false)"
            for number, each in enumerate(value)
        ]
    else:
        size, parts = f"{_own(expression, place)} = {_scalar(value, place, parameters)}", []
    return " AND ".join([kind, size, *parts])


def _contains(expression: str, value: Json, parameters: Parameters, depth: int) -> str:
    place = _rank_of(value)
    if place == _OBJECT:
        parts = [
            f"coalesce({_contains(_inside(expression, key, parameters), each, parameters, depth)}, false)"
            for key, each in value.items()
        ]
        return " AND ".join([f"{rank(expression)} = {_OBJECT}", *parts])
    if place == _ARRAY:
        items = f"CASE WHEN {rank(expression)} = {_ARRAY} THEN CAST({expression} AS JSON[]) ELSE [] END"
        # The cast makes NULL of a null.
        item = f"coalesce(e{depth}, CAST('null' AS JSON))"
        parts = [
            f"list_bool_or(list_transform({items}, lambda e{depth}:"
            f" coalesce({_contains(item, each, parameters, depth + 1)}, false)))"
            for each in value
        ]
        return " AND ".join(
            [f"{rank(expression)} = {_ARRAY}", *(f"coalesce({part}, false)" for part in parts)]
        )
    return _equal(expression, value, parameters)


def _inside(expression: str, key: str, parameters: Parameters) -> str:
    return f"json_extract({expression}, {parameters.key(key)})"


def _rank_of(value: Json) -> int:
    if value is None:
        return _NULL
    if isinstance(value, str):
        return _STRING
    if isinstance(value, bool):
        return _BOOLEAN
    if isinstance(value, list):
        return _ARRAY
    return _OBJECT if isinstance(value, dict) else _NUMBER


def _own(expression: str, place: int) -> str:
    """Give the SQL of a scalar of one kind; false sorts before true as text, too."""
    return number(expression) if place == _NUMBER else text(expression)


def _scalar(value: Json, place: int, parameters: Parameters) -> str:
    if place == _NUMBER:
        return f"CAST({parameters.add(_double(value))} AS DOUBLE)"
    return parameters.add(value if place == _STRING else ("true" if value else "false"))


def _double(value: int | Decimal) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
