"""The field types: one table that the JSON Schema, the SQL, CSV, query strings, docs and tests all read."""

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

import pyarrow as pa

from gateway import strictjson
from gateway.errors import nearest
from gateway.strictjson import Json

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
DOUBLE_MAX = Decimal("1.7976931348623157E+308")
DECIMAL_MAX_DIGITS = 38

LENGTH_CONSTRAINTS = ("min_length", "max_length", "pattern", "format")
BOUND_CONSTRAINTS = ("minimum", "maximum", "exclusive_minimum", "exclusive_maximum")


@dataclass(frozen=True, slots=True)
class FieldType:
    """What the gateway knows of one type.

    Attributes:
        name: As it stands in YAML, in its canonical spelling.
        expects: What a value looks like, to finish the sentence "expected …".
        example: A value as it stands in a JSON body.
        schema: The JSON Schema of a value that is not null.
        column: The DuckDB type of its column.
        arrow: The Arrow type a batch carries it in.
        literal: Text of a CSV cell or a query string to a JSON value; ValueError where it is none.
        operand: A JSON value to the parameter a filter compares with; OverflowError beyond the column.
        array: JSON values that satisfy `schema`, or None, to an Arrow array of `arrow`.
        json: SQL for its JSON text; `{}` stands for the column.
        csv: SQL for its CSV cell before quoting; `{}` stands for the column.
        quotable: Whether a CSV cell of it may need quotes.
        placeholder: SQL around a filter's parameter that gives it the column's type.
        constraints: The YAML constraints it takes.
        item: The type of an element, for a list.
    """

    name: str
    expects: str
    example: Json
    schema: Mapping[str, Json]
    column: str
    arrow: pa.DataType
    literal: Callable[[str], Json]
    array: Callable[[Sequence[Json]], pa.Array]
    json: str = "{}::VARCHAR"
    csv: str = "{}::VARCHAR"
    quotable: bool = False
    operand: Callable[[Json], Json] = lambda value: value
    placeholder: str = "?"
    constraints: tuple[str, ...] = ("enum",)
    item: "FieldType | None" = None


# ------------------------------------------------------------------------------------------------------
# Lexical forms. They are whole in themselves, month lengths and leap years included, so that the schema
# means the same in a validator that asserts `format` and in one that does not (draft 2020-12, section 7.2).

_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_MONTH_DAY = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_YEAR = "(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
_INNER_YEAR = "(?:000[2-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])"
_DATE = f"(?:{_YEAR}-{_MONTH_DAY}|{_LEAP_YEAR}-02-29)"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
_OFFSET = "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
# In the first and the last year an offset could carry the instant out of the years that RFC 3339 can write.
_TIMESTAMP = (
    f"(?:(?:{_INNER_YEAR}-{_MONTH_DAY}|{_LEAP_YEAR}-02-29)T{_TIME}{_OFFSET}"
    f"|(?:0001|9999)-{_MONTH_DAY}T{_TIME}(?:Z|[+-]00:00))"
)
_UUID = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"

#: DuckDB keeps U+0000, but CSV, Parquet and PostgreSQL readers stumble over it: no string field takes it.
NO_NUL = r"^[^\u0000]*$"

_H16 = "[0-9A-Fa-f]{1,4}"
_IPV4_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"(?:{_IPV4_OCTET}\.){{3}}{_IPV4_OCTET}"
_LS32 = f"(?:{_H16}:{_H16}|{_IPV4})"
_IPV6 = "(?:" + "|".join(
    [f"(?:{_H16}:){{6}}{_LS32}", f"::(?:{_H16}:){{5}}{_LS32}"]
    + [f"(?:(?:{_H16}:){{0,{n}}}{_H16})?::(?:{_H16}:){{{4 - n}}}{_LS32}" for n in range(5)]
    + [f"(?:(?:{_H16}:){{0,5}}{_H16})?::{_H16}", f"(?:(?:{_H16}:){{0,6}}{_H16})?::"]
) + ")"  # fmt: skip
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PCHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_AUTHORITY = (
    r"(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"
    rf"(?:\[{_IPV6}\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{{2}})*)(?::[0-9]*)?"
)
_PATH = rf"(?://{_AUTHORITY}(?:/{_PCHAR}*)*|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?|{_PCHAR}+(?:/{_PCHAR}*)*)?"
_TAIL = rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?"
_URI = rf"[A-Za-z][A-Za-z0-9+.-]*:{_PATH}{_TAIL}"
_RELATIVE = (
    rf"(?://{_AUTHORITY}(?:/{_PCHAR}*)*|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?"
    r"|(?:[A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})+"
    rf"(?:/{_PCHAR}*)*)?{_TAIL}"
)
_ATEXT = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DURATION_TIME = "T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)"
_DURATION_DATE = "(?:[0-9]+D|[0-9]+M(?:[0-9]+D)?|[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?)"

#: The `format` a string field may ask for, each as the pattern that asserts it.
FORMATS: Mapping[str, str] = {
    "date": f"^{_DATE}$",
    "date-time": f"^{_TIMESTAMP}$",
    "duration": f"^P(?:{_DURATION_DATE}(?:{_DURATION_TIME})?|{_DURATION_TIME}|[0-9]+W)$",
    "email": rf"^{_ATEXT}(?:\.{_ATEXT})*@{_LABEL}(?:\.{_LABEL})*$",
    "hostname": rf"^{_LABEL}(?:\.{_LABEL})*$",
    "ipv4": f"^{_IPV4}$",
    "ipv6": f"^{_IPV6}$",
    "json-pointer": "^(?:/(?:[^/~\\u0000]|~[01])*)*$",
    "time": f"^{_TIME}{_OFFSET}$",
    "uri": f"^{_URI}$",
    "uri-reference": f"^(?:{_URI}|{_RELATIVE})$",
    "uuid": f"^{_UUID}$",
}


def _matching(pattern: str, text: str) -> str:
    if not re.fullmatch(pattern, text, re.ASCII):
        raise ValueError(text)
    return text


# ------------------------------------------------------------------------------------------------------
# Literals: what a CSV cell or a query string may say. They are kinder than JSON in spelling, never in value.

_BOOLEANS = dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True) | dict.fromkeys(
    ("false", "f", "no", "n", "off", "0"), False
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


def _number_literal(text: str) -> Json:
    if not _NUMBER.fullmatch(text) or len(text) > strictjson.MAX_DIGITS:
        raise ValueError(text)
    value = Decimal(text)
    return int(value) if value.as_tuple().exponent == 0 else value


def _integer_literal(text: str) -> Json:
    value = _number_literal(text)
    if isinstance(value, Decimal):  # pandas writes an integer column with gaps as 517.0.
        if value.adjusted() > 30 or value != value.to_integral_value():
            raise ValueError(text)
        value = int(value)
    return value


def _boolean_literal(text: str) -> Json:
    if (value := _BOOLEANS.get(text.lower())) is None:
        raise ValueError(text)
    return value


def _string_literal(text: str) -> Json:
    return text


def _json_literal(text: str) -> Json:
    return strictjson.read(text.encode())


def _uuid_literal(text: str) -> Json:
    return _matching(_UUID, text)


def _date_literal(text: str) -> Json:
    return _matching(_DATE, text)


def _time_literal(text: str) -> Json:
    return _matching(_TIME, text if text.count(":") > 1 else text + ":00")


def _datetime_literal(text: str) -> Json:
    date, time = text[:10], text[11:]
    if text[10:11] not in ("T", "t", " "):
        raise ValueError(text)
    return f"{_date_literal(date)}T{_time_literal(time)}"


_OFFSET_LITERAL = re.compile(r"(.*?)(?:([zZ])|([+ -])([0-9]{2})(?::?([0-9]{2}))?)")


def _timestamp_literal(text: str) -> Json:
    parts = _OFFSET_LITERAL.fullmatch(text, 0, 60) if len(text) > 11 else None
    if not parts:
        raise ValueError(text)
    local, zulu, sign, hours, minutes = parts.groups()
    # A query string that did not escape its `+` arrives with a space there.
    offset = "Z" if zulu else f"{'+' if sign == ' ' else sign}{hours}:{minutes or '00'}"
    return _matching(_TIMESTAMP, _datetime_literal(local) + offset)


# ------------------------------------------------------------------------------------------------------
# Arrays and operands. Values have satisfied the schema, so nothing here refuses and nothing is rounded.


def _integers(values: Sequence[Json]) -> pa.Array:
    return pa.array([v if v is None or type(v) is int else int(v) for v in values], pa.int64())


def _numbers(values: Sequence[Json]) -> pa.Array:
    return pa.array([v if v is None else float(v) for v in values], pa.float64())


def _booleans(values: Sequence[Json]) -> pa.Array:
    return pa.array(values, pa.bool_())


def _strings(values: Sequence[Json]) -> pa.Array:
    return pa.array(values, pa.string())


def _jsons(values: Sequence[Json]) -> pa.Array:
    return pa.array([v if v is None else strictjson.write(v).decode() for v in values], pa.string())


def _dates(values: Sequence[Json]) -> pa.Array:
    return _strings(values).cast(pa.date32())


def _times(values: Sequence[Json]) -> pa.Array:
    return pa.array([v if v is None else datetime.time.fromisoformat(v) for v in values], pa.time64("us"))


def _datetimes(values: Sequence[Json]) -> pa.Array:
    return _strings(values).cast(pa.timestamp("us"))


def _timestamps(values: Sequence[Json]) -> pa.Array:
    return _strings(values).cast(pa.timestamp("us", "UTC"))


def _int64_operand(value: Json) -> Json:
    if not INT64_MIN <= value <= INT64_MAX:
        raise OverflowError(value)
    return value


def _double_operand(value: Json) -> Json:
    if abs(value) > DOUBLE_MAX:
        raise OverflowError(value)
    return float(value)


def _decimal_operand(value: Json) -> Json:
    value = Decimal(value)
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # Literals have no NaN and no infinity.
    if max(len(digits), -exponent, len(digits) + exponent) > DECIMAL_MAX_DIGITS:
        raise OverflowError(value)
    return Decimal(format(value, "f"))  # DuckDB reads no exponent.


def _text_type(name: str, column: str, pattern: str, text: str = "{}::VARCHAR", **more: Json) -> FieldType:
    """Build a type whose JSON value is a string of one lexical form, which the SQL `text` writes."""
    return FieldType(
        name=name,
        schema={"type": "string", **more.pop("schema", {}), "pattern": f"^{pattern}$"},
        column=column,
        json=f"""('"' || {text} || '"')""",
        csv=text,
        placeholder=f"CAST(? AS {column})",
        **more,
    )


def decimal(precision: int, scale: int) -> FieldType:
    """Build `decimal(precision, scale)`: exact, from the body's text to the column and back."""
    context = Context(prec=DECIMAL_MAX_DIGITS * 2)
    step = Decimal(1).scaleb(-scale)
    most = Decimal(10**precision - 1).scaleb(-scale, context)
    arrow = pa.decimal128(precision, scale)
    # DuckDB writes 0.5 as `.5` where no digit fits before the point, which is not a JSON number.
    text = "regexp_replace({}::VARCHAR, '^(-?)[.]', '\\10.')" if precision == scale else "{}::VARCHAR"

    def array(values: Sequence[Json]) -> pa.Array:
        exact = [v if v is None else Decimal(v).quantize(step, context=context) for v in values]
        return pa.array(exact, arrow)

    return FieldType(
        name=f"decimal({precision}, {scale})",
        expects=f"a number with at most {precision - scale} digits before the point and {scale} after it",
        example=Decimal(5).scaleb(-scale) if scale else 5,
        schema={"type": "number", "multipleOf": step if scale else 1, "minimum": -most, "maximum": most},
        column=f"DECIMAL({precision}, {scale})",
        arrow=arrow,
        literal=_number_literal,
        operand=_decimal_operand,
        array=array,
        json=text,
        csv=text,
        constraints=(*BOUND_CONSTRAINTS, "enum"),
    )


def list_of(item: FieldType) -> FieldType:
    """Build `item[]`: a list of scalars, never null inside; the item's constraints hold for each of them."""
    arrow = pa.list_(item.arrow)

    def literal(text: str) -> Json:
        value = strictjson.read(text.encode())
        if not isinstance(value, list):
            raise ValueError(text)  # noqa: TRY004  # a literal has one way to fail
        return value

    def array(values: Sequence[Json]) -> pa.Array:
        offsets = [0]
        flat: list[Json] = []
        for value in values:
            flat.extend(value or ())
            offsets.append(len(flat))
        mask = pa.array([value is None for value in values], pa.bool_())
        return pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()), item.array(flat), type=arrow, mask=mask
        )

    text = f"('[' || array_to_string(list_transform({{}}, lambda x: {item.json.format('x')}), ',') || ']')"
    return FieldType(
        name=f"{item.name}[]",
        expects=f"a list, each item {item.expects}",
        example=[item.example],
        schema={"type": "array", "items": dict(item.schema)},
        column=f"{item.column}[]",
        arrow=arrow,
        literal=literal,
        array=array,
        json=text,
        csv=text,
        quotable=True,
        constraints=item.constraints,
        item=item,
    )


SCALARS: Mapping[str, FieldType] = {
    field_type.name: field_type
    for field_type in (
        FieldType(
            name="string",
            expects="a string without U+0000",
            example="Ada",
            schema={"type": "string", "pattern": NO_NUL},
            column="VARCHAR",
            arrow=pa.string(),
            literal=_string_literal,
            array=_strings,
            json="to_json({})::VARCHAR",
            quotable=True,
            constraints=(*LENGTH_CONSTRAINTS, "enum"),
        ),
        FieldType(
            name="integer",
            expects="an integer of 64 bits",
            example=42,
            schema={"type": "integer", "minimum": INT64_MIN, "maximum": INT64_MAX},
            column="BIGINT",
            arrow=pa.int64(),
            literal=_integer_literal,
            operand=_int64_operand,
            array=_integers,
            constraints=(*BOUND_CONSTRAINTS, "enum"),
        ),
        FieldType(
            name="number",
            expects="a number that a double can hold",
            example=Decimal("36.6"),
            schema={"type": "number", "minimum": -DOUBLE_MAX, "maximum": DOUBLE_MAX},
            column="DOUBLE",
            arrow=pa.float64(),
            literal=_number_literal,
            operand=_double_operand,
            placeholder="CAST(? AS DOUBLE)",
            array=_numbers,
            constraints=(*BOUND_CONSTRAINTS, "enum"),
        ),
        decimal(18, 3),
        FieldType(
            name="boolean",
            expects="true or false",
            example=True,
            schema={"type": "boolean"},
            column="BOOLEAN",
            arrow=pa.bool_(),
            literal=_boolean_literal,
            array=_booleans,
        ),
        _text_type(
            "date",
            "DATE",
            _DATE,
            expects="a date as YYYY-MM-DD",
            example="2026-11-23",
            schema={"format": "date"},
            arrow=pa.date32(),
            literal=_date_literal,
            array=_dates,
        ),
        _text_type(
            "time",
            "TIME",
            _TIME,
            expects="a time of day as HH:MM:SS, with at most 6 decimals",
            example="08:30:00",
            arrow=pa.time64("us"),
            literal=_time_literal,
            array=_times,
        ),
        _text_type(
            "timestamp",
            "TIMESTAMPTZ",
            _TIMESTAMP,
            # `Z`, not PostgREST's `+00:00`: copied into a query string, a `+` would arrive as a space.
            "(replace(({} AT TIME ZONE 'UTC')::VARCHAR, ' ', 'T') || 'Z')",
            expects="an instant as RFC 3339 with an offset, such as 2026-11-23T08:30:00Z, with at most 6 decimals",
            example="2026-11-23T08:30:00Z",
            schema={"format": "date-time"},
            arrow=pa.timestamp("us", "UTC"),
            literal=_timestamp_literal,
            array=_timestamps,
        ),
        _text_type(
            "datetime",
            "TIMESTAMP",
            f"{_DATE}T{_TIME}",
            "replace({}::VARCHAR, ' ', 'T')",
            expects="a date and time without a zone as YYYY-MM-DDTHH:MM:SS, with at most 6 decimals",
            example="2026-11-23T08:30:00",
            arrow=pa.timestamp("us"),
            literal=_datetime_literal,
            array=_datetimes,
        ),
        _text_type(
            "uuid",
            "UUID",
            _UUID,
            expects="a UUID as 8-4-4-4-12 hexadecimal digits",
            example="0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d",
            schema={"format": "uuid"},
            arrow=pa.string(),
            literal=_uuid_literal,
            array=_strings,
        ),
        FieldType(
            name="json",
            expects="any JSON value but null",
            example={"any": ["JSON", 1]},
            schema={"type": ["object", "array", "string", "number", "boolean"]},
            column="JSON",
            arrow=pa.string(),
            literal=_json_literal,
            array=_jsons,
            quotable=True,
            constraints=(),
        ),
    )
}


_DECIMAL = re.compile(r"decimal\(\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*\)")

#: The names to write in YAML, in the order of the docs.
TYPE_NAMES = tuple("decimal(p, s)" if name.startswith("decimal") else name for name in SCALARS)


def parse_type(text: str) -> FieldType:
    """Read a type as YAML writes it: `integer`, `decimal(12, 2)`, `string[]`.

    Raises:
        ValueError: With a sentence that says what is wrong with the text.
    """
    text = text.strip()
    if text.endswith("[]"):
        item = parse_type(text[:-2])
        if item.item or item.name == "json":
            raise ValueError(f"'{text}' is a list of {item.name}; a list holds scalars, write json instead")
        return list_of(item)
    if found := _DECIMAL.fullmatch(text):
        precision, scale = int(found[1]), int(found[2])
        if not 1 <= precision <= DECIMAL_MAX_DIGITS or scale > precision:
            raise ValueError(f"'{text}' needs 1 <= p <= {DECIMAL_MAX_DIGITS} and s <= p")
        return decimal(precision, scale)
    if re.fullmatch(r"decimal\([0-9 ]*", text):
        raise ValueError(
            f"'{text}' was cut off at its comma; inside {{ }} put quotes around it: \"decimal(12, 2)\""
        )
    if text not in SCALARS:
        known = [name for name in TYPE_NAMES if name != "decimal(p, s)"]
        guess = (
            "decimal(p, s)"
            if text.startswith("decimal")
            else nearest(text, known) or _ALIASES.get(text.lower())
        )
        raise ValueError(
            f"'{text}' is not a type; "
            + (f"did you mean '{guess}'?" if guess else f"use {', '.join(TYPE_NAMES)}")
        )
    return SCALARS[text]


#: What people write who think in another tool's types.
_ALIASES = {
    **dict.fromkeys(("text", "str", "varchar", "char"), "string"),
    **dict.fromkeys(("int", "bigint", "long", "int64"), "integer"),
    **dict.fromkeys(("float", "double", "real"), "number"),
    **dict.fromkeys(("numeric", "money"), "decimal(p, s)"),
    **dict.fromkeys(("bool",), "boolean"),
    **dict.fromkeys(("timestamptz", "instant"), "timestamp"),
    **dict.fromkeys(("object", "struct", "jsonb"), "json"),
    **dict.fromkeys(("array", "list"), "string[]"),
}
