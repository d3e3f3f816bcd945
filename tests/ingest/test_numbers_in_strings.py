"""Numbers that senders write as JSON strings, so that no digit is lost on the way: taken exactly, wherever a row may come in."""

import io
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import polars
import pydantic
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import strictjson
from gateway.connectors import literals, numerals
from gateway.connectors.connector_file import parse_connector
from gateway.connectors.finding import InvalidFileError
from gateway.errors import GatewayError
from gateway.ingest.rows import Rows
from gateway.ingest.validation import Validator
from tests.connectors.test_published import published
from tests.support.reference_validator import exact
from tests.support.sizes import examples
from tests.support.validators import VALIDATORS

JSON, NDJSON = "application/json", "application/x-ndjson"
LEDGER = """
fields:
  id: integer
  amount: {type: "decimal(38, 10)", nullable: true}
  at: {type: timestamp, nullable: true}
primary_key: [id]
access: {read: [public], change: [admin]}
"""
#: The least and greatest of their types, and what lies between doubles or has few digits.
NUMBERS = [
    (2**63 - 1, Decimal("9999999999999999999999999999.9999999999")),
    (-(2**63), Decimal("-9999999999999999999999999999.9999999999")),
    (9007199254740993, Decimal("9007199254740993.0000000001")),
    (0, Decimal("0E-8")),
    (100, Decimal("1E+2")),
    (-5, Decimal("-0.5")),
    (7, Decimal("1E-10")),
    (8, Decimal("3.50")),
    (9, None),
]
MOMENT = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)


class Row(pydantic.BaseModel):
    """A row as a user of pydantic would declare it."""

    id: int
    amount: Decimal | None
    at: datetime


def rows_of_python() -> list[dict]:
    return [{"id": id, "amount": amount, "at": MOMENT} for id, amount in NUMBERS]


def frame() -> polars.DataFrame:
    return polars.DataFrame(
        rows_of_python(),
        schema={"id": polars.Int64, "amount": polars.Decimal(38, 10), "at": polars.Datetime("us", "UTC")},
    )


def written(write: Callable[[io.BytesIO], None]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def of_javascript() -> bytes:
    numbers = [[str(id), None if amount is None else format(amount, "f")] for id, amount in NUMBERS]
    script = """
        const rows = JSON.parse(process.argv[1]).map(([id, amount]) =>
            ({id: BigInt(id), amount, at: new Date("2026-11-23T08:30:00Z")}));
        const text = (_, value) => typeof value === "bigint" ? value.toString() : value;
        process.stdout.write(JSON.stringify(rows, text));
    """
    return subprocess.run(["node", "-e", script, json.dumps(numbers)], check=True, capture_output=True).stdout


SENDERS = {
    "json.dumps(default=str)": (JSON, lambda: json.dumps(rows_of_python(), default=str).encode()),
    "polars write_ndjson": (NDJSON, lambda: written(lambda buffer: frame().write_ndjson(buffer))),
    "polars write_json": (JSON, lambda: written(lambda buffer: frame().write_json(buffer))),
    "pydantic model_dump_json": (
        NDJSON,
        lambda: "\n".join(Row(**row).model_dump_json() for row in rows_of_python()).encode(),
    ),
    "pydantic TypeAdapter": (
        JSON,
        lambda: pydantic.TypeAdapter(list[Row]).dump_json([Row(**row) for row in rows_of_python()]),
    ),
    "msgspec.json.encode": (JSON, lambda: msgspec.json.encode(rows_of_python())),
    "JavaScript": (JSON, of_javascript),
}


@pytest.fixture(scope="session")
def ledger(server):
    return server.declare("ledger_of_strings", LEDGER)


@pytest.mark.parametrize("sender", SENDERS)
def test_numbers_of_senders_are_stored_exactly(server, ledger, sender):
    media, send = SENDERS[sender]
    path = server.emptied(ledger)
    body = send()

    answer = server.client.post(path, content=body, headers={"Content-Type": media})

    assert answer.status_code == 201, (body, answer.text)
    got = exact(server.client.get(f"{path}?order=_id").content)
    assert [(row["id"], row["amount"]) for row in got] == NUMBERS
    assert {row["at"] for row in got} == {"2026-11-23T08:30:00Z"}


# ------------------------------------------------------------------------------------------------------
# Every way in


@pytest.fixture(scope="session")
def filled(server):
    return server.declare(
        "numbers_in_strings",
        """
fields:
  id: integer
  amount: {type: "decimal(6, 2)", nullable: true, minimum: -1.5, exclusive_maximum: 1000}
  sizes: {type: "decimal(3, 1)[]", nullable: true}
  counts: {type: "integer[]", nullable: true, maximum: 9}
  n: {type: number, nullable: true}
  kind: {type: integer, nullable: true, enum: [1, 20, 300]}
primary_key: [id]
on_invalid: on_request
access: {read: [public], change: [admin]}
""",
    )


def sent(server, path, rows, **more):
    headers = {"Content-Type": JSON, **more.pop("headers", {})}
    return server.client.request(
        more.pop("method", "POST"), path, content=json.dumps(rows), headers=headers, **more
    )


def stored(server, path) -> list[dict]:
    return exact(server.client.get(f"{path}?order=id").content)


TAKEN = [
    ("amount", "3.50", Decimal("3.5")),
    ("amount", "3.5000", Decimal("3.5")),
    ("amount", "-0.5", Decimal("-0.5")),
    ("amount", "+7", 7),
    ("amount", "007.1", Decimal("7.1")),
    ("amount", ".5", Decimal("0.5")),
    ("amount", "5.", 5),
    ("amount", "-0", 0),
    ("amount", "1E+2", 100),
    ("amount", "1.5e+02", 150),
    ("amount", "0E-8", 0),
    ("amount", "0e999999999999999999999", 0),
    ("amount", "5e-1", Decimal("0.5")),
    ("amount", "999.99", Decimal("999.99")),
    ("amount", "-1.5", Decimal("-1.5")),
    ("sizes", ["1.5", 2, "3"], [Decimal("1.5"), 2, 3]),
    ("counts", ["9", "-9007199254740993", 1], [9, -9007199254740993, 1]),
    ("kind", "20", 20),
    ("kind", "3e2", 300),
]
REFUSED = [
    ("amount", "1.234", "22003"),
    ("amount", "10000", "22003"),
    ("amount", "1e400", "22003"),
    ("amount", "1000", "23514"),
    ("amount", "-1.51", "23514"),
    ("amount", "", "22P02"),
    ("amount", " 1", "22P02"),
    ("amount", "1 ", "22P02"),
    ("amount", "1\n", "22P02"),
    ("amount", "1,5", "22P02"),
    ("amount", "1_000", "22P02"),
    ("amount", "0x10", "22P02"),
    ("amount", "NaN", "22P02"),
    ("amount", "Infinity", "22P02"),
    ("amount", "null", "22P02"),
    ("amount", "1e", "22P02"),
    ("amount", "--1", "22P02"),
    ("amount", "\u0661", "22P02"),
    ("amount", "1" * 401, "22P02"),
    ("kind", "1.5", "22P02"),
    ("kind", "2", "23514"),
    ("kind", "9223372036854775808", "22003"),
    ("n", "1.5", "22P02"),
]


@pytest.mark.parametrize(("field", "value", "right"), TAKEN)
def test_string_of_digits_is_stored_as_number(server, path, field, value, right):
    answer = sent(server, path, {"id": "1", field: value})

    assert answer.status_code == 201, answer.text
    assert {name: each for name, each in stored(server, path)[0].items() if each is not None} == {
        "id": 1,
        field: right,
    }


@pytest.mark.parametrize(("field", "value", "code"), REFUSED)
def test_string_is_refused_like_its_number(server, path, field, value, code):
    answer = sent(server, path, [{"id": "1", field: value}])

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == (field, code), error
    assert error["value"] == value or len(value) > 100
    assert "Internal" not in error["message"]
    assert ("leave the quotes out" in error["message"]) == (field == "n")
    assert stored(server, path) == []


def test_primary_key_in_quotes_is_the_same_key(server, path):
    assert sent(server, path, {"id": "9007199254740993", "amount": "1.10"}).status_code == 201

    again = sent(server, path, {"id": 9007199254740993, "amount": 2})

    assert (again.status_code, again.json()["code"]) == (409, "23505")
    merged = sent(
        server,
        path,
        {"id": "9007199254740993", "amount": "2.20"},
        headers={"Prefer": "resolution=merge-duplicates"},
    )
    assert merged.status_code in (200, 201), merged.text
    assert [(row["id"], row["amount"]) for row in stored(server, path)] == [
        (9007199254740993, Decimal("2.2"))
    ]


def test_patch_and_put_take_numbers_in_strings(server, path):
    assert sent(server, path, [{"id": "1", "amount": "1.10"}, {"id": "2"}]).status_code == 201

    changed = sent(server, f"{path}?id=eq.2", {"amount": "2.50", "counts": ["3"]}, method="PATCH")

    assert changed.status_code in (200, 204), changed.text
    assert [row["amount"] for row in stored(server, path)] == [Decimal("1.1"), Decimal("2.5")]
    refused = sent(server, f"{path}?id=eq.2", {"amount": "2.505"}, method="PATCH")
    assert (refused.status_code, refused.json()["code"]) == (422, "22003")
    replaced = sent(server, path, [{"id": "7", "amount": "7.00"}], method="PUT")
    assert replaced.status_code in (200, 201), replaced.text
    assert [(row["id"], row["amount"]) for row in stored(server, path)] == [(7, 7)]


def test_replay_takes_numbers_in_strings(server, name):
    declared = (
        'fields: {{id: integer, amount: "decimal({0}, 2)"}}\non_invalid: keep\naccess: {{read: [public]}}\n'
    )
    path = server.declare(name, declared.format(3))
    answer = sent(server, path, [{"id": "1", "amount": "1.10"}, {"id": "2", "amount": "10.10"}])
    assert (answer.status_code, answer.json()["rejected"]) == (207, 1)
    server.declare(name, declared.format(4))

    replayed = server.client.post(f"/-/connectors/{name}/rejected/replay")

    assert replayed.status_code == 201, replayed.text
    assert [(row["id"], row["amount"]) for row in stored(server, path)] == [
        (1, Decimal("1.1")),
        (2, Decimal("10.1")),
    ]


@pytest.mark.parametrize(
    "constraint",
    ["default: '1.50'", "backfill: '1.50'", "examples: ['1.50']", "enum: ['1.50']", "minimum: '1.50'"],
)
def test_connector_file_with_numbers_in_quotes_is_refused(constraint):
    text = f'fields: {{amount: {{type: "decimal(6, 2)", {constraint}}}}}'

    with pytest.raises(InvalidFileError):
        parse_connector(text.encode(), "c.yaml")


# ------------------------------------------------------------------------------------------------------
# The published schema


@st.composite
def bounded(draw):
    """A field with bounds or values, and strings that are numbers near them or nearly numbers."""
    precision = draw(st.integers(1, 38))
    scale = draw(st.integers(0, precision))
    is_integer = draw(st.booleans())
    scale, most = (0, 2**63 - 1) if is_integer else (scale, 10**precision - 1)
    declared = {"type": "integer" if is_integer else f"decimal({precision}, {scale})"}
    small = st.integers(-min(most, 999), min(most, 999))
    low, high = sorted(draw(st.tuples(st.integers(-most, most) | small, st.integers(-most, most) | small)))
    exactly = literals.numeral
    if draw(st.booleans()):
        declared["minimum"] = exactly(text_of(low, scale))
    if draw(st.booleans()):
        declared["maximum"] = exactly(text_of(high, scale))
    if draw(st.integers(0, 3)) == 0:
        declared["enum"] = [exactly(text_of(each, scale)) for each in (low, high, low // 2)]
    near = [each + more for each in (low, high, most, -most, 0) for more in (-1, 0, 1)]
    numbers = st.sampled_from(near) | small | st.integers(low, high)
    return declared, [spelled(draw, draw(numbers), scale) for _ in range(12)]


def text_of(steps: int, scale: int) -> str:
    return (
        f"{'-' if steps < 0 else ''}{abs(steps) // 10**scale}.{abs(steps) % 10**scale:0{scale}}"
        if scale
        else str(steps)
    )


def spelled(draw, steps: int, scale: int) -> str:
    text = text_of(steps, scale)
    match draw(st.integers(0, 8)):
        case 0:
            return draw(st.sampled_from(["+", "0", "-0", "+00", " ", "--", "e"])) + text
        case 1:
            return text + draw(
                st.sampled_from(["0", "00", ".0", ".", "5", "e0", "E+0", "e-1", "x", ".00001"])
            )
        case 2 | 3 | 4:
            digits = str(abs(steps))
            rest = digits[1:].rstrip("0") + draw(st.sampled_from(["", "0", "1"]))
            exponent = len(digits) - 1 - scale + draw(st.sampled_from([0, 0, 0, 1, -1]))
            mark = draw(st.sampled_from(["e", "E", "e+", "E0"])) if exponent >= 0 else "e"
            return f"{'-' if steps < 0 else ''}{digits[0]}{'.' if rest else ''}{rest}{mark}{exponent}"
        case 5:
            return text.replace("0.", ".", 1)
    return text


@examples(200)
@given(bounded())
@example(
    (
        {"type": "integer"},
        ["9223372036854775807", "9223372036854775808", "-9223372036854775808", "9.223372036854775807E18"],
    )
)
@example(({"type": "decimal(38, 10)"}, ["9999999999999999999999999999.9999999999", "1e28", "1E-10", "1E-11"]))
@example(({"type": "decimal(2, 2)", "maximum": 0}, ["0", "-0.00", "-.99", "0.01", "-1", "0e5"]))
def test_published_pattern_agrees_with_the_endpoint(drawn):
    declared, texts = drawn
    schema = published(declared)
    truth = taken(declared, texts)
    instances = [json.dumps(text) for text in texts]

    for name, validator in VALIDATORS.items():
        assert dict(zip(texts, validator(schema, instances), strict=True)) == dict(
            zip(texts, truth, strict=True)
        ), (
            name,
            schema,
        )


def taken(declared, texts: list[str]) -> list[bool]:
    """Tell of each text whether a row with it is taken, by the walk of every row."""
    connector, _ = parse_connector(strictjson.write({"fields": {"x": declared}}), "c.yaml")
    validator = Validator(connector)
    return [is_taken(validator, text) for text in texts]


def is_taken(validator: Validator, text: str) -> bool:
    rows = Rows()
    rows.add({"x": text}, 1, None, b"")
    try:
        return bool(validator.check([rows]).table)
    except GatewayError:
        return False


@examples(300)
@given(
    st.integers(-9999, 9999),
    st.integers(-9999, 9999),
    st.integers(0, 3),
    st.text("0123456789.eE+-", max_size=9),
)
def test_pattern_matches_numbers_between_two_bounds(one, other, scale, text):
    """It matches the texts that are read as such numbers, and no others."""
    low, high = sorted((one, other))
    try:
        steps = Decimal(literals.numeral(text)).scaleb(scale)
        is_within = low <= steps <= high and steps == steps.to_integral_value()
    except ValueError:
        is_within = False
    schema = json.dumps({"pattern": numerals.pattern([(low, high)], scale)})

    assert VALIDATORS["jsonschema-rs"](schema, [json.dumps(text)]) == [is_within]


WIDE = {"d12": "decimal(12, 2)", "d38": "decimal(38, 10)", "d38_38": "decimal(38, 38)"}


@pytest.fixture(scope="session")
def wide(server):
    fields = "".join(f"  {field}: {{type: '{type}', nullable: true}}\n" for field, type in WIDE.items())
    return server.declare("wide_numbers", f"fields:\n{fields}access: {{change: [admin]}}\n")


@pytest.mark.parametrize("field", WIDE)
@pytest.mark.parametrize(
    "text", ["3402823669209384634633746074317682114.55", "12345678901234567890123456789012345678", "-4"]
)
def test_digits_beyond_128_bits_do_not_overflow(server, wide, field, text):
    path = server.emptied(wide)

    answer = server.client.post(path, content=f'[{{"{field}":"{text}"}}]')

    stored = [row[field] for row in server.client.get(path).json()]
    assert (answer.status_code, stored) in ((422, []), (201, [-4]))
