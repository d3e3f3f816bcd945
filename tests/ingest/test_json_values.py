"""The stored texts of many JSON values at a time are those of each value alone, to the last byte."""

import json
from decimal import Decimal
from unittest import mock

import msgspec
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import strictjson
from gateway.ingest.columnar import json_values
from gateway.ingest.columnar.json_values import raw_of, stored_texts
from gateway.ingest.columnar.not_columnar import NotColumnarError
from tests.endpoints.test_roundtrip import JSON_VALUES
from tests.support.sizes import examples

BLANKS = st.sampled_from(["", "", "", " ", "\n  ", "\t\r\n"])
#: Numbers that two decoders may read, or write, in different ways.
NUMBERS = [
    "0", "-0", "-1", "0.0", "-0.0", "1.0", "1.50", "100.0", "0.1", "1e5", "1E5", "1E+5", "1e-7", "1E-7", "0.0000001",
    "1e22", "1e23", "1.7976931348623157e308", "1e400", "1E+400", "1E+401", "1e999999999999", "0e999999999999", "-0E-5000",
    "0E+7", "9007199254740993", "9223372036854775808", "-9223372036854775809", "18446744073709551616", "0.30000000000000004",
    "0.1000000000000000055511151231257827", "1" * 399, "1" * 400, "1" * 401, "-" + "9" * 4301, "0." + "1" * 399,
    "0." + "1" * 400, "1" * 300 + "." + "1" * 300, "123456789.123456789123456789123456789",
]  # fmt: skip
#: Strings with quotes around them: escapes, and what looks like something else.
STRINGS = [
    '""', '"a"', '"\\u00e9"', '"\\u00E9"', '"é"', '"\\/"', '"/"', '"\\\\"', '"\\\\u00e9"', '"\\\\\\u00e9"', '"\\b\\f\\n\\r\\t\\""',
    '"\\u0008\\u000a\\u000B\\u001f\\u0022\\u005c\\u005C"', '"\\u007f\x7f"', '"\\u0000"', '"\\ud83d\\ude00"', '"\\uD83D\\uDE00"',
    '"\\ud83d"', '"\\ude00"', '"\\ud83d\\u0041"', '"\\ud83d\\ud83d\\ude00"', '"\\\\ud83d\\ude00"', '"\U0001f600"', '"\\u2028\u2028"',
    '"a: b, c"', '"{\\"a\\": 1}"', '"[ 1 ]"', '"1e5"', '"1E+5"', '"' + "1" * 401 + '"', '"' + "[" * 300 + '"', '"NaN"', '"null"',
]  # fmt: skip
#: What is no JSON, or none that is stored.
ODD = [
    "null", "nul", "NaN", "Infinity", "-", "01", "1.", ".5", "+1", "[1,]", "[1 2]", '{"a" 1}', '{"a":1,}', "{1:2}", '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}', '{"é":1,"\\u00e9":2}', '[{"b":{"c":[{"d":1,"d":null}]}}]', '{"":1,"":2}', "1,2", "1],[2", "[1", "2]", '"a',
    'a"', '"a\x01"', '"a\nb"', '"\\x"', "", " ", " 1 ", "\ufeff1", "\x0c1", "tru", "truex", "[]]", "{}{}", "// 1", "'a'", "[1]\x00",
]  # fmt: skip


@st.composite
def spelled(draw):
    """A random JSON value in a random spelling, also with a key twice."""
    kind = draw(st.sampled_from(["value", "number", "string", "list", "object", "object"]))
    if kind == "value":
        return strictjson.write(draw(JSON_VALUES)).decode()
    if kind in ("number", "string"):
        return draw(st.sampled_from(NUMBERS if kind == "number" else STRINGS))
    before, after = draw(BLANKS), draw(BLANKS)
    if kind == "list":
        items = [draw(spelled()) for _ in range(draw(st.integers(0, 2)))]
        return f"[{before}{(',' + after).join(items)}{after}]"
    keys = draw(st.lists(st.sampled_from(['"a"', '"b"', '"\\u0061"', '"é"', '"\\u00e9"', '""']), max_size=3))
    members = [f"{key}{before}:{after}{draw(spelled())}" for key in keys]
    return f"{{{before}{(before + ',' + after).join(members)}{after}}}"


def one_by_one(texts: list[bytes | None]) -> list[str | None]:
    """Store each text alone, as a field of a row; raise ValueError if one is refused."""
    values = [None if text is None else strictjson.read(b'{"a":%b}' % text)["a"] for text in texts]
    return [None if value is None else strictjson.write(value).decode() for value in values]


def require_equal(texts: list[bytes | None]) -> bool:
    """Require the texts that each value has alone, with and without patterns; return whether they were stored."""
    are_stored = set()
    for many, samples in ((10**9, 1), (1, 1), (1, 16)):
        with mock.patch.multiple(
            json_values, _MANY=many, _SAMPLES=samples, _PATTERN_WORTH=0, _SAMPLE_SHARE=1
        ):
            are_stored.add(_require_equal(texts))
    assert len(are_stored) == 1
    return are_stored.pop()


def _require_equal(texts: list[bytes | None]) -> bool:
    try:
        together = stored_texts([None if text is None else raw_of(text) for text in texts])
    except (NotColumnarError, msgspec.DecodeError, RecursionError, pa.ArrowInvalid):
        return False
    together.validate(full=True)
    assert together.to_pylist() == one_by_one(texts), texts
    return True


@pytest.fixture(params=[8, 2**16])
def chunk_bytes(request, monkeypatch):
    monkeypatch.setattr(json_values, "_CHUNK_BYTES", request.param)


@examples(1000)
@given(st.lists(st.none() | spelled(), max_size=5))
def test_texts_together_equal_texts_alone(texts):
    texts = [None if text is None else text.encode("utf-8", "surrogatepass") for text in texts]
    is_stored = require_equal(texts)
    try:
        one_by_one(texts)
    except ValueError:
        assert not is_stored
    else:
        assert is_stored


@pytest.mark.parametrize("text", [*NUMBERS, *STRINGS, *ODD])
def test_odd_text_among_others_equals_it_alone(text, chunk_bytes):
    odd, good = text.encode(), [b'{"a":[1,"b",2.50]}', b'{"a": "\\u00e9"}']
    try:
        one_by_one([odd])
        is_taken = odd == odd.strip()
    except ValueError:
        is_taken = False

    for texts in ([odd], [*good, odd, *good], [b"[%b]" % odd, odd], [b'{"k": %b}' % odd] * 3):
        assert require_equal(texts) or not is_taken, texts


@examples(500)
@given(st.lists(st.sampled_from(ODD) | spelled(), min_size=1, max_size=3), st.data())
@example(["1,2", "[1", "2]"], None)
def test_mutilated_texts_equal_texts_alone(texts, data):
    texts = [text.encode() for text in texts]
    if data is not None:
        place = data.draw(st.integers(0, len(texts[0])))
        put = data.draw(
            st.binary(max_size=2) | st.sampled_from([b",", b'"', b"\\", b"[", b"}", b" ", b"\xc3"])
        )
        texts[0] = texts[0][:place] + put + texts[0][place + data.draw(st.integers(0, 2)) :]
    require_equal(texts)


#: What changes a text a little, so that it may still have the shape of the other.
CHANGES = [b"0", b"1", b".", b"-", b"e", b"E+1", b",", b" ", b'"', b"\\", b"\\u0041", b"/", b"a", b"[", b"]", b"{", b"}", b"null", b"\xc3\xa9", b"\xed\xa0\x80", b"\x7f", b"\x1f"]  # fmt: skip


@examples(1000)
@given(spelled(), st.data())
@example("[0.5,1]", None)
def test_texts_like_another_equal_texts_alone(text, data):
    first = text.encode()
    texts = [first]
    for _ in range(data.draw(st.integers(1, 4)) if data else 0):
        place, length = data.draw(st.integers(0, len(first))), data.draw(st.integers(0, 3))
        put = data.draw(st.sampled_from(CHANGES) | st.just(first[place : place + length] * 2))
        changed = first[:place] + put + first[place + length :]
        try:
            raw_of(changed)
        except (msgspec.DecodeError, RecursionError):
            continue
        texts.append(changed)
    require_equal(texts)


#: A value, and others that only look like its shape.
ALIKE = [
    ("[0.5]", ["[0.00000001]", "[0.0000000]", "[-0]", "[1,2]", "[]", "[[]]", "[1e5]", "[1.5,0.000001]", '["a"]', "[[1]]", "[{}]"]),
    ('{"a":1}', ['{"a":1,"a":1}', '{"a":"\\u0041"}', '{"a":"/"}', '{"a":"\\/"}', '{"a":{}}', '{"a":{"a":1}}', '{"b":1}', '"a"']),
    ('[{"a":[1,{"b":2}]}]', ['[{"a":[]},{"a":[{"b":3},4]}]', '[{"a":[{"b":1,"b":1}]}]', '[{"a":[1,{"b":-0}]}]', '[1,{"a":0}]']),
    ('{"é.*":1,"|":[1]}', ['{"é.*":2,"|":[]}', '{"éabc":1,"|":[1]}', '{"é.*":"é","|":["\U0001f600"]}', '{"é.*":1,"|":[1],"|":1}']),
    ('{"a":{"b":1},"c":[{"d":2,"e":3}]}', [
        '{"c":[],"a":1}', '{"c":[{"e":1}]}', '{"a":{"b":1},"a":{"b":1}}', '{"c":[{"e":1,"d":2}]}', '{"a":{"b":1,"b":1}}',
        '{"c":[{"e":1,"e":1}]}', '{"a":{},"c":[1,{"d":[1]},[]]}', '{"a":{"b":-0}}', '{"a":{"b":1},"c":[{"d":0.00000001}]}',
    ]),
    ("1", ["0", "-0", "0.0", "-0.0", "-0.000000", "0.0000000", "0.000001", "0.0000001", "1.0", "10", "1" * 400, "true", '"1"', "null"]),
]  # fmt: skip


@pytest.mark.parametrize(("value", "others"), ALIKE)
def test_text_that_looks_like_another_equals_it_alone(value, others):
    for other in others:
        for texts in ([value, other], [value, value, other, value]):
            require_equal([text.encode() for text in texts])


@pytest.mark.parametrize("value", ["[" * 150 + "]" * 150, "[" * 15 + '{"a":1}' + "]" * 15, json.dumps([[{"a": 1}, {"b": 1}, 2, {"c": [{"d": 1}]}]]), json.dumps({f"k{place}": place for place in range(2000)})])  # fmt: skip
def test_values_of_great_shapes_are_stored_as_alone(value):
    assert require_equal([value.encode()] * 70)


@pytest.mark.parametrize("shape", ["[%s]", '{"a":%s}', '[{"[": %s}]'])
@pytest.mark.parametrize("depth", [1, 99, 100, 197, 198, 199, 200, 201, 202, 900, 100_000])
def test_depth_is_that_of_a_field_in_a_row(shape, depth):
    before, after = shape.encode().split(b"%s")
    text = before * depth + b"1" + after * depth
    try:
        one_by_one([text])
        is_taken = True
    except ValueError:
        is_taken = False

    for texts in ([text], [b"{}", text, b"[[]]"]):
        assert require_equal(texts) is is_taken


@pytest.mark.parametrize("text", [b'{"a": "%b"}' % (b"x" * 10**6), b"[%b1]" % (b"1, " * 10**5)])
def test_value_of_many_bytes_is_stored_as_alone(text):
    assert require_equal([b"{}", text, text, b"1"])


@pytest.mark.parametrize("spell", [
    lambda value: strictjson.write(value).decode(),
    json.dumps,
    lambda value: json.dumps(value, indent=2, ensure_ascii=False),
], ids=["compact", "spaced", "pretty"])  # fmt: skip
def test_usual_spellings_are_not_read_alone(spell, monkeypatch):
    """Else a chunk that is never sure would pass every other test."""
    monkeypatch.delattr(json_values, "_exact")
    value = {
        "id": "evt_3e400",
        "é": ["ü", "😀", "\n", "a/b"],
        "n": [1, -1, 0.5, 100.0, 12.34],
        "x": {"y": None},
    }
    expected = strictjson.write(value).decode()

    texts = [raw_of(spell(each).encode()) for each in ([value] * 1000)]
    assert stored_texts(texts).to_pylist() == [expected] * 1000


def test_decimals_keep_their_zeros_without_being_read_alone(monkeypatch):
    monkeypatch.delattr(json_values, "_exact")
    value = {"price": Decimal("12.50"), "exact": Decimal("0.10000000000000000000001"), "big": 2**80}
    text = strictjson.write(value)
    assert stored_texts([raw_of(text)]).to_pylist() == [text.decode()]


def test_new_escape_is_remembered_after_very_many():
    """A body with more different escapes than are remembered must not slow down all that come after it."""
    many = [raw_of(b'"%b"' % rf"\u{code:04x} ".encode()) for code in range(0x100, 0x3000)]
    assert len(stored_texts(many)) == len(many)
    new = [raw_of(rb'"\u00e9 \u00e9"')]

    before = json_values._stored_escape.cache_info().misses
    assert stored_texts(new * 3).to_pylist() == ['"é é"'] * 3

    assert json_values._stored_escape.cache_info().misses <= before + 1
