"""A column of Parquet or Arrow means the JSON that a careful writer would send, whichever way it is read."""

import datetime
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import strictjson
from gateway.errors import Code, GatewayError
from gateway.ingest import payload
from gateway.media_types import RECEIVED_TYPES, Media
from tests.endpoints.test_roundtrip import PLAIN, TEXT
from tests.ingest.test_columnar import connector_of, exactly, readers_of
from tests.support.arrow_bodies import WRITERS
from tests.support.sizes import examples

MAX_ROW, MAX_BODY = 10_000, 2**22
EPOCH = datetime.datetime(1970, 1, 1)
INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
FLOATS = [pa.float32(), pa.float64()]
DECIMALS = [pa.decimal128(5, 0), pa.decimal128(20, 3), pa.decimal256(44, 1), pa.decimal128(38, 38)]
TEXTS = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
INSTANTS = [
    pa.timestamp(unit, zone)
    for unit, zone in zip(["s", "ms", "us", "ns"], ["UTC", "+05:30", "Europe/Berlin", "UTC"], strict=True)
]
DATETIMES = [pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")]
#: The Arrow types that each field type takes.
TAKEN = {
    "string": TEXTS,
    "integer": [*INTEGERS, *FLOATS, *DECIMALS, *TEXTS],
    "number": [*INTEGERS, *FLOATS, *DECIMALS],
    "decimal(9, 3)": [*INTEGERS, *FLOATS, *DECIMALS, *TEXTS],
    "decimal(38, 38)": [pa.float64(), pa.decimal128(38, 38), pa.string()],
    "boolean": [pa.bool_()],
    "date": [pa.date32(), pa.date64(), *DATETIMES, *TEXTS],
    "time": [pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"), *TEXTS],
    "timestamp": [*INSTANTS, *TEXTS],
    "datetime": [*DATETIMES, *TEXTS],
    "uuid": [pa.binary(16), pa.uuid(), *TEXTS],
}
DAY = 86_400
#: The seconds of one unit.
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def integers(arrow: pa.DataType):
    bits, sign = arrow.bit_width, pa.types.is_signed_integer(arrow)
    least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if sign else (0, 2**bits - 1)
    return st.integers(least, most) | st.integers(max(least, -5), min(most, 5))


def numbers(arrow: pa.DataType):
    if pa.types.is_floating(arrow):
        width = arrow.bit_width
        return (
            st.integers(-1000, 1000).map(float) | st.floats(width=width) | st.sampled_from([0.5, -0.0, 2.25])
        )
    whole = arrow.precision - arrow.scale
    steps = st.integers(-(10**arrow.precision) + 1, 10**arrow.precision - 1) | st.integers(
        -(10 ** min(whole, 4)) + 1, 10 ** min(whole, 4) - 1
    ).map(lambda each: each * 10**arrow.scale)
    return steps.map(
        lambda each: (
            Decimal(each).scaleb(-arrow.scale, context=None)
            if False
            else Decimal((int(each < 0), tuple(map(int, str(abs(each)))), -arrow.scale))
        )
    )


def moments(arrow: pa.DataType):
    """Whole units since 1970, mostly with days and microseconds that are stored."""
    if pa.types.is_date(arrow):
        days = st.integers(-719_162, 2_932_896) | st.integers(-800_000, 3_000_000)
        return days if pa.types.is_date32(arrow) else days.map(lambda each: each * DAY * 1000)
    unit = UNITS[arrow.unit]
    if pa.types.is_time(arrow):
        return st.integers(0, DAY * unit - 1).map(
            lambda each: each - each % 1000 if arrow.unit == "ns" else each
        )
    seconds = (
        st.integers(-(2**63) // 10**9 + 1, 2**63 // 10**9 - 1)
        if arrow.unit == "ns"
        else st.integers(-62_135_596_800, 253_402_300_799) | st.integers(-(10**11), 10**12)
    )
    fine = st.integers(0, unit - 1) | st.just(0)
    days = st.integers(-10_000, 20_000).map(lambda each: each * DAY * unit)
    exact = st.builds(
        lambda second, part: second * unit + (part - part % 1000 if arrow.unit == "ns" else part),
        seconds,
        fine,
    )
    return exact | days


def value_of(kind: str, arrow: pa.DataType):
    """A strategy of what pyarrow builds a column of."""
    if pa.types.is_integer(arrow):
        return integers(arrow)
    if pa.types.is_floating(arrow) or pa.types.is_decimal(arrow):
        return numbers(arrow)
    if pa.types.is_temporal(arrow):
        return moments(arrow)
    if pa.types.is_boolean(arrow):
        return st.booleans()
    if arrow in (pa.uuid(), pa.binary(16)):
        return st.binary(min_size=16, max_size=16)
    return PLAIN[kind].map(lambda each: each if isinstance(each, str) else str(each))


def written(name: str, table: pa.Table) -> tuple[bytes, Media]:
    """Write a table as a writer does, or as a stream: not every writer of Parquet takes every type and every instant."""
    media, write = WRITERS[name]
    try:
        return write(table), RECEIVED_TYPES[media]
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid, OSError):
        return WRITERS["stream"][1](table), Media.ARROW


def column(values: list, arrow: pa.DataType) -> pa.Array:
    if pa.types.is_temporal(arrow):
        return pa.array(values, pa.int32() if arrow.bit_width == 32 else pa.int64()).view(arrow)
    return pa.array(values, arrow)


def iso(units: int, unit: int, form: str) -> str | None:
    """The ISO text of units since 1970, or None outside of the years 1 to 9999."""
    try:
        moment = EPOCH + datetime.timedelta(microseconds=units * 10**6 // unit)
    except OverflowError:
        return None
    text = moment.isoformat()
    text = text.rstrip("0") if moment.microsecond else text
    return {"date": text[:10], "time": text[11:], "timestamp": f"{text}Z", "datetime": text}[form]


def sent(value, arrow: pa.DataType, kind: str):
    """What a careful writer of JSON sends for a value; raise LookupError where there is no such value."""
    if value is None:
        return None
    if pa.types.is_floating(arrow):
        number = Decimal(repr(value))
        if not number.is_finite():
            raise LookupError
        if pa.types.is_float32(arrow) and kind.startswith("decimal"):
            return Decimal(pa.array([value], arrow).cast(pa.string())[0].as_py())
        return number
    if pa.types.is_temporal(arrow):
        unit = 1 if pa.types.is_date32(arrow) else 1000 if pa.types.is_date64(arrow) else UNITS[arrow.unit]
        form = "date" if pa.types.is_date(arrow) else "time" if pa.types.is_time(arrow) else kind
        text = iso(value * (DAY if pa.types.is_date32(arrow) else 1), unit, form)
        if text is None:
            raise LookupError
        return text
    if arrow in (pa.uuid(), pa.binary(16)):
        return str(UUID(bytes=value))
    return value


def read(body: bytes, media: Media, connector) -> tuple[list, list] | Code:
    """Read a body both ways: the rows of each are the same, or columns leave it to the other."""
    columnar, validator = readers_of(connector)
    try:
        fast = columnar.parse(body, media, MAX_ROW, None, MAX_BODY)
    except GatewayError as error:
        fast = error
    try:
        slow = validator.check(payload.parse(body, media, connector, MAX_ROW, None, MAX_BODY)).table
    except GatewayError as error:
        slow = error
    if isinstance(slow, GatewayError):
        assert fast is None or (isinstance(fast, GatewayError) and fast.body() == slow.body())
        return slow.code
    if fast is not None:
        assert not isinstance(fast, GatewayError), fast.body()
        assert fast.table.schema == slow.schema
        assert exactly(fast.table) == exactly(slow)
    return exactly(slow), [fast is not None]


@pytest.mark.parametrize(
    ("kind", "arrow"),
    [(kind, arrow) for kind, arrows in TAKEN.items() for arrow in arrows],
    ids=lambda each: str(each)[:30],
)
@examples(10)
@given(data=st.data())
def test_column_is_read_as_its_json_would_be(kind, arrow, data):
    is_list = data.draw(st.booleans())
    nullable = data.draw(st.booleans())
    field = f'{{type: "{kind}{"[]" if is_list else ""}", nullable: {str(nullable).lower()}}}'
    connector = connector_of(f"fields: {{a: {field}, id: integer}}")
    value = value_of(kind, arrow)
    item = st.lists(value, max_size=3) if is_list else value
    values = data.draw(st.lists(st.none() | item if data.draw(st.booleans()) else item, max_size=8))
    if is_list:
        lengths = [0 if each is None else len(each) for each in values]
        offsets = [sum(lengths[:place]) for place in range(len(lengths) + 1)]
        flat = [each for some in values for each in some or ()]
        array = pa.ListArray.from_arrays(
            pa.array(offsets, pa.int32()),
            column(flat, arrow),
            mask=pa.array([each is None for each in values], pa.bool_()),
        )
    else:
        array = column(values, arrow)
    table = pa.table({"a": array, "id": pa.array(range(len(values)), pa.int16())})
    name = data.draw(st.sampled_from(list(WRITERS)))
    body, media = written(name, table)

    found = read(body, media, connector)

    try:
        rows = [
            {
                "a": None
                if each is None
                else [sent(one, arrow, kind) for one in each]
                if is_list
                else sent(each, arrow, kind),
                "id": number,
            }
            for number, each in enumerate(values)
        ]
    except LookupError:
        assert isinstance(found, Code)
        return
    as_json = read(strictjson.write(rows), Media.JSON, connector)
    if isinstance(found, Code) or isinstance(as_json, Code):
        is_loss = found is Code.COLUMN_UNFIT and kind in ("number", "date")
        assert is_loss or found is as_json, (found, as_json, values)
    else:
        assert found[0] == as_json[0]


def test_json_text_survives_in_every_text_type():
    connector = connector_of("fields: {j: {type: json, nullable: true}}")
    texts = ['{"a": [1.50, null]}', '"x"', None, "1e400", "null", "[]"]
    for arrow in TEXTS:
        for writer in ("stream", "parquet snappy"):
            body, media = written(writer, pa.table({"j": pa.array(texts, arrow)}))
            rows, _ = read(body, media, connector)
            assert rows == [[repr(each) for each in ('{"a":[1.50,null]}', '"x"', None, "1E+400", None, "[]")]]


@examples(100)
@given(
    values=st.lists(
        st.none()
        | st.fixed_dictionaries(
            {
                "a": st.none() | st.integers(-5, 5),
                "b": st.lists(TEXT, max_size=2),
                "n": st.floats() | st.just(0.5),
            }
        ),
        min_size=1,
        max_size=5,
    ),
    writer=st.sampled_from(list(WRITERS)),
)
def test_structs_are_read_as_json_objects(values, writer):
    connector = connector_of("fields: {j: {type: json, nullable: true}}")
    arrow = pa.struct([("a", pa.int32()), ("b", pa.list_(pa.string())), ("n", pa.float64())])
    body, media = written(writer, pa.table({"j": pa.array(values, arrow)}))

    found = read(body, media, connector)

    try:
        rows = [
            {"j": each and {"a": each["a"], "b": each["b"], "n": sent(each["n"], pa.float64(), "json")}}
            for each in values
        ]
    except LookupError:
        assert found is Code.VALUE_INVALID or found is Code.ROWS_INVALID
        return
    assert found[0] == read(strictjson.write(rows), Media.JSON, connector)[0]
