"""The errors of columns whose type, or a value, does not fit its field: one error for the body, with the fix."""

from collections.abc import Mapping

import pyarrow as pa

from gateway.connectors.connector import Field
from gateway.errors import Code, GatewayError
from gateway.ingest.arrow.kinds import group_of, kind_of
from gateway.ingest.arrow.plain_arrays import LossError
from gateway.ingest.excerpts import shorten

#: The most characters of an Arrow type that a message shows.
_TYPE_CHARACTERS_MAX = 100
_COLUMN = "df[{column}]"
_NUMBER = f"write numbers: {_COLUMN}.astype('float64')"
_TEXT = f"write text: {_COLUMN}.astype(str)"
_TO_DECODED = f"write text: {_COLUMN}.str.decode('utf-8')"
_AS_TEXT_OF_DUCKDB = "in DuckDB write CAST(… AS VARCHAR)"
_WITH_ZONE = (
    f"write it with a zone, such as {_COLUMN}.dt.tz_localize('UTC'); Spark does so with"
    " spark.sql.parquet.outputTimestampType=TIMESTAMP_MICROS"
)
_WITHOUT_ZONE = f"write it without a zone: {_COLUMN}.dt.tz_localize(None)"
#: The fix for a column, by the group of the field's type and the kind of the column.
_FIXES: Mapping[tuple[str, str | None], str] = {
    ("timestamp", "datetime"): _WITH_ZONE,
    ("datetime", "instant"): _WITHOUT_ZONE,
    ("date", "instant"): f"write dates: {_COLUMN}.dt.date",
    ("timestamp", "date"): f"write instants: pandas.to_datetime({_COLUMN}, utc=True)",
    ("datetime", "date"): f"write dates with a time: pandas.to_datetime({_COLUMN})",
    **{("string", kind): _TEXT for kind in ("boolean", "integer", "float", "decimal")},
    **{(group, "boolean"): f"write 1 and 0: {_COLUMN}.astype('int64')" for group in ("integer", "decimal")},
    ("number", "boolean"): f"write 1 and 0: {_COLUMN}.astype('float64')",
    ("number", "string"): _NUMBER,
    ("boolean", "integer"): f"write true and false: {_COLUMN}.astype(bool)",
    ("boolean", "float"): f"write true and false: {_COLUMN}.astype('boolean')",
    ("boolean", "string"): f"write true and false: {_COLUMN} == 'true'",
    ("uuid", None): f"write it as text, or as 16 bytes of fixed size: {_COLUMN}.astype(str)",
}
#: The field type that a kind of columns is made for.
_DECLARED: Mapping[str | None, str] = {
    "boolean": "boolean",
    "integer": "integer",
    "float": "number",
    "string": "string",
    "uuid": "uuid",
    "date": "date",
    "time": "time",
    "instant": "timestamp",
    "datetime": "datetime",
    "map": "json",
    "struct": "json",
}


def unfit_type(name: str, written: pa.DataType, plain: pa.DataType, field: Field) -> GatewayError:
    """Return the error of a column whose type cannot have values of its field.

    Args:
        name: The name of the column.
        written: Its type in the body.
        plain: Its plain type.
        field: Its field.
    """
    shown = str(written)
    if len(shown) > _TYPE_CHARACTERS_MAX:
        shown = f"{shown[: _TYPE_CHARACTERS_MAX - 1]}…"
    message = f"the column {shorten(name)} is {shown}, and the field {field.name} is {field.type.name}"
    return GatewayError(Code.COLUMN_UNFIT, message, hint=_hint(name, plain, field))


def _hint(name: str, plain: pa.DataType, field: Field) -> str:
    is_list = pa.types.is_list(plain)
    if field.type.item and not is_list:
        fix = f"write lists, {field.type.expects.removeprefix('a list, ')}"
    elif field.type.item:
        fix = _fix(group_of(field.type.item), plain.value_type)
    elif is_list and field.type.name != "json":
        fix = "write one value in each row"
    else:
        fix = _fix(group_of(field.type), plain)
    declared = _declared(plain)
    hint = fix.replace("{column}", repr(name))
    return f"{hint}; or declare the field as {declared}" if declared else hint


def _fix(group: str, plain: pa.DataType) -> str:
    kind = kind_of(plain)
    if pa.types.is_duration(plain):
        return _TEXT if group == "string" else f"write a number of seconds: {_COLUMN}.dt.total_seconds()"
    if _is_interval(plain):
        return _AS_TEXT_OF_DUCKDB
    if kind == "uuid" and group in ("string", "json"):
        return f"{_TEXT}; {_AS_TEXT_OF_DUCKDB}"
    if _is_binary(plain) and group in ("string", "json"):
        return _TO_DECODED
    return _FIXES.get((group, kind), f"write values of the type {group}")


def _is_interval(plain: pa.DataType) -> bool:
    """Return whether a type is a span of months, days, and time; Parquet has it as 12 bytes."""
    is_of_parquet = pa.types.is_fixed_size_binary(plain) and plain.byte_width == 12
    return bool(pa.types.is_interval(plain) or is_of_parquet)


def _is_binary(plain: pa.DataType) -> bool:
    return any(
        test(plain) for test in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    )


def _declared(plain: pa.DataType) -> str | None:
    """Return the field type that a plain type is made for; None if there is none."""
    kind = kind_of(plain)
    if kind == "decimal":
        return f"decimal({plain.precision}, {plain.scale})" if plain.precision <= 38 else None
    if kind == "list":
        item = _declared(plain.value_type)
        is_flat = item is not None and not item.endswith("]") and item != "json"
        return f"{item}[]" if is_flat else "json" if item else None
    return _DECLARED.get(kind)


def lossy(name: str, error: LossError) -> GatewayError:
    """Return the error of a column with a value that would lose digits."""
    row = "" if error.place is None else f", row {error.place + 1}"
    message = f"the column {shorten(name)}{row}: a value {error.problem}"
    return GatewayError(Code.COLUMN_UNFIT, message, hint=error.fix.replace("{column}", repr(name)))
