"""Casts in `select`: PostgreSQL's names of types, and the SQL of each cast."""

import json
from collections.abc import Mapping

from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.fieldtypes.lists import list_of
from gateway.connectors.fieldtypes.scalars import SCALARS
from gateway.errors import Code, GatewayError, suggest
from gateway.store.errors import CAST_FAILED

#: A computed double may be infinite or NaN, which JSON cannot express as a number. It is written as a string then, as
#: PostgreSQL does.
_NOT_FINITE = "WHEN isnan({0}) THEN '\"NaN\"' WHEN {0} > 0 THEN '\"Infinity\"' ELSE '\"-Infinity\"'"
COMPUTED_NUMBER = SCALARS["number"].with_sql(
    csv="replace(replace({}::VARCHAR, 'nan', 'NaN'), 'inf', 'Infinity')",
    json=f"CASE WHEN {{0}} IS NULL OR isfinite({{0}}) THEN {{0}}::VARCHAR {_NOT_FINITE} END",
)

_SMALL = SCALARS["integer"].with_sql(column="SMALLINT")

#: The type of each name after `::`. PostgreSQL's `timestamp` has no zone, and so is our `datetime`.
CASTS: Mapping[str, FieldType] = {
    **dict.fromkeys(("text", "varchar", "character varying"), SCALARS["string"]),
    **dict.fromkeys(("smallint", "int2"), _SMALL),
    **dict.fromkeys(("int", "int4", "integer", "int8", "bigint"), SCALARS["integer"]),
    **dict.fromkeys(("float4", "float8", "real", "double precision", "numeric", "decimal"), COMPUTED_NUMBER),
    **dict.fromkeys(("bool", "boolean"), SCALARS["boolean"]),
    "date": SCALARS["date"],
    **dict.fromkeys(("time", "time without time zone"), SCALARS["time"]),
    **dict.fromkeys(("timestamp", "timestamp without time zone"), SCALARS["datetime"]),
    **dict.fromkeys(("timestamptz", "timestamp with time zone"), SCALARS["timestamp"]),
    "uuid": SCALARS["uuid"],
    **dict.fromkeys(("json", "jsonb"), SCALARS["json"]),
}
#: Names of other tools, for the hint.
_SYNONYMS: Mapping[str, str] = {
    **dict.fromkeys(("string", "str", "char", "character", "bpchar"), "text"),
    **dict.fromkeys(("number", "double", "float", "float64"), "float8"),
    **dict.fromkeys(("long", "int64", "hugeint"), "bigint"),
    "datetime": "timestamp",
    **dict.fromkeys(("object", "struct"), "json"),
    **dict.fromkeys(("list", "array"), "text[]"),
}

_NUMBERS = ("integer", "number", "decimal")
_TEXT_TARGETS = ("integer", "number", "boolean", "date", "time", "timestamp", "datetime", "uuid", "json")
#: The types that a type can be cast to, besides itself, text, and JSON.
_TARGETS: Mapping[str, tuple[str, ...]] = {
    "string": _TEXT_TARGETS,
    "json": _TEXT_TARGETS,
    "integer": (*_NUMBERS, "boolean"),
    "number": _NUMBERS,
    "decimal": _NUMBERS,
    "boolean": ("integer",),
    "date": ("timestamp", "datetime"),
    "timestamp": ("date", "datetime", "time"),
    "datetime": ("date", "timestamp", "time"),
}


def find(name: str, source: FieldType, what: str) -> FieldType:
    """Find the type of `::name` applied to a value, which messages call `what`.

    Raises:
        GatewayError: There is no such type, or no such cast.
    """
    item = name.removesuffix("[]").rstrip() if name.endswith("[]") else name[1:] if name[:1] == "_" else None
    target = CASTS.get(name if item is None else item)
    if target is None or (item is not None and target.name == "json"):
        guess = _SYNONYMS.get(name)
        hint = f"did you mean '{guess}'?" if guess else suggest(name, CASTS, "use one of")
        message = f"there is no type '{name}' to cast '{what}' to"
        raise GatewayError(Code.TYPE_UNKNOWN, message, hint=hint)
    if item is not None:
        return _list(name, source, target, what)
    if name in ("numeric", "decimal") and _kind(source) in ("integer", "decimal"):
        return source  # It is exact already.
    if not _is_possible(source, target):
        raise _impossible(name, source, what)
    return target


def _list(name: str, source: FieldType, item: FieldType, what: str) -> FieldType:
    if source.name not in ("string", "json") and not (source.item and _is_possible(source.item, item)):
        raise _impossible(name, source, what)
    text = f"coalesce({item.sql.json.format('x')}, 'null')"
    text = f"('[' || array_to_string(list_transform({{}}, lambda x: {text}), ',') || ']')"
    return list_of(item).with_sql(json=text, csv=text, pieces=text)


def _is_possible(source: FieldType, target: FieldType) -> bool:
    return _kind(target) in (_kind(source), "string", "json", *_TARGETS.get(_kind(source), ()))


def _impossible(name: str, source: FieldType, what: str) -> GatewayError:
    message = f"'{what}': {source.name} cannot be cast to {name}"
    return GatewayError(Code.CAST_IMPOSSIBLE, message, hint="cast to text, which is always possible")


def sql(expression: str, source: FieldType, target: FieldType, label: str) -> str:
    """Return the SQL of a cast that `find` has accepted.

    Args:
        expression: The SQL of the value.
        source: The type of the value.
        target: The type that it is cast to.
        label: The SQL that `label_of` returned.
    """
    if source == target:
        return expression
    if target.item is not None:
        return _list_sql(expression, source, target, label)
    if target.name == "string":
        return source.sql.csv.format(expression)
    if target.name == "json":
        return _json_sql(expression, source, label)
    if source.name == "json":
        expression, source = f"json_extract_string({expression}, '$')", SCALARS["string"]
    if source.name == "timestamp" and target.name == "time":
        expression = f"({expression} AT TIME ZONE 'UTC')"
    tried = f"TRY_CAST({expression} AS {target.sql.column})"
    if source.name == "string" and target.name == "integer":
        # DuckDB would round '1.5' and accept '0x10'.
        tried = f"CASE WHEN regexp_full_match({expression}, '\\s*[+-]?[0-9]+\\s*') THEN {tried} END"
    return _or_fail(expression, tried, label)


def _list_sql(expression: str, source: FieldType, target: FieldType, label: str) -> str:
    assert target.item is not None
    item = source.item or SCALARS["string"]
    items = expression
    if source.name == "json":
        items = f"CASE WHEN json_type({expression}) = 'ARRAY' THEN CAST({expression} AS JSON[]) END"
        items = _or_fail(expression, items, label)
    elif source.item is None:
        inner = f"regexp_extract({expression}, '^\\s*[{{](.*)[}}]\\s*$', 1, 's')"
        text = f"CASE WHEN {inner} <> '' THEN concat('[', {inner}, ']') ELSE replace({expression}, '{{}}', '[]') END"
        items = _or_fail(expression, f"TRY_CAST({text} AS VARCHAR[])", label)
    value = "json_extract_string(x, '$')" if source.name == "json" else "x"
    return f"list_transform({items}, lambda x: {sql(value, item, target.item, label)})"


def _json_sql(expression: str, source: FieldType, label: str) -> str:
    if source.name != "string":
        return f"CAST({source.sql.json.format(expression)} AS JSON)"
    # DuckDB accepts NaN, Infinity, and a comma before a bracket.
    bare = f"""regexp_replace({expression}, '"(?:[^"\\\\]|\\\\.)*"', '""', 'gs')"""
    loose = f"regexp_matches({bare}, '(?i)nan|inf|,\\s*[\\]}}]')"
    return _or_fail(
        expression,
        f"CASE WHEN json_valid({expression}) AND NOT {loose} THEN CAST({expression} AS JSON) END",
        label,
    )


def _or_fail(expression: str, tried: str, label: str) -> str:
    """Return the SQL of a tried cast. The query fails where the cast is NULL and the value is not."""
    failure = f"error(concat('{CAST_FAILED}', {label}, chr(31), CAST({expression} AS VARCHAR)))"
    return f"coalesce({tried}, CASE WHEN {expression} IS NOT NULL THEN {failure} END)"


def label_of(what: str, source: FieldType, target: FieldType) -> str:
    """Return the SQL of the label by which `store.engine` recognizes a failed cast.

    It is in hexadecimal digits, because it contains keys of a request. It is not a parameter, because statements that only count have no casts.
    """
    is_number = _kind(source) in _NUMBERS
    name = "smallint" if target == _SMALL else target.name
    return f"'{json.dumps([what, name, is_number]).encode().hex()}'"


def _kind(type: FieldType) -> str:
    return type.name.partition("(")[0]
