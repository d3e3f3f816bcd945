"""Rows that are read in columns are those that are read one by one, to the last bit; whatever a body holds."""

import contextlib
import functools
import itertools
import re
from decimal import Decimal
from unittest import mock

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import strictjson
from gateway.connectors.connector import Connector
from gateway.connectors.connector_file import parse_connector
from gateway.errors import GatewayError
from gateway.ingest import payload
from gateway.ingest.columnar import csv_text, json_text, split_rows
from gateway.ingest.columnar.reader import Columnar
from gateway.ingest.columnar.taken_fields import TakenFields
from gateway.ingest.validation import Validator
from gateway.media_types import Media
from tests.endpoints.test_roundtrip import PLAIN, VALUES, fields, rows_of, yaml_of
from tests.support.sizes import drawn, examples

MAX_ROW = 2000
ORDERS = """
fields:
  id: integer
  n: {type: number, minimum: 0, exclusive_maximum: 100, nullable: true}
  d: {type: "decimal(5, 2)", nullable: true}
  s: {type: string, max_length: 5, nullable: true}
  l: {type: "number[]", nullable: true, minimum: 0}
  t: {type: timestamp, nullable: true}
"""


@functools.lru_cache(16)
def connector_of(text: str) -> Connector:
    connector, findings = parse_connector(text.encode(), "c.yaml")
    assert connector is not None, findings
    return connector


#: The connector that was read for last, with its two readers: they take longer to make than most bodies to read.
_last: list = []


def readers_of(connector: Connector) -> tuple[Columnar, Validator]:
    if not _last or _last[0] is not connector:
        _last[:] = [connector, Columnar(connector), Validator(connector)]
    return _last[1], _last[2]


def one_by_one(
    body: bytes, media: Media, connector: Connector, taken: TakenFields | None = None
) -> tuple[pa.Table, list[int | None]] | None:
    """The rows, and the lines they are in."""
    lines = []

    def read():
        parsed = payload.parse(body, media, connector, MAX_ROW, taken.fields if taken else None)
        if taken:
            parsed = payload.only(parsed, taken.fields, absent_is_null=taken.absent_is_null)
        for rows in parsed:
            lines.extend(rows.lines)
            yield rows

    try:
        return readers_of(connector)[1].check(read()).table, lines
    except GatewayError:
        return None


def exactly(table: pa.Table) -> list[list[str]]:
    """Every value as text that tells -0.0 from 0.0."""
    return [[repr(value) for value in column.to_pylist()] for column in table.columns]


def require_equal(body: bytes, media: Media, connector: Connector, taken: TakenFields | None = None) -> bool:
    """Require of columns what the truth says, unless they leave it to the truth; tells whether they do not."""
    columnar, _ = readers_of(connector)
    columns = columnar.parse(body, media, MAX_ROW, taken)
    # Nearly every row is a slice of its own.
    with contextlib.ExitStack() as patches:
        for text in (json_text, csv_text, split_rows):
            patches.enter_context(mock.patch.object(text, "PIECE_BYTES", 20))
        in_slices = columnar.parse(body, media, MAX_ROW, taken)
    # Lines may end in two ways, though not in one slice; and what a slice does not name is not seen to be in quotes there.
    if in_slices is None and columns is None:
        return False
    read = one_by_one(body, media, connector, taken)
    assert read is not None, body
    table, lines = read
    for each in filter(None, (columns, in_slices)):
        assert each.table.schema == table.schema
        assert exactly(each.table) == exactly(table), body
        assert (each.lines is None) == (media is Media.JSON)
        assert each.places["line"].to_pylist() == lines, body
    return columns is not None


def bodies(rows: list[bytes]) -> list[tuple[bytes, Media]]:
    return [
        (b"[" + b",".join(rows) + b"]", Media.JSON),
        (b" [\n" + b" ,\n".join(rows) + b"\r\n]\n", Media.JSON),
        (b"\xef\xbb\xbf[" + b", ".join(rows) + b"]", Media.JSON),
        (b"\n".join(rows), Media.NDJSON),
        (b"\r\n".join(rows) + b"\r\n\r\n", Media.NDJSON),
        (b"\xef\xbb\xbf" + b"\n".join(rows) + b"\n", Media.NDJSON),
    ]


@examples(200)
@given(data=st.data())
def test_columns_equal_rows_read_one_by_one(data):
    declared = data.draw(fields())
    connector = connector_of(yaml_of(declared))
    rows = [strictjson.write(row) for row in data.draw(rows_of(declared))]

    for body, media in bodies(rows):
        require_equal(body, media, connector)


#: Those that are read in columns.
KINDS = [
    *VALUES.keys(),
    *(f"{kind}[]" for kind in VALUES if kind != "json" and "decimal" not in kind),
]


@pytest.mark.parametrize("kind", sorted(KINDS))
@examples(50)
@given(data=st.data())
def test_plain_good_rows_are_read_in_columns(kind, data):
    """Else a reader that is never sure would pass every other test."""
    connector = connector_of(yaml_of({"a": (kind, True, {}), "b": (kind, False, {})}))
    validator = Validator(connector)
    value = PLAIN[kind.removesuffix("[]")]
    value = st.lists(value, max_size=3) if kind.endswith("[]") else value
    row = st.fixed_dictionaries({"a": st.none() | value, "b": value}).filter(
        lambda each: not validator._schema_check.bad_fields(each)
    )
    rows = [strictjson.write(each) for each in data.draw(st.lists(row, min_size=1, max_size=4))]
    written = b",".join(rows)
    # What pyarrow is not asked to read: an integer with a point or an exponent, and a zero with a sign.
    is_odd = re.search(rb"[0-9][eE]|[0-9][.]0+[],}]|-0[],}]|-0[.]0", written) is not None

    for body, media in bodies(rows):
        assert require_equal(body, media, connector) or is_odd, body


@pytest.mark.parametrize(
    "kind", ["integer", "integer[]", "decimal(9, 3)", "decimal(38, 38)", "decimal(4, 0)"]
)
@examples(50)
@given(data=st.data())
def test_plain_numbers_in_quotes_are_read_in_columns(kind, data):
    connector = connector_of(yaml_of({"a": (kind, True, {"maximum": 700}), "id": ("integer", False, {})}))
    validator = Validator(connector)
    places = {"integer": 0, "integer[]": 0, "decimal(9, 3)": 3, "decimal(38, 38)": 38, "decimal(4, 0)": 0}[
        kind
    ]
    value = st.integers(-(10 ** data.draw(st.integers(1, 39))), 10**9).map(
        lambda each: decimal_text(each, places)
    )
    value = st.lists(value, min_size=1, max_size=3) if kind.endswith("[]") else value
    row = st.fixed_dictionaries({"a": value, "id": st.integers(-9, 9)})
    rows = [
        each
        for each in data.draw(st.lists(row, min_size=1, max_size=4))
        if not validator._schema_check.bad_fields(validator._schema_check.read_strings(each))
    ]
    rows = rows or [{"a": ["1"] if kind.endswith("[]") else "0", "id": 1}]
    rows.append({"a": None, "id": 1})

    for body, media in bodies([strictjson.write(each) for each in rows]):
        assert require_equal(body, media, connector), body


def decimal_text(steps: int, places: int) -> str:
    sign, digits = "-" if steps < 0 else "", str(abs(steps)).rjust(places + 1, "0")
    return f"{sign}{digits[: len(digits) - places]}{'.' if places else ''}{digits[len(digits) - places :]}"


#: Pieces of rows that one parser or the other might read in its own way.
ODD = [
    b'{"id":1}', b'{"id":1,"id":2}', b'{"id":1,"id":null}', b'{"id":-0}', b'{"id":01}', b'{"id":1.0}', b'{"id":1e0}',
    b'{"id":9223372036854775807}', b'{"id":9223372036854775808}', b'{"id":-9223372036854775808}', b'{"id":+1}',
    b'{"id":"1"}', b'{"id":true}', b'{"id":null}', b"{}", b"null", b"1", b"[]", b'"x"', b"[[]]", b'{"id":NaN}',
    b'{"id":1,"n":NaN}', b'{"id":1,"n":Infinity}', b'{"id":1,"n":-Infinity}', b'{"id":1,"n":Inf}', b'{"id":1,"n":1e400}',
    b'{"id":1,"n":0}', b'{"id":1,"n":0.0}', b'{"id":1,"n":-0}', b'{"id":1,"n":-0.0}', b'{"id":1,"n":-1e-400}',
    b'{"id":1,"n":1e-400}', b'{"id":1,"n":1e-401}', b'{"id":1,"n":-1E-7000}', b'{"id":1,"n":0e-7000}', b'{"id":1,"n":100}', b'{"id":1,"n":99.99999999999999999999}', b'{"id":1,"n":1.}',
    b'{"id":1,"n":1e-999999999}', b'{"id":1,"n":1e999999999}', b'{"id":1e-999999999}', b'{"id":1,"l":[1e-999999999]}',
    b'{"id":1,"n":"1"}', b'{"id":1,"l":["1"]}', b'{"id":1,"n":.5}', b'{"id":1,"n":' + b"1" * 399 + b"}", b'{"id":1,"n":0.' + b"1" * 399 + b"}",
    b'{"id":1,"n":0.' + b"1" * 400 + b"}", b'{"id":1,"n":0.' + b"1" * 500 + b"}",
    b'{"id":1,"d":1.5}', b'{"id":1,"d":1.500}', b'{"id":1,"d":1.555}', b'{"id":1,"d":1e2}', b'{"id":1,"d":1e-2}',
    b'{"id":1,"d":1000}', b'{"id":1,"d":999.99}', b'{"id":1,"d":-999.99}', b'{"id":1,"d":1e40}', b'{"id":1,"d":-0}',
    b'{"id":1,"d":"1.5"}', b'{"id":1,"d" :\t"1.5"}', b'{"id":1,"\\u0064":"1.5"}', b'{"id":1,"\\u0064":1.5}', b'{"id":1,"d":"+1"}',
    b'{"id":1,"d":1e-999999999}', b'{"id":1,"d": 1E-999999999}', b'{"id":1,"d":1e999999999}', b'{"id":1,"\\u0064":1e-999999999}',
    b'{"id":1,"d":-1.5e-99999999999999999999}', b'{"id":1,"d":0.' + b"0" * 390 + b"1}", b'{"id":1,"d":-0.0}', b'{"id":1,"d":"\\u0031"}',
    b'{"id":1,"d":99999999999999999999999999999999999999999999}', b'{"id":1,"d":0e99999999}', b'{"id":1,"d":1e-400}',
    b'{"id":1,"s":"abcde"}', b'{"id":1,"s":"abcdef"}', b'{"id":1,"s":"\\u0000"}', b'{"id":1,"s":"\\\\u0000"}',
    b'{"id":1,"s":"\\ud83d\\ude00"}', b'{"id":1,"s":"\\ud83d"}', b'{"id":1,"s":"\\ude00"}', b'{"id":1,"s":"\xff"}',
    b'{"id":1,"s":"\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80"}', b'{"id":1,"s":"a\x01"}', b'{"id":1,"s":"a\x00"}',
    b'{"id":1,"s":"\xed\xa0\x80"}', b'{"id":1,"s":"\xc0\x80"}', b'{"id":1,"s":"a\nb"}', b'{"id":1,"s":"},{"}',
    b'{"id":1,"s":"\\/\\b\\n"}', b'{"id":1,"s":"\\x"}', b'{"i\\u0064":1}', b'{"id":1,"":2}', b'{"id":1,"\xff":2}',
    b'{"id":1,"l":[]}', b'{"id":1,"l":[0]}', b'{"id":1,"l":[1,2.5]}', b'{"id":1,"l":[null]}', b'{"id":1,"l":[[1]]}',
    b'{"id":1,"l":[-1]}', b'{"id":1,"l":null}', b'{"id":1,"l":{}}', b'{"id":1,"l":[-0]}', b'{"id":1,"l":[NaN]}',
    b'{"id":1,"t":"2026-01-01T00:00:00Z"}', b'{"id":1,"t":"2026-01-01 00:00:00Z"}', b'{"id":1,"t":"2026-02-30T00:00:00Z"}',
    b'{"id":1,"t":"2026-01-01T00:00:00.1234567Z"}', b'{"id":1,"t":"2026-01-01T00:00:00+23:59"}', b'{"id":1,"t":"2026-01-01"}',
    b'{"id":1,"t":"2026-01-01T00:00:00z"}', b'{"id":1,"t":"0001-01-01T00:00:00Z"}', b'{"id":1,"t":"9999-12-31T23:59:59Z"}',
    b'{"id":1,"t":"2026-01-01T00:00:00Z\\n"}', b'{"id":1,"t":"2026-01-01T24:00:00Z"}', b'{"id":1,"t":""}',
    b'{"id":"0"}', b'{"id":"-0"}', b'{"id":"+1"}', b'{"id":"01"}', b'{"id":"1.0"}', b'{"id":"1.5"}', b'{"id":" 1"}', b'{"id":"1e2"}',
    b'{"id":"0x10"}', b'{"id":"9223372036854775807"}', b'{"id":"9223372036854775808"}', b'{"id":"-9223372036854775808"}',
    b'{"id":"\\u0031"}', b'{"i\\u0064":"1"}', b'{"id" : "1"}', b'{"id":""}', b'{"id":"1","d":"1.5"}', b'{"id":"1","d":1.5}',
    b'{"id":"1","d":"1.500"}', b'{"id":"1","d":"1.505"}', b'{"id":"1","d":"1e2"}', b'{"id":"1","d":"1E-2"}', b'{"id":"1","d":"-.5"}',
    b'{"id":"1","d":"999.99"}', b'{"id":"1","d":"1000"}', b'{"id":"1","d":"99999999999999999999999999999999999999999"}', b'{"id":"1","d":"NaN"}',
    b'{"id":"1","d":"0.' + b"0" * 50 + b'"}', b'{"id":"1","d":"-0"}', b'{"id":"1","d":"\xd9\xa1"}', b'{"id":"1\\n"}', b'{"s":"\\"id\\":\\"1","id":1}',
    b'{"id":1} null {"id":2}', b'{"id":1}{"id":2}', b'{"id":1} {"id":2}', b'{"id":1},', b'{"id":1}]', b'{"id":\n1}', b"",
    b" ", b"\x0b", b'\xef\xbb\xbf{"id":1}', b'{"id":1', b'"id":1}', b'{"id":1,}', b'// {"id":1}', b"{'id':1}",
    b'{"id":1,"s":"' + b"x" * MAX_ROW + b'"}', b'{"id":1' + b" " * MAX_ROW + b"}", b'{"other":1}', b'{"id":1,"s":{}}',
]  # fmt: skip


@pytest.mark.scaled
@pytest.mark.parametrize("odd", ODD)
def test_odd_row_in_columns_equals_one_by_one(odd):
    connector = connector_of(ORDERS)
    good, quoted = b'{"id":7,"n":1.5,"s":"x"}', b'{"id":"7","d":"1.5"}'

    among = ([odd], [good, odd], [quoted, odd], [odd, good, odd, good])
    for body, media in drawn(each for rows in among for each in bodies(rows)):
        require_equal(body, media, connector)


#: What might end one value and begin another, of those that pyarrow is given.
PUT = [
    b"null", b",", b"}\n{", b"},{", b"}{", b"{}", b"\n", b"\r", b"\r\n", b"\n\r\n\n", b"\0", b"\xef\xbb\xbf", b"[", b"]", b"][", b"],[", b"}]",
    b'],"":[', b']} {"":[', b']}{"":[', b'],"x":[', b'null,"":[', b'],"":null', b"]}", b"]}\0", b'"},{"', b'"}\n{"', b'{ "', b"\\",
]  # fmt: skip


@examples(200)
@given(st.lists(st.sampled_from(ODD), min_size=1, max_size=4), st.data())
@example([b'{"id":1}'], None)
def test_mutilated_body_in_columns_equals_one_by_one(rows, data):
    connector = connector_of(ORDERS)
    for body, media in bodies(rows):
        if data is not None:
            place = data.draw(st.integers(0, len(body)))
            put = data.draw(st.binary(max_size=2) | st.sampled_from(PUT))
            body = body[:place] + put + body[place + data.draw(st.integers(0, 2)) :]
        require_equal(body, media, connector)


@pytest.mark.scaled
@pytest.mark.parametrize("put", PUT)
def test_inserted_bytes_in_columns_equal_one_by_one(put):
    """No byte that is put into a body makes columns read more or other rows than are in it."""
    connector = connector_of(ORDERS)
    good = [b'{"id":7,"s":"x"}', b'{"id":8}']

    places = ((body, media, place) for body, media in bodies(good) for place in range(len(body) + 1))
    for body, media, place in drawn(places):
        require_equal(body[:place] + put + body[place:], media, connector)


@examples(200)
@given(
    st.lists(
        st.sampled_from([0, 1, 20, 900, 1000, 1960, 1999, 2000, 2001, 2002, 4100]), min_size=1, max_size=6
    ),
    st.sampled_from([b" ", b'{"', b'{ "a', b'},{"id', b"}\\n{"]),
)
def test_too_long_row_is_found_among_others(sizes, filling):
    connector = connector_of("fields: {id: integer, note: string}")
    rows = []
    for size in sizes:
        text = filling.replace(b'"', b'\\"') * (max(0, size - 18) // len(filling))
        row = b'{"id":7,"note":"%b"}' % text
        rows.append(row[:-1] + b" " * (size - len(row)) + b"}")

    is_short = all(len(row) <= MAX_ROW // 2 for row in rows)
    for body, media in bodies(rows):
        assert require_equal(body, media, connector) or not is_short, body


@pytest.mark.scaled
@pytest.mark.parametrize("kind", ["decimal(38, 38)", "decimal(38, 0)", "decimal(19, 4)", "decimal(1, 1)"])
@pytest.mark.parametrize("digits", [1, 2, 15, 16, 18, 19, 20, 37, 38, 39, 40, 77])
def test_decimal_of_too_many_digits_is_not_cut(kind, digits):
    connector = connector_of(yaml_of({"d": (kind, False, {})}))

    fractions = ("", ".5", *("." + digit * count for digit in "09" for count in (38, 39, 77, 400)))
    rows = [
        f'{{"d":{sign}{first}{"0" * (digits - 1)}{fraction}}}'.encode()
        for first, sign, fraction in itertools.product("19", ("", "-"), fractions)
    ]
    for body, media in drawn(each for row in rows for each in bodies([row])):
        require_equal(body, media, connector)
    for body, media in bodies([b'{"d":9223372036854775808 }']):
        require_equal(body, media, connector)


@pytest.mark.scaled
@pytest.mark.parametrize("kind", ["integer", "number", "decimal(5, 2)", "integer[]", "number[]", "string"])
@pytest.mark.parametrize("digits", [18, 19, 20, 399, 400, 401, 1000])
def test_number_of_any_length_equals_one_by_one(kind, digits):
    connector = connector_of(yaml_of({"a": (kind, True, {}), "s": ("string", True, {})}))

    values = [
        value
        for text in (
            "1" * digits,
            "0." + "0" * digits,
            "0." + "1" * digits,
            "1" * digits + ".0",
            "1." + "0" * digits,
        )
        for value in (text, f"-{text}", f"[{text}]", f'"{text}"', f'null,"s":"{text}"')
    ]
    for body, media in drawn(each for value in values for each in bodies([f'{{"a":{value}}}'.encode()])):
        require_equal(body, media, connector)


def test_enum_of_decimals_compares_numbers():
    """However many zeros they are written with."""
    connector = connector_of('fields: {d: {type: "decimal(5, 2)", enum: [5, 1.5]}}')

    for text in (b"5", b"5.0", b"5.00", b"1.5", b"1.50", b"1.51"):
        for body, media in bodies([b'{"d":%s}' % text]):
            assert require_equal(body, media, connector) == (Decimal(text.decode()) in (5, Decimal("1.5"))), (
                text
            )
