"""The fixes of columns: what to type in pandas, polars, and other programs before a column is written again."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from gateway.ingest.arrow.column_fix import Fix
from gateway.ingest.arrow.counted_moments import MOMENTS, moment_fix
from gateway.ingest.arrow.kinds import UnfitPart, kind_of
from gateway.ingest.arrow.plain_arrays import Loss


def _in_duckdb(expression: str) -> Mapping[str, str]:
    return {"DuckDB": expression}


_CAST_TO_TEXT = "CAST(… AS VARCHAR)"
_UUID = "{df}.map(lambda b: str(uuid.UUID(bytes=b)), na_action='ignore')"
_UUID_ITEM = "str(uuid.UUID(bytes={i}))"
_TRUTHS = "{'true': True, 'false': False}"
_AS_STRINGS = Fix("write text", "{df}.astype('string')", "{pl}.cast(pl.String)", "str({i})")
_DECODED = Fix(
    "write text", "{df}.map(bytes.decode, na_action='ignore')", "{pl}.cast(pl.String)", "{i}.decode()"
)
_BASE64 = Fix(
    "write base64",
    "{df}.map(lambda b: base64.b64encode(b).decode(), na_action='ignore')",
    "{pl}.bin.encode('base64')",
    "base64.b64encode({i}).decode()",
)
_ONES = Fix("write 1 and 0", "{df}.astype('Int64')", "{pl}.cast(pl.Int64)", "int({i})")
_SECONDS = Fix(
    "write a number of seconds", "{df}.dt.total_seconds()", None, "pandas.Timedelta({i}).total_seconds()"
)
_DECLARED_AS_SECONDS = replace(
    _SECONDS, words="declare the field as number, and write a number of seconds", item=None
)
_TRUE_AND_FALSE = Fix(
    "write true and false",
    "{df}.astype('boolean')",
    "{pl}.cast(pl.Boolean)",
    "{0: False, 1: True}[{i}]",
)
_DATES = Fix("write dates", "{df}.dt.date", "{pl}.dt.date()", "pandas.Timestamp({i}).date()")
_TIMES = Fix("write times of day", "{df}.dt.time", "{pl}.dt.time()", "pandas.Timestamp({i}).time()")
#: The fixes for a column, by the group of the field's type and the kind of the column; the first is the most likely.
_FIXES: Mapping[tuple[str, str], tuple[Fix, ...]] = {
    ("string", "boolean"): (
        Fix(
            "write text",
            "{df}.map({True: 'true', False: 'false'})",
            "{pl}.cast(pl.String)",
            "str({i}).lower()",
        ),
    ),
    **{("string", kind): (_AS_STRINGS,) for kind in ("integer", "decimal")},
    ("string", "float"): (
        Fix(
            "write whole numbers as text",
            "{df}.astype('Int64').astype('string')",
            None,
            "str({i}).removesuffix('.0')",
        ),
        replace(_AS_STRINGS, words="write other numbers as text"),
    ),
    ("string", "binary"): (_DECODED, _BASE64),
    ("string", "uuid"): (Fix("write text", _UUID, None, _UUID_ITEM, _in_duckdb(_CAST_TO_TEXT)),),
    ("string", "UUID"): (replace(_AS_STRINGS, polars=None, other=_in_duckdb(_CAST_TO_TEXT)),),
    ("string", "duration"): (Fix("write text", "{df}.astype('string')", None, "str(pandas.Timedelta({i}))"),),
    ("string", "interval"): (Fix("write text", other=_in_duckdb(_CAST_TO_TEXT)),),
    **{(group, "boolean"): (_ONES,) for group in ("integer", "decimal")},
    ("number", "boolean"): (
        Fix("write 1 and 0", "{df}.astype('Float64')", "{pl}.cast(pl.Float64)", "float({i})"),
    ),
    ("number", "string"): (
        Fix("write numbers", "pandas.to_numeric({df})", "{pl}.cast(pl.Float64)", "float({i})"),
    ),
    **{(group, "duration"): (_SECONDS,) for group in ("integer", "decimal", "number", "json")},
    **{
        (group, "duration"): (_DECLARED_AS_SECONDS,)
        for group in ("boolean", "date", "timestamp", "datetime", "uuid")
    },
    **{
        (group, "interval"): (Fix("write a number of seconds", other=_in_duckdb("epoch(…)")),)
        for group in ("integer", "decimal", "number")
    },
    **{
        (group, "binary"): (_DECODED,)
        for group in ("integer", "decimal", "date", "time", "timestamp", "datetime")
    },
    **{("boolean", kind): (_TRUE_AND_FALSE,) for kind in ("integer", "float")},
    ("boolean", "decimal"): (
        replace(
            _TRUE_AND_FALSE,
            pandas="{df}.map(lambda n: {0: False, 1: True}[n], na_action='ignore').astype('boolean')",
            polars=None,
        ),
    ),
    ("boolean", "string"): (
        Fix(
            "write true and false",
            f"{{df}}.map(lambda text: {_TRUTHS}[text.lower()], na_action='ignore').astype('boolean')",
            f"{{pl}}.str.to_lowercase().replace_strict({_TRUTHS})",
            f"{_TRUTHS}[{{i}}.lower()]",
        ),
    ),
    ("date", "instant"): (_DATES,),
    **{("time", kind): (_TIMES,) for kind in ("instant", "datetime")},
    ("time", "duration"): (
        Fix(
            "write times of day, if each is shorter than a day",
            "(pandas.Timestamp(0) + {df}).dt.time",
            None,
            "(pandas.Timestamp(0) + pandas.Timedelta({i})).time()",
        ),
        _DECLARED_AS_SECONDS,
    ),
    ("timestamp", "datetime"): (
        Fix(
            "write it with its zone, such as UTC",
            "{df}.dt.tz_localize('UTC')",
            "{pl}.dt.replace_time_zone('UTC')",
            "pandas.Timestamp({i}).tz_localize('UTC')",
            {"Spark": "spark.sql.parquet.outputTimestampType=TIMESTAMP_MICROS"},
        ),
    ),
    ("datetime", "instant"): (
        Fix(
            "write it without a zone",
            "{df}.dt.tz_localize(None)",
            "{pl}.dt.replace_time_zone(None)",
            "pandas.Timestamp({i}).tz_localize(None)",
        ),
    ),
    ("timestamp", "date"): (
        Fix(
            "write instants",
            "pandas.to_datetime({df}, utc=True)",
            "{pl}.cast(pl.Datetime('us', 'UTC'))",
            "pandas.Timestamp({i}, tz='UTC')",
        ),
    ),
    ("datetime", "date"): (
        Fix(
            "write dates with a time",
            "pandas.to_datetime({df})",
            "{pl}.cast(pl.Datetime('us'))",
            "pandas.Timestamp({i})",
        ),
    ),
    ("uuid", "binary"): (
        Fix("write 16 bytes as text", _UUID, None, _UUID_ITEM),
        replace(_DECODED, words="write other bytes as text"),
    ),
    ("json", "binary"): (replace(_DECODED, words="write JSON text"),),
    ("json", "uuid"): (
        Fix(
            "write JSON text",
            "{df}.map(lambda b: json.dumps(str(uuid.UUID(bytes=b))), na_action='ignore')",
            other=_in_duckdb(f"to_json({_CAST_TO_TEXT})"),
        ),
    ),
    ("json", "UUID"): (
        Fix(
            "write JSON text",
            "{df}.map(lambda u: json.dumps(str(uuid.UUID(str(u)))), na_action='ignore')",
            other=_in_duckdb(f"to_json({_CAST_TO_TEXT})"),
        ),
    ),
    ("json", "interval"): (Fix("write JSON text", other=_in_duckdb(f"to_json({_CAST_TO_TEXT})")),),
}
_LISTS_OF_JSON = Fix("write lists: of JSON text", "{df}.map(json.loads, na_action='ignore')")
_LISTS_OF_CELLS = Fix("of text with commas", "{df}.str.split(',')", "{pl}.str.split(',')")
_LISTS_OF_ONE = Fix("write lists of one value each", "{df}.map(lambda v: [v], na_action='ignore')")
_ROUNDED_INSTANT = "pandas.to_datetime({i}, utc=True).floor('us')"
_ROUNDED = Fix(
    "cut it to microseconds",
    "{df}.dt.floor('us')",
    "{pl}.dt.truncate('1us')",
    "pandas.to_datetime({i}).floor('us')",
)
_ROUNDED_TIME = Fix(
    "cut it to microseconds",
    None,
    "({pl}.cast(pl.Int64) // 1000 * 1000).cast(pl.Time)",
    None,
    {"pyarrow": "table[{name}].cast(pyarrow.time64('us'), safe=False)"},
)
#: The fixes of values that would lose digits.
_OF_LOSSES: Mapping[Loss, Fix] = {
    Loss.PART_OF_DAY: Fix("write whole days"),
    Loss.TIME_OF_DAY: _DATES,
    Loss.DIGITS: Fix("round it", "{df}.astype('float64')", "{pl}.cast(pl.Float64)", "float({i})"),
}


def wide_kind(plain: pa.DataType, written: pa.DataType) -> str | None:
    """Return the kind of a plain type, also of types without JSON values; None for the rarest.

    Args:
        plain: The type, or a part of it.
        written: The type in the body of the whole column. In pandas the UUIDs of its extension are objects.
    """
    kind = kind_of(plain)
    if kind == "uuid" and "extension<arrow.uuid>" in str(written):
        return "UUID"
    if kind is not None:
        return kind
    if pa.types.is_duration(plain):
        return "duration"
    # Parquet has a span of months, days, and time as 12 bytes.
    if pa.types.is_interval(plain) or (pa.types.is_fixed_size_binary(plain) and plain.byte_width == 12):
        return "interval"
    is_bytes = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return "binary" if any(test(plain) for test in is_bytes) else None


def fixes_of(group: str, kind: str | None, values: pa.Array) -> tuple[Fix, ...]:
    """Return the fixes of a column for a field that is no list.

    Args:
        group: The group of the field's type.
        kind: The kind of the column.
        values: The column, which shows what its numbers count, and which bytes are UUIDs.
    """
    if group in MOMENTS and kind in ("integer", "float"):
        return (moment_fix(group, values),)
    if group in ("string", "json") and kind == "binary" and _are_uuids(values):
        return _FIXES[group, "uuid"]
    return _FIXES.get((group, kind or ""), ())


def _are_uuids(values: pa.Array) -> bool:
    """Return whether binary values, which pandas and polars write without a size, have 16 bytes that are no text."""
    lengths = pc.min_max(pc.binary_length(values)).as_py()
    if lengths != {"min": 16, "max": 16}:
        return False
    try:
        values.cast(pa.string())
    except pa.ArrowInvalid:
        return True
    return False


def list_fixes(kind: str | None, *, takes_text: bool, takes_one: bool) -> tuple[Fix, ...]:
    """Return the fixes of a column without lists for a field of lists.

    Args:
        kind: The kind of the column.
        takes_text: Whether an item may be a string.
        takes_one: Whether an item may be a value of the column.
    """
    if kind == "string":
        return (_LISTS_OF_JSON, _LISTS_OF_CELLS) if takes_text else (_LISTS_OF_JSON,)
    return (_LISTS_OF_ONE,) if takes_one else (Fix("write lists"),)


def part_fixes(part: UnfitPart, values: pa.Array, written: pa.DataType) -> tuple[Fix, ...]:
    """Return the fixes of a part of a column that has no JSON value, for a field of type `json`.

    Args:
        part: The part.
        values: The column in a plain type.
        written: The type of the column in the body.
    """
    kind = wide_kind(part.type, written)
    for name in part.path:
        is_struct = pa.types.is_struct(values.type)
        values = values.field(name) if is_struct else values.items if name == "{}" else values.values
    fixes = fixes_of("json" if kind == "duration" else "string", kind, values)
    return tuple(_inside(fix, part.path) for fix in fixes)


def loss_fix(loss: Loss, type: pa.DataType, path: tuple[str, ...], *, have_nulls: bool) -> Fix:
    """Return the fix of values that would lose digits.

    Args:
        loss: What they would lose.
        type: Their type.
        path: The path from the column to them.
        have_nulls: Whether a list may have nulls.
    """
    fix = _OF_LOSSES.get(loss) or (_ROUNDED_TIME if pa.types.is_time(type) else _ROUNDED)
    if fix is _ROUNDED and type.tz is not None:
        fix = replace(fix, item=_ROUNDED_INSTANT)
    return _inside(fix, path, have_nulls=have_nulls)


def _inside(fix: Fix, path: tuple[str, ...], *, have_nulls: bool = True) -> Fix:
    """Return the fix of a column that changes the values at a path."""
    if len(path) > 1 or path == ("{}",):
        return Fix(fix.words)
    if not path:
        return fix
    return fix.of_items(have_nulls=have_nulls) if path == ("[]",) else fix.of_member(path[0])


def joined(fixes: Iterable[Fix], name: str) -> str:
    """Return the fixes of a column as a part of a hint."""
    return "; or ".join(fix.text(name) for fix in fixes)
