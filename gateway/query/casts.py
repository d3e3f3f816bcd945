"""Casts in `select`: the names PostgreSQL has for types, and the SQL that each cast becomes."""

from collections.abc import Mapping
from dataclasses import replace

from gateway.connectors.fieldtypes import SCALARS, FieldType
from gateway.errors import Code, GatewayError, suggest

#: A double that was computed may be infinite or no number, and JSON has no number for those: they are
#: strings there, as PostgreSQL writes them.
_NOT_FINITE = "WHEN isnan({0}) THEN '\"NaN\"' WHEN {0} > 0 THEN '\"Infinity\"' ELSE '\"-Infinity\"'"
COMPUTED_NUMBER = replace(
    SCALARS["number"],
    csv="replace(replace({}::VARCHAR, 'nan', 'NaN'), 'inf', 'Infinity')",
    json=f"CASE WHEN {{0}} IS NULL OR isfinite({{0}}) THEN {{0}}::VARCHAR {_NOT_FINITE} END",
)

#: What stands behind `::`. PostgreSQL's `timestamp` has no zone, which is our `datetime`.
CASTS: Mapping[str, FieldType] = {
    **dict.fromkeys(("text", "varchar"), SCALARS["string"]),
    **dict.fromkeys(("int", "int4", "integer", "int8", "bigint"), SCALARS["integer"]),
    **dict.fromkeys(("float4", "float8", "numeric"), COMPUTED_NUMBER),
    **dict.fromkeys(("bool", "boolean"), SCALARS["boolean"]),
    "date": SCALARS["date"],
    "timestamp": SCALARS["datetime"],
    "timestamptz": SCALARS["timestamp"],
    **dict.fromkeys(("json", "jsonb"), SCALARS["json"]),
}

_NUMBERS = ("integer", "number", "decimal")
#: Which types a type can be cast to, besides itself, text and JSON.
_TARGETS: Mapping[str, tuple[str, ...]] = {
    "string": ("integer", "number", "boolean", "date", "timestamp", "datetime"),
    "json": ("integer", "number", "boolean", "date", "timestamp", "datetime"),
    "integer": (*_NUMBERS, "boolean"),
    "number": _NUMBERS,
    "decimal": _NUMBERS,
    "boolean": ("integer",),
    "date": ("timestamp", "datetime"),
    "timestamp": ("date", "datetime"),
    "datetime": ("date", "timestamp"),
}


def find(name: str, source: FieldType) -> FieldType:
    """Find the type that `::name` makes of a column's type.

    Raises:
        GatewayError: Where there is no such type, or no such cast.
    """
    if name not in CASTS:
        hint = suggest(name, CASTS, "use one of")
        raise GatewayError(Code.TYPE_UNKNOWN, f"there is no type '{name}' to cast to", hint=hint)
    target = CASTS[name]
    if name == "numeric" and _kind(source) in ("integer", "decimal"):
        return source  # It is exact already.
    # Text is not cast to JSON: DuckDB lets text through that is none.
    always = ("string",) if source.name == "string" else ("string", "json")
    if _kind(target) not in (_kind(source), *always, *_TARGETS.get(_kind(source), ())):
        message = f"{source.name} cannot be cast to {name}"
        raise GatewayError(Code.CAST_IMPOSSIBLE, message, hint="cast to text, which everything can be")
    return target


def sql(expression: str, source: FieldType, target: FieldType) -> str:
    """Give the SQL of a cast that `find` has allowed."""
    if source == target:
        return expression
    if target.name == "string":
        return source.csv.format(expression)
    if target.name == "json":
        return f"CAST({source.json.format(expression)} AS JSON)"
    if source.name == "json":
        expression, source = f"json_extract_string({expression}, '$')", SCALARS["string"]
    if source.name == "string" and target.name == "integer":
        # DuckDB rounds '1.5' and reads '0x10'; what is no integer is left for it to refuse.
        digits = f"regexp_full_match({expression}, '\\s*[+-]?[0-9]+\\s*')"
        expression = f"CASE WHEN {digits} THEN {expression} WHEN {expression} IS NOT NULL THEN 'none' END"
    return f"CAST({expression} AS {target.column})"


def _kind(type: FieldType) -> str:
    return type.name.partition("(")[0]
