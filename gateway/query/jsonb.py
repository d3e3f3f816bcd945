"""Comparison of JSON in SQL, as PostgreSQL's jsonb does it.

https://www.postgresql.org/docs/current/datatype-json.html#JSON-INDEXING: null < string < number < boolean <
array < object. Numbers are compared exactly; key order and spelling have no effect.
"""

from collections.abc import Callable
from decimal import Decimal

from gateway.errors import not_implemented
from gateway.query import digits
from gateway.query.sql import Parameters
from gateway.strictjson import Json

_NULL, _STRING, _NUMBER, _BOOLEAN, _ARRAY, _OBJECT = range(6)


_KINDS = ("NULL", "VARCHAR", "", "BOOLEAN", "ARRAY", "OBJECT")


class _Plain:
    """Accesses a document that loses no digits."""

    #: The prefix of keys.
    mark = ""

    @staticmethod
    def is_string(expression: str, value: str, parameters: Parameters) -> str:
        """Return the SQL of whether a value is the string; NULL is possible for any other value."""
        string = f"json_extract_string({expression}, '$')"
        return f"json_type({expression}) = 'VARCHAR' AND {string} = {parameters.add(value)}"

    @staticmethod
    def is_number(expression: str, value: int | Decimal, parameters: Parameters) -> str:
        """Return the SQL of whether a value is the number; NULL is possible for any other value."""
        return digits.is_written(f"CAST({expression} AS VARCHAR)", value, parameters.add)


class _Marked(_Plain):
    """Accesses a document in its marked form, see `digits`."""

    mark = "s"

    @staticmethod
    def is_string(expression: str, value: str, parameters: Parameters) -> str:
        return f"json_extract_string({expression}, '$') = {parameters.add('s' + value)}"

    @staticmethod
    def is_number(expression: str, value: int | Decimal, parameters: Parameters) -> str:
        text = f"json_extract_string({expression}, '$')"
        number = digits.compare(f"substr({text}, 2)", "=", value, parameters.add)
        return f"starts_with({text}, 'n') AND {number}"


_View = type[_Plain]


def rank(expression: str) -> str:
    """Return the SQL of the rank of a value's kind in the order of kinds; NULL for NULL."""
    known = " ".join(f"WHEN '{name}' THEN {place}" for place, name in enumerate(_KINDS) if name)
    return (
        f"CASE json_type({expression}) {known} ELSE CASE WHEN {expression} IS NOT NULL THEN {_NUMBER} END END"
    )


def number(expression: str) -> str:
    """Return the SQL of the double nearest to a number; NULL for any other kind."""
    return digits.double(f"CAST({expression} AS VARCHAR)")


def text(expression: str) -> str:
    """Return the SQL of a text that orders values of one kind, and numbers with the same double: 1 equals 1.0."""
    rest = digits.rest(f"CAST({expression} AS VARCHAR)")
    string = f"json_extract_string({expression}, '$')"
    return f"CASE WHEN {number(expression)} IS NOT NULL THEN {rest} ELSE {string} END"


def compare(expression: str, sql: str, value: Json, parameters: Parameters) -> str:
    """Return the SQL of a comparison with `=`, `<>`, `<`, `<=`, `>`, or `>=`."""
    value_rank = _rank_of(value)
    if sql in ("=", "<>"):
        same = _null_for_null(expression, f"coalesce({_same(expression, value, parameters)}, false)")
        return same if sql == "=" else f"(NOT {same})"
    if value_rank in (_ARRAY, _OBJECT):
        hint = "compare what is inside them, such as data->>key"
        raise not_implemented("the order of JSON arrays and objects", hint)
    beyond = f"{rank(expression)} {sql} {value_rank}"
    if value_rank == _NULL:
        return f"({beyond})"
    if value_rank == _NUMBER:
        return f"coalesce({_compare_number(expression, sql, value, parameters)}, {beyond})"
    shown = parameters.add(value if value_rank == _STRING else ("true" if value else "false"))
    same_kind = (
        f"json_extract_string({expression}, '$') {sql} {shown}"  # As text, false also sorts before true.
    )
    return f"(CASE WHEN json_type({expression}) = '{_KINDS[value_rank]}' THEN {same_kind} ELSE {beyond} END)"


def _same(expression: str, value: Json, parameters: Parameters) -> str:
    if _rank_of(value) == _NUMBER:
        return _compare_number(expression, "=", value, parameters)
    return _exactly(expression, value, lambda place, view: _equal(view, place, value, parameters))


def _compare_number(expression: str, sql: str, value: int | Decimal, parameters: Parameters) -> str:
    """Return the SQL of a comparison with a number; NULL for any other kind. The text has all digits."""
    return digits.compare(f"CAST({expression} AS VARCHAR)", sql, value, parameters.add)


def contains(expression: str, value: Json, parameters: Parameters) -> str:
    """Return the SQL of jsonb's `@>`: every key of an object, and an element for every element of an array.

    An array also contains a scalar, but only at the top level.
    """

    def contained(place: str, view: _View) -> str:
        whole = _contains(view, place, value, parameters, 0)
        if isinstance(value, dict | list):
            return whole
        return f"(({whole}) OR ({_contains(view, place, [value], parameters, 0)}))"

    return _null_for_null(expression, f"coalesce({_exactly(expression, value, contained)}, false)")


def _exactly(expression: str, value: Json, condition: Callable[[str, _View], str]) -> str:
    """Return the SQL of a condition on a document, in its marked form if its numbers would lose digits."""
    if not _has_number(value):
        return condition(expression, _Plain)
    marked = (
        f"list_transform([{digits.marked(expression)}], lambda document: {condition('document', _Marked)})[1]"
    )
    return f"CASE WHEN {digits.is_lossy(expression)} THEN {marked} ELSE {condition(expression, _Plain)} END"


def _has_number(value: Json) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_number, value.values() if isinstance(value, dict) else value))
    return _rank_of(value) == _NUMBER


def _null_for_null(expression: str, sql: str) -> str:
    """Return the SQL of a condition that is NULL for a NULL document."""
    return f"(CASE WHEN {expression} IS NOT NULL THEN {sql} END)"


def _equal(view: _View, expression: str, value: Json, parameters: Parameters) -> str:
    """Return the SQL of equality with a value; NULL is possible for another kind."""
    value_rank = _rank_of(value)
    if value_rank == _STRING:
        return view.is_string(expression, value, parameters)
    if value_rank == _NUMBER:
        return view.is_number(expression, value, parameters)
    kind = f"json_type({expression}) = '{_KINDS[value_rank]}'"
    if value_rank == _NULL:
        return kind
    if value_rank == _BOOLEAN:
        return f"{kind} AND json_extract_string({expression}, '$') = '{'true' if value else 'false'}'"
    if value_rank == _OBJECT:
        size = f"len(json_keys({expression})) = {len(value)}"
        inside = [(_inside(view, expression, key, parameters), child) for key, child in value.items()]
    else:
        size = f"json_array_length({expression}) = {len(value)}"
        inside = [(f"json_extract({expression}, {number})", item) for number, item in enumerate(value)]
    parts = [f"coalesce({_equal(view, path, child, parameters)}, false)" for path, child in inside]
    return " AND ".join([kind, size, *parts])


def _contains(view: _View, expression: str, value: Json, parameters: Parameters, depth: int) -> str:
    value_rank = _rank_of(value)
    kind = f"json_type({expression}) = '{_KINDS[value_rank]}'"
    if value_rank == _OBJECT:
        inside = [(_inside(view, expression, key, parameters), child) for key, child in value.items()]
        parts = [_contains(view, path, child, parameters, depth) for path, child in inside]
        return " AND ".join([kind, *(f"coalesce({part}, false)" for part in parts)])
    if value_rank == _ARRAY:
        items = f"CASE WHEN {kind} THEN CAST({expression} AS JSON[]) ELSE [] END"
        # The cast turns null into NULL.
        item = f"coalesce(e{depth}, CAST('null' AS JSON))"
        parts = [
            f"list_bool_or(list_transform({items}, lambda e{depth}:"
            f" coalesce({_contains(view, item, element, parameters, depth + 1)}, false)))"
            for element in value
        ]
        return " AND ".join([kind, *(f"coalesce({part}, false)" for part in parts)])
    return _equal(view, expression, value, parameters)


def _inside(view: _View, expression: str, key: str, parameters: Parameters) -> str:
    return f"json_extract({expression}, {parameters.key(view.mark + key)})"


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
