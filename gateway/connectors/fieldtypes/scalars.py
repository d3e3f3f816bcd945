"""The table of the scalar types. A type is added here, and nowhere else: everything else reads the table."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa

from gateway.connectors import literals
from gateway.connectors.fieldtypes import arrow_values
from gateway.connectors.fieldtypes.arrow_values import numeral, parse_strings, strings, write_json
from gateway.connectors.fieldtypes.decimals import decimal
from gateway.connectors.fieldtypes.field_type import (
    BOUND_CONSTRAINTS,
    LENGTH_CONSTRAINTS,
    ArrowForm,
    FieldType,
    SqlForm,
    TextForm,
)
from gateway.connectors.lexical_forms import (
    DATE,
    DATETIME,
    DATETIME_BEYOND,
    NO_NUL,
    TIME,
    TIME_BEYOND,
    TIMESTAMP,
    TIMESTAMP_BEYOND,
    UUID,
)
from gateway.strictjson import Json

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
#: The greatest number of 40 digits that is rounded to a double, and not to infinity.
DOUBLE_MAX = Decimal("1.797693134862315807937289714053034150799E+308")
_PLAIN_INTEGER = "^(?:0|-?[1-9][0-9]{0,18})$"
#: Of at most `strictjson.MAX_DIGITS` characters. With its exponent a number must not have more digits, either. As an
#: integer, -0 is 0.
_PLAIN_NUMBER = (
    r"^(?:0|-?(?:[1-9][0-9]*|[0-9]+\.[0-9]+"
    r"|(?:[1-9][0-9]{0,19}|[0-9]{1,20}\.[0-9]{1,20})[eE][+-]?[0-3]?[0-9]{1,2}))$"
)


def _int64_parameter(value: Json) -> Json:
    if not INT64_MIN <= value <= INT64_MAX:
        raise OverflowError(value)
    return value


def _double_parameter(value: Json) -> Json:
    if abs(value) > DOUBLE_MAX:
        raise OverflowError(value)
    return float(value)


def _unchanged(array: pa.Array) -> pa.Array:
    return array


def _lexical(
    pattern: str,
    arrow: pa.DataType,
    parse: Callable[[str], Json],
    cast: Callable[[pa.Array], pa.Array] = _unchanged,
    query: Callable[[str], Json] | None = None,
    **schema: Json,
) -> dict[str, Any]:
    """Build the schema, the text and the Arrow form of a type whose JSON value is a string of one lexical form."""
    return {
        "schema": {"type": "string", **schema, "pattern": f"^{pattern}$"},
        "text": TextForm(parse, query, normalize=parse),
        "arrow": ArrowForm(arrow, lambda values: cast(strings(values)), pa.string(), cast),
    }


def _quoted_sql(column: str, text: str = "{}::VARCHAR", pieces: str = "{0}", export: str = "{}") -> SqlForm:
    """Build the SQL of a type whose JSON value is a string, which the SQL `text` writes."""
    return SqlForm(
        column,
        json=f"""('"' || {text} || '"')""",
        csv=text,
        pieces=pieces,
        is_quoted=True,
        export=export,
        placeholder=f"CAST({{}} AS {column})",
    )


#: PERF: a third of what it takes to write a moment and then replace its space; the same in the years of four digits.
_DAY_AND_TIME = "{0}::DATE, 'T', {0}::TIME"

SCALARS: Mapping[str, FieldType] = {
    field_type.name: field_type
    for field_type in (
        FieldType(
            name="string",
            expects="a string without U+0000",
            example="Ada",
            schema={"type": "string", "pattern": NO_NUL},
            outline={"type": "string"},
            text=TextForm(literals.string),
            arrow=ArrowForm(pa.string(), strings, pa.string()),
            sql=SqlForm("VARCHAR", json="to_json({})::VARCHAR", pieces="to_json({0})", can_need_quotes=True),
            constraints=(*LENGTH_CONSTRAINTS, "enum"),
        ),
        FieldType(
            name="integer",
            expects="an integer of 64 bits",
            example=42,
            schema={"type": "integer", "minimum": INT64_MIN, "maximum": INT64_MAX},
            outline={"type": "integer", "format": "int64"},
            text=TextForm(literals.integer, query=literals.whole, read_strings=numeral),
            arrow=ArrowForm(
                pa.int64(),
                arrow_values.integers,
                pa.int64(),
                parse_strings=parse_strings(_PLAIN_INTEGER, pa.int64()),
                plain=_PLAIN_INTEGER,
            ),
            sql=SqlForm("BIGINT", parameter=_int64_parameter),
            constraints=(*BOUND_CONSTRAINTS, "enum"),
        ),
        FieldType(
            name="number",
            expects="a number that a double can hold",
            example=Decimal("36.6"),
            schema={"type": "number", "minimum": -DOUBLE_MAX, "maximum": DOUBLE_MAX},
            outline={"type": "number", "format": "double"},
            text=TextForm(literals.number),
            arrow=ArrowForm(pa.float64(), arrow_values.numbers, pa.float64(), plain=_PLAIN_NUMBER),
            sql=SqlForm("DOUBLE", placeholder="CAST({} AS DOUBLE)", parameter=_double_parameter),
            constraints=(*BOUND_CONSTRAINTS, "enum"),
        ),
        decimal(18, 3),
        FieldType(
            name="boolean",
            expects="true or false",
            example=True,
            schema={"type": "boolean"},
            outline={"type": "boolean"},
            text=TextForm(literals.boolean),
            arrow=ArrowForm(pa.bool_(), arrow_values.booleans, pa.bool_(), plain="^(?:true|false)$"),
            sql=SqlForm("BOOLEAN"),
        ),
        FieldType(
            name="date",
            expects="a date as YYYY-MM-DD",
            example="2026-11-23",
            outline={"type": "string", "format": "date"},
            **_lexical(DATE, pa.date32(), literals.date, arrow_values.dates, format="date"),
            sql=_quoted_sql("DATE"),
        ),
        FieldType(
            name="time",
            expects="a time of day as HH:MM:SS",
            example="08:30:00",
            outline={"type": "string", "format": "time-local"},
            **_lexical(TIME, pa.time64("us"), literals.time, arrow_values.times, **{"not": TIME_BEYOND}),
            sql=_quoted_sql("TIME"),
        ),
        FieldType(
            name="timestamp",
            expects="an instant as RFC 3339 with an offset, such as 2026-11-23T08:30:00Z",
            example="2026-11-23T08:30:00Z",
            outline={"type": "string", "format": "date-time"},
            **_lexical(
                TIMESTAMP,
                pa.timestamp("us", "UTC"),
                literals.timestamp,
                arrow_values.instants,
                literals.instant,
                **{"not": TIMESTAMP_BEYOND},
            ),
            sql=_quoted_sql(
                "TIMESTAMPTZ",
                # `Z`, not PostgREST's `+00:00`: copied into a query string, a `+` would arrive as a space.
                "(replace(({} AT TIME ZONE 'UTC')::VARCHAR, ' ', 'T') || 'Z')",
                pieces=f"{_DAY_AND_TIME.format('make_timestamp(epoch_us({0}))')}, 'Z'",
            ),
        ),
        FieldType(
            name="datetime",
            expects="a date and time without a zone as YYYY-MM-DDTHH:MM:SS",
            example="2026-11-23T08:30:00",
            outline={"type": "string", "format": "date-time-local"},
            **_lexical(
                DATETIME,
                pa.timestamp("us"),
                literals.datetime,
                arrow_values.datetimes,
                **{"not": DATETIME_BEYOND},
            ),
            sql=_quoted_sql("TIMESTAMP", "replace({}::VARCHAR, ' ', 'T')", pieces=_DAY_AND_TIME),
        ),
        FieldType(
            name="uuid",
            expects="a UUID as 8-4-4-4-12 hexadecimal digits",
            example="0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d",
            outline={"type": "string", "format": "uuid"},
            **_lexical(UUID, pa.string(), literals.uuid, arrow_values.lower_case, format="uuid"),
            sql=_quoted_sql("UUID", export="{}::VARCHAR"),
        ),
        FieldType(
            name="json",
            expects="any JSON value but null",
            example={"any": ["JSON", 1]},
            schema={"type": ["object", "array", "string", "number", "boolean"]},
            outline={},  # Code generators make a map of a list of types.
            text=TextForm(literals.json, normalize=write_json),
            arrow=ArrowForm(pa.string(), arrow_values.jsons),
            sql=SqlForm("JSON", export="{}::VARCHAR", can_need_quotes=True),
            constraints=(),
        ),
    )
}
