"""The field types: one table that the JSON Schema, the SQL, CSV, query strings, docs and tests all read."""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal

import pyarrow as pa
import pyarrow.compute as pc

from gateway import strictjson
from gateway.connectors import literals
from gateway.connectors.lexical import (
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
from gateway.connectors.synonyms import meant_by
from gateway.errors import nearest
from gateway.strictjson import Json

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
#: The greatest number of 40 digits that is rounded to a double, and not to infinity.
DOUBLE_MAX = Decimal("1.797693134862315807937289714053034150799E+308")
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
        parsed: The Arrow type that pyarrow's JSON reader is to read it as; None where that changes values.
        cast: An Arrow array of `parsed` that satisfies `schema`, but for its `not`, to one of `arrow`; ArrowInvalid where
            a value does not satisfy that.
        read_strings: A JSON value to the one that `schema` describes, with numbers for the strings that spell them; None where
            no string does.
        parse_strings: An Arrow array of strings that spell numbers plainly to one of `parsed`; ArrowInvalid where one does not.
        literal: Text of a CSV cell to a JSON value; ValueError where it is none.
        query_literal: The same for a value in a query string; None where there is no difference.
        operand: A JSON value to the parameter a filter compares with; OverflowError beyond the column.
        array: JSON values that satisfy `schema`, or None, to an Arrow array of `arrow`.
        json: SQL for its JSON text; `{}` stands for the column.
        csv: SQL for its CSV cell before quoting; `{}` stands for the column.
        quotable: Whether a CSV cell of it may need quotes.
        pieces: SQL for its text, as arguments of `concat`, where it is stored, which makes it satisfy `schema`, and
            no null; `{0}` stands for the column.
        quoted: Whether its JSON is that text in quotes.
        export: SQL for its value in Arrow and Parquet; `{}` stands for the column.
        written: A JSON value that satisfies `schema` to the spelling that is stored, whose text `line` reads; None where it
            is that one.
        line: SQL for what is cast to `column`; `{}` stands for the text of its JSON, that of a string without its quotes.
        placeholder: SQL that gives a parameter, which `{}` stands for, the column's type.
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
    parsed: pa.DataType | None = None
    cast: Callable[[pa.Array], pa.Array] = lambda array: array
    read_strings: Callable[[Json], Json] | None = None
    parse_strings: Callable[[pa.Array], pa.Array] | None = None
    json: str = "{}::VARCHAR"
    csv: str = "{}::VARCHAR"
    quotable: bool = False
    pieces: str = "{0}"
    quoted: bool = False
    query_literal: Callable[[str], Json] | None = None
    operand: Callable[[Json], Json] = lambda value: value
    export: str = "{}"
    written: Callable[[Json], Json] | None = None
    line: str = "{}"
    placeholder: str = "{}"
    constraints: tuple[str, ...] = ("enum",)
    item: "FieldType | None" = None

    def query_value(self, text: str) -> Json:
        """Read a value of a query string; ValueError where it is none."""
        return (self.query_literal or self.literal)(text)

    def spelled(self, values: Sequence[Json]) -> list[Json]:
        """Add to values of `schema` the spellings that are stored of them, where those are others."""
        stored = [self.written(value) for value in values] if self.written and self.quoted else []
        return [*values, *(value for value in dict.fromkeys(stored) if value not in values)]

    def why_not(self, value: Json) -> str | None:
        """Say why a value that looks like one of the type is none, as the end of a sentence that begins with it."""
        try:
            if self.quoted and isinstance(value, str):
                self.literal(value)
        except literals.NoSuchValue as error:
            return str(error)
        except ValueError:
            pass
        return None


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


def _numeral(value: Json) -> Json:
    """Read a string that spells a number."""
    try:
        return literals.numeral(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _parse_strings(pattern: str, arrow: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    """Parse strings as Arrow does, which reads other spellings as well, and some of them in its own way."""

    def parse(texts: pa.Array) -> pa.Array:
        if pc.any(pc.invert(pc.match_substring_regex(texts, pattern))).as_py():
            raise pa.ArrowInvalid("a number is not spelled plainly")
        return texts.cast(arrow)

    return parse


def _plain_decimal(digits: int) -> str:
    """Match decimals of at most so many digits before the point, and 38 in all: Arrow loses the bits of more in silence."""
    whole = f"(?:0|[1-9][0-9]{{0,{digits - 1}}})" if digits else "0"
    behind = DECIMAL_MAX_DIGITS - digits
    return rf"^-?{whole}{rf'(?:[.][0-9]{{1,{behind}}})?' if behind else ''}$"


def _digits(value: Json) -> Json:
    """Give a number without an exponent, which DuckDB does not read where there are many digits."""
    return format(value, "f") if isinstance(value, Decimal) else value


def _json_text(value: Json) -> str:
    return strictjson.write(value).decode()


def _jsons(values: Sequence[Json]) -> pa.Array:
    return pa.array([v if v is None else _json_text(v) for v in values], pa.string())


def _dates(texts: pa.Array) -> pa.Array:
    return texts.cast(pa.date32())


def _times(texts: pa.Array) -> pa.Array:
    return _read_texts(texts, _as_times, _PLAIN_TIME, literals.time)


def _as_times(texts: pa.Array) -> pa.Array:
    """Read times; Arrow reads them behind a date only."""
    moments = pc.binary_join_element_wise("1970-01-01", texts, "T").cast(pa.timestamp("us"))
    return moments.cast(pa.time64("us"))


def _datetimes(texts: pa.Array) -> pa.Array:
    return _read_texts(texts, lambda each: each.cast(pa.timestamp("us")), _PLAIN_DATETIME, literals.datetime)


def _instants(texts: pa.Array) -> pa.Array:
    instants = _read_texts(texts, lambda each: each.cast(_INSTANT), _PLAIN_INSTANT, literals.timestamp)
    ends = pc.min_max(instants.cast(pa.int64()))
    if ends["min"].is_valid and not _FIRST <= ends["min"].as_py() <= ends["max"].as_py() <= _LAST:
        raise pa.ArrowInvalid("an instant is outside the years 1 to 9999")
    return instants


_INSTANT = pa.timestamp("us", "UTC")
#: The first and the last instant, in microseconds since 1970.
_FIRST, _LAST = (
    (instant - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
    for instant in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
)
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
#: What Arrow reads.
_PLAIN_TIME = f"^{_CLOCK}$"
_PLAIN_DATETIME = f"^[0-9-]{{10}}[T ]{_CLOCK}$"
_PLAIN_INSTANT = f"^[0-9-]{{10}}[T ]{_CLOCK}(?:Z|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)$"


def _read_texts(
    texts: pa.Array, read: Callable[[pa.Array], pa.Array], plain: str, literal: Callable[[str], Json]
) -> pa.Array:
    """Read texts as Arrow does, after those that it does not read have been spelled anew.

    Raises:
        pa.ArrowInvalid: Where one is no value.
    """
    try:
        return read(texts)
    except pa.ArrowInvalid:
        # PERF: .NET always writes seven decimals, Java three, six or nine, of which the last are often zeros.
        texts = pc.replace_substring_regex(texts, r"(\.[0-9]{6})0+($|[^0-9])", r"\1\2")
    is_odd = pc.fill_null(pc.invert(pc.match_substring_regex(texts, plain)), False)
    try:
        spelled = [literal(text) for text in texts.filter(is_odd).to_pylist()]
    except ValueError as error:
        raise pa.ArrowInvalid(str(error)) from error
    return read(pc.replace_with_mask(texts, is_odd, pa.array(spelled, pa.string())))


def _int64_operand(value: Json) -> Json:
    if not INT64_MIN <= value <= INT64_MAX:
        raise OverflowError(value)
    return value


def _double_operand(value: Json) -> Json:
    if abs(value) > DOUBLE_MAX:
        raise OverflowError(value)
    return float(value)


def _text_type(
    name: str, column: str, pattern: str, text: str = "{}::VARCHAR", *, pieces: str = "{0}", **more: Json
) -> FieldType:
    """Build a type whose JSON value is a string of one lexical form, which the SQL `text` writes."""
    cast = more.pop("cast", lambda array: array)
    return FieldType(
        name=name,
        parsed=pa.string(),
        cast=cast,
        array=lambda values: cast(_strings(values)),
        schema={"type": "string", **more.pop("schema", {}), "pattern": f"^{pattern}$"},
        column=column,
        json=f"""('"' || {text} || '"')""",
        csv=text,
        pieces=pieces,
        quoted=True,
        written=more["literal"],
        placeholder=f"CAST({{}} AS {column})",
        **more,
    )


@functools.cache  # There are 779 of them; and two that are the same are one, for fields to be compared.
def decimal(precision: int, scale: int) -> FieldType:
    """Build `decimal(precision, scale)`: exact, from the body's text to the column and back."""
    context = Context(prec=DECIMAL_MAX_DIGITS * 2)
    step = Decimal(1).scaleb(-scale)
    most = Decimal(10**precision - 1).scaleb(-scale, context)
    arrow = pa.decimal128(precision, scale)
    # DuckDB writes 0.5 as `.5` where no digit fits before the point, which is not a JSON number.
    text = "regexp_replace({}::VARCHAR, '^(-?)[.]', '\\10.')" if precision == scale else "{}::VARCHAR"

    def operand(value: Json) -> Json:
        if Decimal(value).copy_abs() > most or Decimal(value) != Decimal(value).quantize(
            step, context=context
        ):
            raise OverflowError(value)
        return format(Decimal(value), "f")

    def array(values: Sequence[Json]) -> pa.Array:
        exact = [v if v is None else Decimal(v).quantize(step, context=context) for v in values]
        return pa.array(exact, arrow)

    return FieldType(
        name=f"decimal({precision}, {scale})",
        expects=f"a number with at most {precision - scale} digits before the point and {scale} after it",
        example=Decimal(5).scaleb(-scale) if scale else 5,
        # jsonschema-rs divides by a whole number as a double, and would take 9007199254740993.5 for a multiple of 1.
        schema={
            **({"type": "number", "multipleOf": step} if scale else {"type": "integer"}),
            "minimum": most.copy_negate(),
            "maximum": most,
        },
        column=f"DECIMAL({precision}, {scale})",
        arrow=arrow,
        parsed=arrow,
        read_strings=_numeral,
        parse_strings=_parse_strings(_plain_decimal(precision - scale), arrow),
        literal=literals.number,
        operand=operand,
        placeholder=f"CAST({{}} AS DECIMAL({precision}, {scale}))",
        array=array,
        json=text,
        csv=text,
        pieces=text if precision == scale else "{0}",
        written=_digits,
        constraints=(*BOUND_CONSTRAINTS, "enum"),
    )


def _list_literal(item: FieldType, text: str) -> Json:
    """Read a list as JSON writes it, else as PostgreSQL or DuckDB does.

    The text of an item that cannot be read stays, for the schema to refuse it by its place.
    """

    def read(each: str | None) -> Json:
        try:
            return None if each is None else item.literal(each)
        except ValueError:
            return each

    if text.lstrip()[:1] == "{":
        return [read(each) for each in literals.array(text)]
    try:
        value = strictjson.read(text.encode())
    except ValueError:
        return [read(each) for each in literals.duckdb_list(text)]
    if not isinstance(value, list):
        raise ValueError(text)  # noqa: TRY004  # a literal has one way to fail
    # DuckDB writes the strings '1' and 'true' without quotes.
    are_bare = value and all(isinstance(each, bool | int | Decimal) for each in value)
    return literals.duckdb_list(text) if item.name == "string" and are_bare else value


def _each(written: Callable[[Json], Json] | None) -> Callable[[Json], Json] | None:
    return (lambda values: [written(each) for each in values]) if written else None


def _each_if_list(read: Callable[[Json], Json] | None) -> Callable[[Json], Json] | None:
    return (lambda value: list(map(read, value)) if isinstance(value, list) else value) if read else None


def list_of(item: FieldType) -> FieldType:
    """Give `item[]`: a list of scalars, never null inside; the item's constraints hold for each of them."""
    return _list_of(item.name)


@functools.cache
def _list_of(name: str) -> FieldType:
    item = parse_type(name)
    arrow = pa.list_(item.arrow)

    def query_literal(text: str) -> Json:
        return [None if each is None else item.query_value(each) for each in literals.array(text)]

    def operand(value: Json) -> Json:
        return [each if each is None else item.operand(each) for each in value]

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

    def each(convert: Callable[[pa.Array], pa.Array], to: pa.DataType) -> Callable[[pa.Array], pa.Array]:
        return lambda lists: pa.ListArray.from_arrays(
            lists.offsets, convert(lists.values), type=pa.list_(to), mask=lists.is_null()
        )

    text = f"('[' || array_to_string(list_transform({{}}, lambda x: {item.json.format('x')}), ',') || ']')"
    return FieldType(
        name=f"{item.name}[]",
        expects=f"a list, each item {item.expects}",
        example=[item.example],
        schema={"type": "array", "items": dict(item.schema)},
        column=f"{item.column}[]",
        arrow=arrow,
        literal=functools.partial(_list_literal, item),
        query_literal=query_literal,
        operand=operand,
        array=array,
        # pyarrow takes decimals in quotes, which are not found inside a list.
        parsed=None if item.parsed is None or pa.types.is_decimal(item.arrow) else pa.list_(item.parsed),
        cast=each(item.cast, item.arrow),
        read_strings=_each_if_list(item.read_strings),
        parse_strings=each(item.parse_strings, item.parsed) if item.parse_strings else None,
        json=text,
        csv=text,
        pieces=text,
        export="{}" if item.export == "{}" else "{}::VARCHAR[]",
        written=_each(item.written),
        line="from_json({}, '[\"VARCHAR\"]')",
        quotable=True,
        constraints=item.constraints,
        item=item,
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
            column="VARCHAR",
            arrow=pa.string(),
            parsed=pa.string(),
            literal=literals.string,
            array=_strings,
            json="to_json({})::VARCHAR",
            pieces="to_json({0})",
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
            parsed=pa.int64(),
            read_strings=_numeral,
            parse_strings=_parse_strings(r"^(?:0|-?[1-9][0-9]{0,18})$", pa.int64()),
            literal=literals.integer,
            query_literal=literals.whole,
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
            parsed=pa.float64(),
            literal=literals.number,
            operand=_double_operand,
            placeholder="CAST({} AS DOUBLE)",
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
            parsed=pa.bool_(),
            literal=literals.boolean,
            array=_booleans,
        ),
        _text_type(
            "date",
            "DATE",
            DATE,
            expects="a date as YYYY-MM-DD",
            example="2026-11-23",
            schema={"format": "date"},
            arrow=pa.date32(),
            literal=literals.date,
            cast=_dates,
        ),
        _text_type(
            "time",
            "TIME",
            TIME,
            expects="a time of day as HH:MM:SS",
            example="08:30:00",
            schema={"not": TIME_BEYOND},
            arrow=pa.time64("us"),
            literal=literals.time,
            cast=_times,
        ),
        _text_type(
            "timestamp",
            "TIMESTAMPTZ",
            TIMESTAMP,
            # `Z`, not PostgREST's `+00:00`: copied into a query string, a `+` would arrive as a space.
            "(replace(({} AT TIME ZONE 'UTC')::VARCHAR, ' ', 'T') || 'Z')",
            pieces=f"{_DAY_AND_TIME.format('make_timestamp(epoch_us({0}))')}, 'Z'",
            expects="an instant as RFC 3339 with an offset, such as 2026-11-23T08:30:00Z",
            example="2026-11-23T08:30:00Z",
            schema={"not": TIMESTAMP_BEYOND},
            arrow=pa.timestamp("us", "UTC"),
            literal=literals.timestamp,
            query_literal=literals.instant,
            cast=_instants,
        ),
        _text_type(
            "datetime",
            "TIMESTAMP",
            DATETIME,
            "replace({}::VARCHAR, ' ', 'T')",
            pieces=_DAY_AND_TIME,
            expects="a date and time without a zone as YYYY-MM-DDTHH:MM:SS",
            example="2026-11-23T08:30:00",
            schema={"not": DATETIME_BEYOND},
            arrow=pa.timestamp("us"),
            literal=literals.datetime,
            cast=_datetimes,
        ),
        _text_type(
            "uuid",
            "UUID",
            UUID,
            expects="a UUID as 8-4-4-4-12 hexadecimal digits",
            example="0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d",
            schema={"format": "uuid"},
            arrow=pa.string(),
            literal=literals.uuid,
            export="{}::VARCHAR",
        ),
        FieldType(
            name="json",
            expects="any JSON value but null",
            example={"any": ["JSON", 1]},
            schema={"type": ["object", "array", "string", "number", "boolean"]},
            column="JSON",
            arrow=pa.string(),
            literal=literals.json,
            export="{}::VARCHAR",
            written=_json_text,
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
        item = _item_type(text)
        if item.item or item.name == "json":
            raise ValueError(f"'{text}' is a list of {item.name}; a list holds scalars, write json instead")
        return list_of(item)
    if found := _DECIMAL.fullmatch(text):
        precision, scale = int(found[1]), int(found[2])
        if not 1 <= precision <= DECIMAL_MAX_DIGITS or scale > precision:
            raise ValueError(f"'{text}' needs 1 <= p <= {DECIMAL_MAX_DIGITS} and s <= p")
        return decimal(precision, scale)
    if text not in SCALARS:
        raise ValueError(f"'{text}' is not a type; {_type_hint(text)}")
    return SCALARS[text]


def _item_type(text: str) -> FieldType:
    try:
        return parse_type(text[:-2])
    except ValueError:
        if meant := meant_by(text):
            raise ValueError(f"'{text}' is not a type; write {meant}") from None
        raise


def is_cut_at_comma(text: str) -> bool:
    """Tell whether a type ends inside its brackets, as one without quotes does at a comma inside braces."""
    return sum(map(text.count, "([<")) > sum(map(text.count, ")]>"))


def _type_hint(text: str) -> str:
    if found := re.fullmatch(r"(\w+)\(([0-9 ]*)", text):
        meant = meant_by(f"{found[1]}({found[2]}, 2)")
        shown = meant if meant and meant.type.startswith("decimal") else "decimal(12, 2)"
        return f'it was cut off at its comma; inside {{ }} put quotes around it: "{shown}"'
    if is_cut_at_comma(text):
        word = re.split(r"[(<\[]", text)[0].strip()
        shown = meant_by(word) or "it in quotes"
        return f"it was cut off at its comma, inside {{ }}; write {shown}"
    meant = meant_by(text)
    beside = ", and primary_key: [FIELD] beside fields:" if re.search(r"(?i)\bprimary key\b", text) else ""
    if meant and beside:
        return f"write {meant}{beside}"
    if meant and meant.type == "decimal(18, 3)":
        return f"write {meant}, or decimal(p, s) with the digits that you need"
    if meant:
        return f"write {meant}"
    known = [name for name in TYPE_NAMES if name != "decimal(p, s)"]
    guess = "decimal(p, s)" if text.startswith("decimal") else nearest(text, known)
    return f"did you mean '{guess}'?" if guess else f"use {', '.join(TYPE_NAMES)}"


def type_of_column(column: str) -> FieldType:
    """Give the type whose column DuckDB describes so; no two types share one."""
    if column.endswith("[]"):
        return list_of(type_of_column(column.removesuffix("[]")))
    if column.startswith("DECIMAL"):
        return parse_type(column.lower())
    name = column.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
    return next(each for each in SCALARS.values() if each.column == name)
