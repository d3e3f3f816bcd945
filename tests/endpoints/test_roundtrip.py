"""For random connectors and rows: the endpoint takes exactly what the reference takes, and gives it back equal."""

import contextlib
import itertools
import json
import re
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import strictjson
from gateway.connectors.fieldtypes.type_names import parse_type
from gateway.connectors.schema import compile_schema
from tests.support.reference_validator import exact, reference
from tests.support.server import put
from tests.support.sizes import examples

_numbers = itertools.count()

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
OFFSETS = st.sampled_from(
    ["Z", "z", "+00:00", "-00:00", "-11:45", "+23:59", "-23:59", "+01", "-0930", " 01:00", " +0100"]
) | st.builds(lambda sign, offset: f"{sign}{offset:%H:%M}", st.sampled_from("+-"), st.times())
FRACTIONS = st.sampled_from(
    ["", ".5", ".25", ".123456", ".000001", ".999999", ".1230000", "."]
) | st.from_regex(r"\.(?:[0-9]{7,9}|[0-9]{6}5|9{6}[0-9]{1,12}|[0-9]{1,6}0{1,9})", fullmatch=True).filter(
    str.isascii
)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def iso(moment, fraction: str) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "") + fraction


DATES = st.dates(date(1, 1, 1), date(9999, 12, 31)) | st.sampled_from([date.min, date.max])
TIMES = st.times().map(lambda each: each.replace(microsecond=0)) | st.just(time(23, 59, 59))
CLOCKS = st.builds(iso, TIMES, FRACTIONS) | TIMES.map(lambda each: f"{each:%H:%M}")
BETWEEN = st.sampled_from(["T", "T", "t", " "])
#: Strings that spell numbers, or nearly do.
NUMERALS = (
    st.decimals(-(10**7), 10**7, places=3).map(str)
    | st.integers(-(2**65), 2**65).map(str)
    | st.from_regex(r"[+-]?[0-9]{0,3}\.?[0-9]{0,4}(?:[eE][+-]?[0-9]{1,2})?", fullmatch=True)
)
#: Values of each type, or near it, spelled in JSON as they are served.
PLAIN = {
    "string": TEXT,
    "integer": st.integers(-(2**65), 2**65)
    | st.integers(-5, 5)
    | st.sampled_from([Decimal("2.0"), Decimal("1E+3")]),
    "number": st.floats(allow_nan=False, allow_infinity=False).map(lambda each: Decimal(repr(each)))
    | st.integers(-(2**53), 2**53)
    | st.sampled_from([Decimal("1E+400"), Decimal("-1E-400"), Decimal("1.7976931348623157E+308")]),
    "decimal(9, 3)": st.decimals(-(10**7), 10**7, places=3)
    | st.decimals(-5, 5, places=4)
    | st.integers(-(10**7), 10**7),
    "decimal(38, 38)": st.decimals(-1, 1, places=38) | st.sampled_from([0, 1]),
    "boolean": st.booleans(),
    "date": DATES.map(date.isoformat)
    | st.sampled_from(["2023-02-29", "2024-02-29", "0000-01-01", "2024-1-1", "1900-02-29"]),
    "time": CLOCKS | st.sampled_from(["24:00:00", "23:59:60", "08:30:00Z"]),
    "datetime": st.builds(lambda d, b, c: f"{d}{b}{c}", DATES, BETWEEN, CLOCKS) | DATES.map(date.isoformat),
    "timestamp": st.builds(lambda d, b, c, o: f"{d}{b}{c}{o}", DATES, BETWEEN, CLOCKS, OFFSETS),
    "uuid": st.uuids().map(str)
    | st.uuids().map(lambda each: str(each).upper())
    | st.uuids().map(lambda each: each.hex),
    "json": JSON_VALUES,
}
VALUES = PLAIN | {kind: PLAIN[kind] | NUMERALS for kind in ("integer", "decimal(9, 3)")}
CONSTRAINTS = {
    "string": st.fixed_dictionaries(
        {},
        optional={
            "min_length": st.integers(0, 3),
            "max_length": st.integers(3, 8),
            "pattern": st.sampled_from(["^[a-c]", "[0-9]$", "^.{2,}$", "x|y", r"^\w+$"]),
            "enum": st.just(["a", "b", "é"]),
        },
    ),
    "integer": st.fixed_dictionaries(
        {}, optional={"minimum": st.integers(-3, 0), "exclusive_maximum": st.integers(1, 5)}
    ),
    "number": st.fixed_dictionaries(
        {}, optional={"exclusive_minimum": st.integers(-3, 0), "maximum": st.just(Decimal("1.5"))}
    ),
    "decimal(9, 3)": st.fixed_dictionaries(
        {}, optional={"minimum": st.just(Decimal("-0.005")), "enum": st.just([1, Decimal("0.5")])}
    ),
}


@st.composite
def fields(draw):
    """Some fields: name -> (type, nullable, constraints)."""
    chosen = draw(
        st.lists(
            st.sampled_from([*VALUES, *(f"{each}[]" for each in VALUES if each != "json")]),
            min_size=1,
            max_size=5,
        )
    )
    names = draw(
        st.lists(
            st.sampled_from(["a", "Order ID", 'q"', "é", "b_c", "select", "{}", "it's"]),
            min_size=len(chosen),
            max_size=len(chosen),
            unique=True,
        )
    )
    return {
        name: (kind, draw(st.booleans()), draw(CONSTRAINTS.get(kind.removesuffix("[]"), st.just({}))))
        for name, kind in zip(names, chosen, strict=True)
    }


def value_of(kind: str):
    return st.lists(value_of(kind[:-2]), max_size=3) if kind.endswith("[]") else VALUES[kind]


@st.composite
def rows_of(draw, declared):
    """Rows that are near the schema: most values of their type, some missing, null, foreign or of another type."""
    row = st.fixed_dictionaries(
        {},
        optional={
            name: st.one_of(value_of(kind), value_of(kind), value_of(kind), st.none(), JSON_VALUES)
            for name, (kind, _, _) in declared.items()
        },
    )
    complete = st.fixed_dictionaries({name: value_of(kind) for name, (kind, _, _) in declared.items()})
    foreign = st.builds(lambda each: {**each, "other": 1}, complete)
    return draw(st.lists(st.one_of(complete, complete, complete, row, foreign), min_size=1, max_size=15))


def yaml_of(declared) -> str:
    return strictjson.write(
        {
            "fields": {
                name: {"type": kind, "nullable": nullable, **constraints}
                for name, (kind, nullable, constraints) in declared.items()
            },
            "access": {"read": ["public"]},
        }
    ).decode()


def same(kind: str, posted, got) -> bool:
    """Equality as the type has it."""
    if posted is None or got is None:
        return posted is got
    if kind.endswith("[]"):
        return len(posted) == len(got) and all(
            same(kind[:-2], *pair) for pair in zip(posted, got, strict=True)
        )
    if isinstance(posted, str) and kind.startswith(("integer", "decimal")):
        posted = Decimal(posted)
    if kind == "number":
        return float(posted) == float(got)
    if kind == "uuid":
        return uuid.UUID(posted) == uuid.UUID(got)
    if kind == "timestamp":
        return instant(posted) == instant(got)
    if kind == "datetime":
        return microseconds(posted) == microseconds(got)
    if kind == "time":
        return microseconds(f"2000-01-01T{posted}") == microseconds(f"2000-01-01T{got}")
    return posted == got and isinstance(posted, bool) == isinstance(got, bool)


def instant(text: str) -> int:
    """The instant in microseconds, for years that datetime itself would overflow in."""
    local, sign, hours, minutes = re.fullmatch(
        r"(.{16}[0-9:.]*)(?:[Zz]| ?([ +-])([0-9]{2}):?([0-9]{2})?)", text
    ).groups()
    offset = 60 * int(hours or 0) + int(minutes or 0)
    return microseconds(local) - (-offset if sign == "-" else offset) * 60_000_000


def microseconds(text: str) -> int:
    """A time without a zone in microseconds since the year 1, rounded as PostgreSQL rounds."""
    whole, _, fraction = text.partition(".")
    passed = datetime.fromisoformat(whole.upper().replace(" ", "T")) - datetime(1, 1, 1)
    return passed // timedelta(microseconds=1) + round(float(f"0.{fraction or 0}") * 1_000_000)


@examples(30)
@given(data=st.data())
def test_endpoint_agrees_with_reference_and_roundtrips(server, data):
    """Check that the endpoint takes the rows that the reference takes, and gives them back equal."""
    declared = data.draw(fields())
    name, *copies = (f"r{next(_numbers)}" for _ in range(3))
    for each in copies:
        put(server.connectors / f"{each}.yaml", yaml_of(declared))
    path = server.declare(name, yaml_of(declared))  # And with it the copies.
    check = reference(server.client.get(f"/-/connectors/{name}/schema").content)
    taken = []
    for row in data.draw(rows_of(declared)):
        text = strictjson.write(row)
        answer = server.client.post(path, content=text, headers={"Content-Type": "application/json"})
        valid = check.is_valid(exact(text))
        assert answer.status_code == (201 if valid else 422), (text, answer.text)
        if valid:
            taken.append(exact(text))

    got = exact(server.client.get(path).content)

    assert len(got) == len(taken)
    for posted, back in zip(taken, got, strict=True):
        for field, (kind, _, _) in declared.items():
            assert same(kind, posted.get(field), back[field]), (kind, posted.get(field), back[field])
    for copy, accept in zip(copies, ("application/x-ndjson", "text/csv"), strict=True):
        text = server.client.get(path, headers={"Accept": accept}).content
        again = server.client.post(f"/{copy}", content=text, headers={"Content-Type": accept})
        assert (again.status_code, again.json().get("stored")) == (201, len(taken)), (text, again.text)
        assert server.client.get(f"/{copy}").content == server.client.get(path).content


@pytest.mark.parametrize("kind", sorted(VALUES))
@examples(100)
@given(data=st.data())
def test_literal_of_valid_value_equals_it(kind, data):
    field_type = parse_type(kind)
    value = data.draw(VALUES[kind].filter(compile_schema(dict(field_type.schema)).is_valid))
    text = value if isinstance(value, str) and kind != "json" else strictjson.write(value).decode()

    assert same(kind, value, field_type.text.parse(text))


@examples(300)
@given(st.text(max_size=40))
def test_literal_fails_only_with_expected_errors(text):
    """Check that a literal of any text fails only with a ValueError or an OverflowError."""
    for kind in (*VALUES, *(f"{each}[]" for each in VALUES if each != "json")):
        field_type = parse_type(kind)
        with contextlib.suppress(ValueError, OverflowError):
            field_type.sql.parameter(
                field_type.text.parse(text)
            ) if not field_type.item and kind != "json" else field_type.text.parse(text)


def test_timestamps_of_all_zones_are_one_instant(server, name):
    path = server.declare(name, "fields: {t: timestamp}\naccess: {read: [public]}\n")
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    forms = [
        moment.astimezone(timezone(timedelta(minutes=offset))).isoformat()
        for offset in (-700, -60, 0, 345, 840)
    ]

    server.client.post(path, json=[{"t": each} for each in forms])

    assert {row["t"] for row in json.loads(server.client.get(path).content)} == {"2026-03-29T01:30:00Z"}
