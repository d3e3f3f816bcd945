"""What is said of a bad value: the value, what is wrong with it, and a fix that works."""

import json
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.connectors.connector import Field
from gateway.connectors.fieldtypes.type_names import TYPE_NAMES, parse_type
from gateway.connectors.lexical_forms import FORMATS as PATTERNS
from gateway.ingest.field_check import FORMATS, FieldCheck

AN_INSTANT = "is not an instant as RFC 3339 with an offset, such as 2026-11-23T08:30:00Z"
TYPES = [name for name in TYPE_NAMES if name != "decimal(p, s)"] + ["decimal(5, 2)"]
TYPES += [f"{name}[]" for name in TYPES if name != "json" and not name.endswith("[]")]
# The fixes say the type in words that a test can try; see `test_fix_in_a_message_works`.
MESSAGES = [
    ("string", 5, "22P02", "5 is not a string: put it in quotes, or declare the field as integer"),
    ("string", True, "22P02", "true is not a string: put it in quotes, or declare the field as boolean"),
    ("string", Decimal("1.5"), "22P02", "1.5 is not a string: put it in quotes, or declare the field as number"),
    ("string", 2**70, "22P02", "1180591620717411303424 is not a string: put it in quotes"),
    ("string", [1], "22P02", "[1] is not a string: declare the field as a list, such as string[], or as json"),
    ("string", {"a": 1}, "22P02", '{"a":1} is not a string: send it as text in quotes, or declare the field as json'),
    ("string", "a\0b", "22P02", "'a\\u0000b' has the character U+0000, which no string can hold: leave it out"),
    ("integer", "x", "22P02", "'x' is not an integer of 64 bits"),
    ("integer", "", "22P02", "'' is not an integer of 64 bits: send a value, or declare the field nullable"),
    ("integer?", "", "22P02", "'' is not an integer of 64 bits: send null, or leave it out"),
    ("number?", "NaN", "22P02", "'NaN' is not a number that a double can hold: send null, or leave it out"),
    ("integer", Decimal("1.5"), "22P02", "1.5 is not an integer of 64 bits: round it, or declare the field as number or decimal(p, s)"),
    ("integer", True, "22P02", "true is not an integer of 64 bits: send 1 or 0, or declare the field as boolean"),
    ("integer", 2**63, "22003", "9223372036854775808 is not an integer of 64 bits: declare the field as decimal(38, 0), or as string for more digits"),
    ("integer", [1], "22P02", "[1] is not an integer of 64 bits: declare the field as json, or as integer[] to take lists of such values"),
    ("integer", {}, "22P02", "{} is not an integer of 64 bits: declare the field as json to take objects"),
    ("decimal(5, 2)", Decimal("1.234"), "22003", "1.234 is not a number with at most 3 digits before the point and 2 after it"),
    ("decimal(5, 2)", "1,50", "22P02", "'1,50' is not a number with at most 3 digits before the point and 2 after it: write digits and a point alone, as in 1.50"),
    ("decimal(5, 2)", "€ 12,5", "22P02", "'€ 12,5' is not a number with at most 3 digits before the point and 2 after it: write digits and a point alone, as in 12.5"),
    ("decimal(5, 2)", "$5.00", "22P02", "'$5.00' is not a number with at most 3 digits before the point and 2 after it: write digits and a point alone, as in 5.00"),
    ("decimal(5, 2)", "-5 EUR", "22P02", "'-5 EUR' is not a number with at most 3 digits before the point and 2 after it: write digits alone, as in -5"),
    ("decimal(5, 2)", "1,234", "22P02", "'1,234' is not a number with at most 3 digits before the point and 2 after it: write it without a comma, and with a point before decimals"),
    ("decimal(5, 2)", "1.2.3", "22P02", "'1.2.3' is not a number with at most 3 digits before the point and 2 after it"),
    ("number", "1.234,56", "22P02", "'1.234,56' is not a number that a double can hold: write digits and a point alone, as in 1234.56"),
    ("number", "1,234.56", "22P02", "'1,234.56' is not a number that a double can hold: write digits and a point alone, as in 1234.56"),
    ("integer", "12 345", "22P02", "'12 345' is not an integer of 64 bits: write digits alone, as in 12345"),
    ("integer", "5 apples", "22P02", "'5 apples' is not an integer of 64 bits"),
    ("boolean", 1, "22P02", "1 is not true or false: send true or false, or declare the field as integer"),
    ("boolean", "yes", "22P02", "'yes' is not true or false: send true, without quotes"),
    ("boolean", "true", "22P02", "'true' is not true or false: it is a string, so leave the quotes out"),
    ("date", "2026-11-23T08:30:00Z", "22P02", "'2026-11-23T08:30:00Z' has a time of day: send the date alone, or declare the field as timestamp"),
    ("date", "2026-11-23T08:30:00", "22P02", "'2026-11-23T08:30:00' has a time of day: send the date alone, or declare the field as datetime"),
    ("date", "23.11.2026", "22P02", "'23.11.2026' is not a date as YYYY-MM-DD"),
    ("date", 1700000000000, "22P02", '1700000000000 is not a date as YYYY-MM-DD: if it counts milliseconds since 1970, send "2023-11-14"; pandas writes that with to_json(date_format="iso")'),
    ("date", "1700000000000", "22P02", "'1700000000000' is not a date as YYYY-MM-DD: if it counts milliseconds since 1970, send \"2023-11-14\""),
    ("timestamp", "1700000000", "22P02", f"'1700000000' {AN_INSTANT}: if it counts seconds since 1970, send \"2023-11-14T22:13:20Z\""),
    ("timestamp", Decimal("1700000000.25"), "22P02", f'1700000000.25 {AN_INSTANT}: if it counts seconds since 1970, send "2023-11-14T22:13:20.250000Z"'),
    ("timestamp", "1700000000123456789", "22P02", f"'1700000000123456789' {AN_INSTANT}: if it counts nanoseconds since 1970, send \"2023-11-14T22:13:20.123456Z\""),
    ("datetime", "1700000000123456", "22P02", "'1700000000123456' is not a date and time without a zone as YYYY-MM-DDTHH:MM:SS: if it counts microseconds since 1970, send \"2023-11-14T22:13:20.123456\""),
    ("timestamp", "2026-11-23T08:30:00+00:00:20", "22P02", "'2026-11-23T08:30:00+00:00:20' has 20 seconds in its offset, which has hours and minutes only: send the moment in UTC, with Z"),
    ("timestamp", "2026-11-23 08:30:00.5-053015", "22P02", "'2026-11-23 08:30:00.5-053015' has 15 seconds in its offset, which has hours and minutes only: send the moment in UTC, with Z"),
    ("datetime", "2026-11-23T08:30:00+00:00:20", "22P02", "'2026-11-23T08:30:00+00:00:20' has 20 seconds in its offset, which has hours and minutes only: send it without"),
    ("timestamp", "2026-11-23T08:30:00 CET", "22P02", "'2026-11-23T08:30:00 CET' names the time zone 'CET': write its offset, such as +01:00, or Z for UTC"),
    ("timestamp", "2026-11-23T08:30:00+01:00[Europe/Berlin]", "22P02", "'2026-11-23T08:30:00+01:00[Europe/Berlin]' names the time zone 'Europe/Berlin': write its offset, such as +01:00, or Z for UTC"),
    ("date", "2026-11-23\u200b", "22P02", "'2026-11-23\\u200b' is not a date as YYYY-MM-DD"),
    ("string[]", "{a,}", "22P02", "'{a,}' is not a list, each item a string without U+0000: an item is missing beside a comma; written as JSON a list is [\"Ada\"]"),
    ("string[]", "[a", "22P02", "'[a' is not a list, each item a string without U+0000: ] is missing at its end; written as JSON a list is [\"Ada\"]"),
    ("integer[]", "{{1}}", "22P02", "'{{1}}' is not a list, each item an integer of 64 bits: a list holds no lists; written as JSON a list is [42]"),
    ("integer[]", "1,2", "22P02", "'1,2' is not a list, each item an integer of 64 bits: put it in brackets, as in [1,2]"),
    ("date", 20261123, "22P02", '20261123 is not a date as YYYY-MM-DD: send text in quotes, such as "2026-11-23"'),
    ("time", "08:30:00+01:00", "22P02", "'08:30:00+01:00' has an offset, which a time of day does not have: send it without"),
    ("time", "2026-11-23T08:30:00", "22P02", "'2026-11-23T08:30:00' has a date: send the time alone, or declare the field as datetime"),
    ("timestamp", "2026-11-23T08:30:00", "22P02", "'2026-11-23T08:30:00' has no offset: append Z if it is UTC, or declare the field as datetime"),
    ("timestamp", "2026-11-23 08:30:00.25", "22P02", "'2026-11-23 08:30:00.25' has no offset: append Z if it is UTC, or declare the field as datetime"),
    ("timestamp", "2026-11-23", "22P02", "'2026-11-23' has no time of day: append T00:00:00Z, or declare the field as date"),
    ("timestamp", "08:30:00", "22P02", "'08:30:00' has no date: send the date as well, or declare the field as time"),
    ("datetime", "2026-11-23T08:30:00Z", "22P02", "'2026-11-23T08:30:00Z' has an offset: declare the field as timestamp, or send it without"),
    ("datetime", "2026-11-23T08:30:00+02:00", "22P02", "'2026-11-23T08:30:00+02:00' has an offset: declare the field as timestamp, or send it without"),
    ("string[]", "x", "22P02", "'x' is not a list, each item a string without U+0000: put it in brackets, as in [\"x\"]"),
    ("integer[]", 5, "22P02", "5 is not a list, each item an integer of 64 bits: put it in brackets, as in [5]"),
    ("integer[]", "[1, 2]", "22P02", "'[1, 2]' is not a list, each item an integer of 64 bits: send the list itself, without quotes around it"),
    ("json", None, "23502", "null is not allowed; the field is not nullable"),
]  # fmt: skip
ITEMS = [
    ("integer[]", [*range(60), "x", 1], 61, "22P02", "'x' is not an integer of 64 bits"),
    ("integer[]", [2**63], 1, "22003", "9223372036854775808 is not an integer of 64 bits: declare the field as decimal(38, 0)[], or as string[] for more digits"),
    ("string[]", ["a", None], 2, "22P02", "null is not allowed in a list"),
    ("string[]", ["a", 5, None], 2, "22P02", "5 is not a string: put it in quotes, or declare the field as integer[]"),
    ("integer[]?", [1, ""], 2, "22P02", "'' is not an integer of 64 bits: leave the item out of the list"),
    ("integer[]", [1, [2]], 2, "22P02", "[2] is not an integer of 64 bits: declare the field as json to take lists of lists"),
    ("timestamp[]", ["2026-11-23T08:30:00"], 1, "22P02", "'2026-11-23T08:30:00' has no offset: append Z if it is UTC, or declare the field as datetime[]"),
]  # fmt: skip
CONSTRAINTS = [
    ("string", {"max_length": 3}, "abcd", "'abcd' has 4 characters; at most 3 are allowed"),
    ("string", {"min_length": 2}, "a", "'a' has 1 character; at least 2 are needed"),
    ("string", {"pattern": "^[A-Z]{3}$"}, "abc", "'abc' does not match the pattern '^[A-Z]{3}$'"),
    ("string", {"format": "email"}, "x", "'x' is not an email address (format: email)"),
    ("string", {"format": "uuid", "pattern": "^0"}, "x", "'x' is not a UUID (format: uuid)"),
    ("string", {"enum": ["open", "closed"]}, "opn", "'opn' is not one of 'open', 'closed'"),
    (
        "string",
        {"enum": ["open", "closed"]},
        " Open",
        "' Open' is not one of 'open', 'closed'; did you mean 'open'?",
    ),
    ("integer", {"enum": [1, 2]}, 3, "3 is not one of 1, 2"),
    ("integer", {"minimum": 1}, 0, "0 is less than the minimum of 1"),
    ("number", {"maximum": 1}, Decimal("1.5"), "1.5 is greater than the maximum of 1"),
    ("integer", {"exclusive_minimum": 1}, 1, "1 is not greater than the exclusive_minimum of 1"),
    ("integer", {"exclusive_maximum": 1}, 1, "1 is not less than the exclusive_maximum of 1"),
    ("decimal(5, 2)", {"minimum": 0, "maximum": 9}, -1, "-1 is less than the minimum of 0"),
]


def check_of(kind: str, constraints: dict | None = None) -> FieldCheck:
    return FieldCheck(
        Field("f", parse_type(kind.removesuffix("?")), kind.endswith("?"), constraints=constraints or {})
    )


@pytest.mark.parametrize(("kind", "value", "code", "message"), MESSAGES)
def test_value_of_another_type_gets_a_fix(kind, value, code, message):
    found = check_of(kind).problem(value)

    assert (found.code.code, found.message, found.value, found.item) == (code, message, value, None)


@pytest.mark.parametrize(("kind", "value", "item", "code", "message"), ITEMS)
def test_first_bad_item_of_list_is_named(kind, value, item, code, message):
    found = check_of(kind).problem(value)

    assert (found.item, found.code.code, found.message, found.value) == (item, code, message, value[item - 1])
    assert check_of(kind).code_of(value).code == code


@pytest.mark.parametrize(("kind", "constraints", "value", "message"), CONSTRAINTS)
def test_broken_constraint_is_named(kind, constraints, value, message):
    found = check_of(kind, constraints).problem(value)
    in_a_list = check_of(f"{kind}[]", constraints).problem([value])

    assert (found.code.code, found.message) == ("23514", message)
    assert (in_a_list.code.code, in_a_list.message, in_a_list.item) == ("23514", message, 1)


def test_every_format_has_a_message():
    assert set(FORMATS) == set(PATTERNS)


def test_first_of_many_allowed_values_are_shown():
    message = (
        check_of("string", {"enum": [f"value {number}" for number in range(10_000)]}).problem("x").message
    )

    assert message.startswith("'x' is not one of 'value 0', 'value 1', ")
    assert re.search(r" and 9,9\d\d more$", message)
    assert len(message) < 300


def test_answer_names_the_item_of_a_list(server, name):
    path = server.declare(name, "fields: {li: 'integer[]'}\naccess: {change: [admin]}\n")

    posted = server.client.post(path, json={"li": [1, 2, "x"]}).json()
    changed = server.client.patch(f"{path}?_id=eq.1", json={"li": [None]}).json()
    cell = server.client.post(path, content='li\n"[1, 1.5]"\n', headers={"Content-Type": "text/csv"}).json()

    assert posted["message"] == "row 1, field 'li', item 3: 'x' is not an integer of 64 bits"
    assert posted["errors"][0]["message"] == "item 3: 'x' is not an integer of 64 bits"
    assert posted["errors"][0]["value"] == "x"
    assert changed["message"] == "field 'li', item 1: null is not allowed in a list"
    assert cell["message"].startswith("row 1, line 2, field 'li', item 2: 1.5 is not an integer")


# -- every type, every kind of value

SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(10**9, 2 * 10**9),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9),
    st.sampled_from(["", "NaN", "null", "5", "1.5", "1e3", "true", "yes", "[1]", '["a"]', "{a}", "a\0b"]),
    st.datetimes().map(lambda each: each.isoformat()),
    st.datetimes().map(lambda each: f"{each.isoformat()}Z"),
    st.dates().map(str),
    st.times().map(str),
    st.uuids().map(str),
    st.text(max_size=5),
)
VALUES = st.recursive(
    SCALARS | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def fixes_of(kind: str, message: str, value: object) -> list[tuple[str, object]]:
    """Do what a message says: return the types and values that are then good."""
    fixed = [
        (each, value)
        for each in re.findall(r"declare the field as ((?:decimal\(38, 0\)|[a-z]+)(?:\[\])?)(?!\w)", message)
        if each not in ("a", "decimal", "nullable") and "round it" not in message
    ]
    if "put it in quotes" in message:
        fixed.append((kind, json.dumps(value, default=str)))
    if found := re.search(r"append (\S+?)(?: if|,)", message):
        fixed.append((kind, f"{value}{found[1]}"))
    if found := re.search(r'since 1970, send "([^"]+)"', message):
        fixed.append((kind, found[1]))
    if found := re.search(r"brackets, as in (\[.*\])", message):
        fixed.append((kind, [value]))
    if found := re.search(r"send (\S+), without quotes", message):
        fixed.append((kind, json.loads(found[1], parse_float=Decimal)))
    return fixed


@pytest.mark.parametrize("kind", TYPES)
@given(value=VALUES)
def test_fix_in_a_message_works(kind, value):
    check = check_of(kind)
    if check.is_valid(value):
        return

    found = check.problem(value)

    assert found.code is check.code_of(value)
    assert not re.search(r"Internal|Traceback|\{(list|name|example)\}", found.message)
    item = kind.removesuffix("[]") if found.item else kind
    for fixed_kind, fixed in fixes_of(item, found.message, found.value):
        fixed_check = check_of(fixed_kind)
        is_whole_list = found.item is not None and fixed_kind.endswith("[]")
        assert fixed_check.is_valid([fixed] if is_whole_list else fixed) or is_beyond_int(
            fixed, fixed_check
        ), found.message


def is_beyond_int(value: object, check: FieldCheck) -> bool:
    """Tell of a fix that needs a second one, which is then named."""
    return check.problem(value).code.code == "22003"
