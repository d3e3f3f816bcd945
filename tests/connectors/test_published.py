"""The published JSON Schema takes the numbers that the endpoint takes, in validators that read them as doubles as well."""

import json
import math
import random
from decimal import Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import strictjson
from gateway.connectors import schema
from gateway.connectors.connector_file import parse_connector
from gateway.connectors.number_schema import DIVISORS
from tests.support.sizes import examples, is_full_size, scaled
from tests.support.validators import VALIDATORS

EXACT = Context(prec=400)
#: Numbers of so many digits are told apart by validators that read doubles.
DIGITS = 14


def field_of(declared):
    text = strictjson.write({"fields": {"x": declared}})
    connector, findings = parse_connector(text, "c.yaml")
    assert connector is not None, findings
    return connector.find_field("x")


def published(declared) -> str:
    return strictjson.write(schema.publish_field(field_of(declared))).decode()


def taken(declared, instances) -> list[bool]:
    """Whether the endpoint takes values."""
    is_valid = schema.compile_schema(schema.build_field(field_of(declared))).is_valid
    return [is_valid(strictjson.read(each.encode())) for each in instances]


def number(steps: int, scale: int) -> str:
    return format(Decimal(steps).scaleb(-scale, EXACT), "f")


def digits(text: str) -> int:
    """How many digits of a number are told from its neighbours."""
    return len(Decimal(text).normalize(EXACT).as_tuple().digits)


@pytest.mark.scaled
@pytest.mark.parametrize("validator", VALIDATORS)
def test_schema_accepts_every_cent_and_no_tenth(validator):
    text = published("decimal(12, 2)")
    cents = [number(steps, 2) for steps in range(scaled(100_000))]
    tenths = [number(steps, 3) for steps in range(1, scaled(10_000)) if steps % 10]

    assert VALIDATORS[validator](f'{{"items": {text}}}', [f"[{', '.join(cents)}]"]) == [True]
    assert not any(VALIDATORS[validator](text, tenths))


@pytest.mark.scaled
@pytest.mark.parametrize("validator", VALIDATORS)
@pytest.mark.parametrize("scale", range(1, 39))
def test_schema_accepts_exactly_the_steps_of_a_decimal(validator, scale):
    """Check for every scale that all steps of any size are valid, and numbers between two steps are not."""
    chance = random.Random(scale)
    precisions = sorted(
        {scale, 20, 21, 22, 38, *(chance.randint(scale, 38) for _ in range(2))} - set(range(scale))
    )
    if not is_full_size():
        precisions = chance.sample(precisions, min(2, len(precisions)))
    for precision in precisions:
        text = published(f"decimal({precision}, {scale})")
        most = 10**precision - 1
        powers = [2**power + more for power in range(54) for more in (-1, 0, 1)]
        steps = [int(10 ** chance.uniform(0, precision)) for _ in range(scaled(400))] + [
            most,
            most - 1,
            *powers,
        ]
        steps = [chance.choice((1, -1)) * each for each in steps if each <= most]
        between = [
            (int(10 ** chance.uniform(0, min(precision, DIGITS))), chance.randint(1, 4))
            for _ in range(scaled(100))
        ]
        odd = [number(each, scale + more) for each, more in between if each % 10]

        told_apart = [number(each, scale) for each in steps if not is_rounded_to_one(number(each, scale))]
        assert all(VALIDATORS[validator](text, told_apart)), text
        assert not any(VALIDATORS[validator](text, odd)), text


def mantissa(value: float) -> float:
    return math.frexp(value)[0] * 2


def error_of_divided(scale: int, by: int) -> float:
    """By how much the divided step is off as a double, in units of 2 ** -53."""
    exact = Fraction(1, 10**scale * by)
    return float((Fraction(float(exact)) / exact - 1) * 2**53)


@pytest.mark.parametrize("scale", range(1, 39))
def test_divisors_of_a_scale_fit_every_number(scale):
    """Check them for every mantissa of the count of steps, however far the number is off as a double; all in units of 2 ** -53."""
    step = float(Fraction(2**200, 10**scale))
    for place in range(1000, 2000):
        steps = place / 1000
        number_off = 1 / mantissa(steps * step)
        windows = []
        for by in (1, *DIVISORS[scale]):
            quotient_off = 1 / mantissa(steps * by)
            off = error_of_divided(scale, by)
            windows.append((off - quotient_off + 0.002, off + quotient_off - 0.002))
            # The nearest number of 14 digits that is no multiple of the step is not within.
            nearest = 2**53 / 10**DIGITS / by
            assert nearest > quotient_off + abs(off) + number_off
        reach = -number_off
        for low, high in sorted(windows):
            reach = max(reach, high) if low <= reach else reach
        assert reach >= number_off


@st.composite
def bounded(draw):
    """A field of numbers with bounds, and numbers around them."""
    precision = draw(st.integers(1, 38))
    scale = draw(st.integers(0, precision))
    is_integer = draw(st.booleans())
    most = 2**63 - 1 if is_integer else 10**precision - 1
    scale = 0 if is_integer else scale
    declared = {
        "type": "integer" if is_integer else f"decimal({precision}, {scale})",
        "nullable": draw(st.booleans()),
    }
    bounds = draw(st.lists(st.integers(-most, most) | st.integers(-9, 9), min_size=2, max_size=2).map(sorted))
    finer = draw(st.sampled_from((0, 0, 1, 30)))
    for keyword, bound in zip(
        (
            draw(st.sampled_from(("minimum", "exclusive_minimum"))),
            draw(st.sampled_from(("maximum", "exclusive_maximum"))),
        ),
        bounds,
        strict=True,
    ):
        if draw(st.booleans()):
            declared[keyword] = Decimal(number(bound * 10**finer + draw(st.integers(-1, 1)), scale + finer))
    if declared.get("minimum", -math.inf) > declared.get("maximum", math.inf):
        del declared["minimum"]
    if draw(st.integers(0, 3)) == 0:
        values = [most // 2, -1, 0, *bounds]
        declared["enum"] = [Decimal(number(each, scale)) for each in values]
    near = [each + more for each in (*bounds, most, -most, most // 2, 0) for more in range(-3, 4)]
    instances = [number(each, scale) for each in near] + [number(each * 10 + 5, scale + 1) for each in near]
    instances += [f"{each}.0" for each in near if not scale and abs(each) < 2**53] + [
        "null",
        '"x"',
        "true",
        "[]",
        "1e300",
        "-1e300",
    ]
    return declared, instances


@examples(150)
@given(bounded())
@example(({"type": "decimal(25, 2)"}, ["99999999999999999999999", "-99999999999999999999999", "1e23"]))
@example(
    ({"type": "decimal(38, 10)"}, ["9999999999999999999999999999.9999999999", "9999999999999999999999999999"])
)
@example(({"type": "decimal(21, 0)"}, ["999999999999999999999", "1e21", "1e20"]))
@example(({"type": "decimal(21, 2)"}, ["9999999999999999999.99", "10000000000000000000.01"]))
@example(({"type": "decimal(20, 1)", "maximum": Decimal("1152921504606847105.0")}, ["1152921504606847104.9"]))
def test_schema_bounds_equal_those_of_the_endpoint(drawn):
    """Check for random fields with bounds and enums that validators of the published schema accept the numbers that the endpoint accepts."""
    declared, instances = drawn
    text = published(declared)
    truth = taken(declared, instances)

    for name, validator in VALIDATORS.items():
        for instance, is_taken, says in zip(instances, truth, validator(text, instances), strict=True):
            assert says or not is_taken or is_rounded_to_one(instance), (name, instance, text)
            assert says == is_taken or name != "exact", (instance, text)
            assert is_taken or not says or is_long(instance, declared), (name, instance, text)


def is_rounded_to_one(instance: str) -> bool:
    """Whether a number is taken for 1 by those that read doubles, and is not 1."""
    return instance[-1].isdigit() and abs(float(instance)) == 1 and digits(instance) > DIGITS


def is_long(instance: str, declared) -> bool:
    """Whether a number, or a bound or value that it is compared with, has too many digits for a double."""
    if instance in ("null", '"x"', "true", "[]"):
        return False
    own = [str(each) for key, each in declared.items() if key.endswith("imum")]
    own += [str(each) for each in declared.get("enum", ())]
    kind = field_of(declared).type
    own += [str(kind.schema["maximum"])]
    return any(digits(each) > DIGITS for each in (instance, *own))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("decimal(20, 0)", "9007199254740993.5"),
        ("decimal(20, 0)", "12345678901234567890.00000000000000000001"),
        ("decimal(38, 1)", "9007199254740993.25"),
        ("decimal(38, 37)", "1.23456789012345678901234567890123456789"),
        ("integer", "9007199254740993.5"),
    ],
)
def test_long_number_is_rejected_instead_of_rounded(server, name, kind, value):
    path = server.declare(name, f"fields: {{x: '{kind}'}}")

    answer = server.client.post(
        path, content=f'{{"x": {value}}}', headers={"Content-Type": "application/json"}
    )

    assert answer.status_code == 422
    assert answer.json()["code"] == ("22P02" if kind == "integer" else "22003")


@pytest.mark.parametrize("validator", VALIDATORS)
def test_decimals_without_integer_digits_reject_one(validator):
    """Check that the published schema of such a field accepts numbers below 1 and rejects 1 in every spelling."""
    for scale in range(1, 39):
        for declared in (
            f"decimal({scale}, {scale})",
            {"type": f"decimal(38, {scale})", "exclusive_maximum": 1, "exclusive_minimum": -1},
        ):
            text = published(declared)
            within = ["0", "0.5", "-0.5", *(f"{sign}0.{'9' * min(scale, 15)}" for sign in ("", "-"))]
            beyond = ["1", "-1", "1.0", "-1.0", "1e0", "1.5", "10"]

            assert all(VALIDATORS[validator](text, within[: 1 if scale > 37 else None])), text
            assert not any(VALIDATORS[validator](text, beyond)), text


# -- strings

#: Fields of text, and values of each.
TEXTS = [
    ("date", ["2026-11-23"]),
    ("time", ["08:30:00", "08:30"]),
    ("timestamp", ["2026-11-23T08:30:00Z", "9999-12-31T23:59:59Z"]),
    ("datetime", ["2026-11-23T08:30:00"]),
    ("uuid", ["0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d"]),
    *(
        ({"type": "string", "format": name}, [value])
        for name, value in {
            "date": "2026-11-23",
            "date-time": "2026-11-23T08:30:00Z",
            "time": "08:30:00Z",
            "duration": "P3DT12H",
            "email": "ada@example.com",
            "hostname": "example.com",
            "ipv4": "192.0.2.1",
            "ipv6": "2001:db8::1",
            "json-pointer": "/a/0",
            "uri": "https://example.com/",
            "uri-reference": "../a",
            "uuid": "0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d",
        }.items()
    ),
    ({"type": "string", "format": "json-pointer"}, ["", "/"]),
    ({"type": "string", "enum": ["a", "b\n"]}, ["a", "b"]),
    ("string", ["a", ""]),
    ("string[]", ["a"]),
    ("date[]", ["2026-11-23"]),
    ({"type": "date", "nullable": True}, ["2026-11-23"]),
]
#: Patterns, each with texts that tell readers of regular expressions apart.
PATTERNS = [
    ("^[A-Z]{3}$", ["ABC", "ABCD"]),
    (r"^\d{2}$", ["12", "١٢", "1٢"]),
    (r"^\w+$", ["a_1", "é", "ß"]),
    (r"^\W$", ["-", "é", "_"]),
    (r"^a\sb$", ["a b", "a\u00a0b", "a\ufeffb", "a\x85b", "a\x1cb", "a\nb"]),
    (r"^\S+$", ["ab", "a\ufeff", "a\x85"]),
    ("^a.b$", ["axb", "a\nb", "a\rb", "a\u2028b", "a\x85b", "a😀b"]),
    (r"^[\d\-]+$", ["1-2", "١"]),
    (r"^[^\s]+$", ["ab", "a b", "a\u00a0"]),
    (r"^A\-\d+\/\d+\.\#$", ["A-1/2.#"]),
    (r"^\u0041\x42\u{43}$", ["ABC"]),
    (r"^[\u{41}-\u{43}]+$", ["ABC", "D"]),
    (r"^\u{1F600}$", ["😀"]),
    (r"^(?<year>[0-9]{4})-(?:0[1-9]|1[0-2])$", ["2026-11", "2026-13"]),
    ("^a|b$", ["a", "ax", "xb", "x", "x\nb"]),
    ("^(a|b)$", ["a", "b"]),
    ("^a\n$", ["a"]),
    (r"^a\n?$", ["a"]),
    (r"^[^x]+$", ["a", "x"]),
    ("a$", ["ba", "ab", "\na"]),
    ("^a", ["a", "ab"]),
    (r"^\$[0-9]+[$]$", ["$1$", "$1"]),
    (r"^[$]", ["$"]),
    ("", ["", "a"]),
    ("^$", ["", "a"]),
    ("^a?$", ["", "a"]),
    (r"^\(?[0-9]+\)?$", ["(1)", "1"]),
    (r"^[\w\.\"]+$", ['a."']),
]


@pytest.mark.parametrize(("declared", "texts"), TEXTS, ids=str)
def test_schema_accepts_the_strings_the_endpoint_accepts(declared, texts):
    check_strings(declared, texts)


@pytest.mark.parametrize(("pattern", "texts"), PATTERNS, ids=[repr(pattern) for pattern, _ in PATTERNS])
@pytest.mark.parametrize("more", [{}, {"type": "string[]"}, {"nullable": True, "max_length": 8}], ids=str)
def test_published_patterns_match_as_at_the_endpoint(pattern, texts, more):
    check_strings({"type": "string", "pattern": pattern, **more}, texts)


def check_strings(declared, texts):
    """Hold all validators to the endpoint, with a line end behind each text, before it, and twice."""
    near = [each for text in texts for each in (text, f"{text}\n", f"\n{text}", f"{text}\n\n", f"{text}\r\n")]
    is_list = field_of(declared).type.item is not None
    instances = ["null", "1", *(json.dumps([each] if is_list else each) for each in near)]
    text = published(declared)
    truth = taken(declared, instances)

    assert any(truth)
    for name, validator in VALIDATORS.items():
        says = validator(text, instances)
        assert says == truth, (
            name,
            [each for each, one, two in zip(instances, says, truth, strict=True) if one != two],
        )


ATOMS = st.sampled_from(
    [
        *"ab1-_/ é",
        r"\d",
        r"\w",
        r"\s",
        r"\D",
        r"\S",
        ".",
        "[ab]",
        "[^a]",
        r"[\d_]",
        r"\-",
        r"\.",
        "(?:a|b)",
    ]
)
PIECES = st.tuples(ATOMS, st.sampled_from(["", "", "?", "*", "+", "{2}", "+?"])).map("".join)


@st.composite
def patterns(draw) -> str:
    branches = draw(st.lists(st.lists(PIECES, max_size=4).map("".join), min_size=1, max_size=2))
    return "|".join(
        draw(st.sampled_from(["^", ""])) + each + draw(st.sampled_from(["$", "$", ""])) for each in branches
    )


@examples(200)
@given(patterns(), st.lists(st.text("ab1-_/ é٢\n\r\u2028\x85\ufeff", max_size=4), min_size=8, max_size=8))
def test_random_patterns_match_as_at_the_endpoint(pattern, texts):
    declared = {"type": "string", "pattern": pattern}
    text = published(declared)
    instances = [json.dumps(each) for each in texts]
    truth = taken(declared, instances)

    for name, validator in VALIDATORS.items():
        assert validator(text, instances) == truth, (name, text)


@pytest.mark.parametrize(
    "pattern", ["(?i)^a$", r"\Aa\z", "(?P<x>a)", "[a-z&&[^b]]", "[[:alpha:]]+", "(?x) a", "[a[b]]"]
)
def test_unportable_pattern_is_a_comment_in_the_schema(pattern):
    """Check that a pattern that other engines cannot read is not published as one, and that its comment names it."""
    text = published({"type": "string", "pattern": pattern})

    assert pattern in json.loads(text)["$comment"]
    for validator in VALIDATORS.values():
        assert validator(text, ['"a"', "1"]) == [True, False]


@pytest.mark.parametrize(
    "declared",
    [
        "integer",
        "decimal(12, 3)",
        "decimal(38, 38)",
        "decimal(5, 3)[]",
        {"type": "integer", "nullable": True},
        {"type": "decimal(12, 3)", "enum": [1, Decimal("123.450")]},
    ],
    ids=str,
)
@pytest.mark.parametrize("validator", VALIDATORS)
def test_schema_rejects_line_end_after_quoted_number(validator, declared):
    text = published(declared)
    numbers = (
        ["1"]
        if "integer" in str(declared)
        else ["0.450"]
        if "38" in str(declared)
        else ["123.450"]
        if isinstance(declared, dict)
        else ["1", "1.450"]
    )
    one = "[{}]" if "[]" in str(declared) else "{}"

    assert all(VALIDATORS[validator](text, [one.format(f'"{each}"') for each in numbers]))
    assert not any(VALIDATORS[validator](text, [one.format(f'"{each}\\n"') for each in numbers]))


def test_served_schema_works_for_readers_of_doubles(server, name):
    path = server.declare(name, "fields: {amount: 'decimal(12, 2)', sizes: 'decimal(3, 1)[]'}")
    text = server.client.get(f"/-/connectors/{name}/schema").text
    rows = [
        '{"amount": 0.07, "sizes": [0.3, 1.1]}',
        '{"amount": 1.234, "sizes": []}',
        '{"amount": 1, "sizes": [0.25]}',
    ]

    answers = [
        server.client.post(path, content=row, headers={"Content-Type": "application/json"}) for row in rows
    ]

    assert [each.status_code for each in answers] == [201, 422, 422]
    assert answers[1].json()["code"] == "22003"
    assert "14 digits" in json.loads(text)["properties"]["amount"]["$comment"]
    for validator in VALIDATORS.values():
        assert validator(text, rows) == [True, False, False]
