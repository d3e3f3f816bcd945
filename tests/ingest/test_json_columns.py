"""Rows with fields of type json that are read in columns are those that are read one by one, to the last byte."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import strictjson
from gateway.ingest.columnar import json_values
from gateway.ingest.columnar.split_rows import RowSplitter
from gateway.media_types import Media
from tests.ingest.test_columnar import MAX_ROW, bodies, connector_of, require_equal
from tests.ingest.test_json_values import NUMBERS, ODD, STRINGS, spelled
from tests.support.sizes import drawn, examples

EVENTS = """
fields:
  id: integer
  payload: {type: json, nullable: true}
  note: {type: string, nullable: true}
  é: json
  amount: {type: "decimal(12, 2)", nullable: true}
  d: {type: json, default: {"a": 1}}
"""
GOOD = b'{"id":7,"payload":{"a":"x"},"note":"n","\xc3\xa9":[1],"amount":1.50,"d":1}'
#: Rows that have a key twice, no key, or one that is no field; and rows that only look like that.
ROWS = [
    '{"id":1,"é":1,"d":1}', '{"id":1,"d":1}', '{"id":1,"é":null,"d":1}', '{"id":1,"é":1}', '{"id":1,"é":1,"d":null}', '{"é":1,"d":1}', "{}",
    '{"id":1,"é":1,"d":1,"payload":null}', '{"id":1,"é":1,"d":1,"é":1}', '{"id":1,"é":1,"d":1,"d":2}', '{"id":1,"é":1,"d":1,"id":1}',
    '{"id":1,"é":1,"d":1,"note":"a","note":"a"}', '{"id":1,"\\u00e9":1,"d":1}', '{"id":1,"\\u00e9":1,"é":1,"d":1}', '{"i\\u0064":1,"é":1,"d":1}',
    '{"id":1,"\\u00e9":1,"d":1,"\\u0064":1}', '{"id":1,"é":1,"d":1,"payload":1,"pay\\u006coad":"\\""}', '{"id":1,"é":1,"d":1,"":2}',
    '{"id":1,"é":1,"d":1,"other":{"a":1}}', '{"id":1,"é":1,"d":1,"payload":{"id":1,"é":2,"payload":{"d":3}}}', '{"id":"1","é":"1","d":"1","amount":"1.50"}',
    '{"id":1,"é":1,"d":1,"amount":1e2}', '{"id":1,"é":1,"d":1,"payload":{"amount":1e2}}', '{"id":1,"é":1,"d":1,"payload":{"amount":"1.5"},"amount":1.5}',
    '{"id":{},"é":1,"d":1}', '{"id":1,"é":1,"d":1,"note":{"a":1}}', '{"id":1,"é":[{"a":1},{"b":2}, {"c":3}],"d":[{"a":{"b":1}}]}', "null", "[]", "1",
    '{"id":1,"é":1,"d":1,"note":"},{\\"id\\""}', '{"id":1,"é":"},{\\"id\\":1","d":"]"}', '{"id":1 "é":1,"d":1}', '{"id":1,"é":1,"d":1,}', '{"id":1,"é":,"d":1}',
    '{"id":1,"é":1,"d":1,"note":"\\u0000"}', '{"id":1,"é":"\\u0000","d":1}', '{"id":1,"é":1,"d":1,"note":"\\ud83d"}', '{"id":9223372036854775808,"é":1,"d":1}',
    '{"id":1,"é":"%s","d":1}' % ("x" * MAX_ROW), '{"id":1,"é":[%s1],"d":1}' % ("{}, " * (MAX_ROW // 4)), '{"id":1,"é":1%s,"d":1}' % (" " * MAX_ROW),
    '{"id":1,"é":[%s1],"d":1}' % ('{"a":1},' * (MAX_ROW // 8 - 4)), '{"id":1,"é":{"a":1},"d":1}{"id":1,"é":{"a":1},"d":1}', '{"id":1,"é":{\n"a":1},"d":1}',
]  # fmt: skip


@pytest.fixture(autouse=True, params=[1, 64], ids=["shapes", "values"])
def many(request, monkeypatch):
    """From how many values on their shapes are looked at."""
    monkeypatch.setattr(json_values, "_MANY", request.param)
    monkeypatch.setattr(json_values, "_PATTERN_WORTH", 0)


@pytest.mark.parametrize("row", ROWS)
def test_odd_row_with_json_equals_one_by_one(row):
    connector = connector_of(EVENTS)
    odd = row.encode()
    for rows in ([odd], [GOOD, odd], [odd, GOOD, odd, GOOD]):
        for body, media in bodies(rows):
            require_equal(body, media, connector)


@pytest.mark.scaled
@pytest.mark.parametrize("value", [*NUMBERS, *STRINGS, *ODD])
def test_odd_value_in_a_json_field_equals_one_by_one(value):
    connector = connector_of(EVENTS)
    rows = [
        b'{"id":1,"\xc3\xa9":%b,"d":1}' % value.encode(),
        b'{"id":1,"payload": {"a": [%b]} ,"\xc3\xa9":1,"d":1}' % value.encode(),
    ]
    for body, media in drawn(
        each for row in rows for among in ([row], [GOOD, row]) for each in bodies(among)
    ):
        require_equal(body, media, connector)


PUT = [
    b",",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b" ",
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"null",
    b"},{",
    b'"id":2,',
    b'"d":2,',
]


@examples(300)
@given(st.lists(st.tuples(spelled(), spelled()), min_size=1, max_size=4), st.data())
@example([("1", "{}")], None)
def test_mutilated_json_in_columns_equals_one_by_one(values, data):
    connector = connector_of(EVENTS)
    rows = [f'{{"id": 1, "é": {one}, "note": "a","d":{other}}}'.encode() for one, other in values]
    for body, media in bodies(rows):
        if data is not None:
            place = data.draw(st.integers(0, len(body)))
            put = data.draw(st.just(b"") | st.binary(max_size=2) | st.sampled_from(PUT))
            body = body[:place] + put + body[place + data.draw(st.integers(0, 2)) :]
        require_equal(body, media, connector)


@examples(100)
@given(st.lists(st.dictionaries(st.sampled_from("ab"), spelled(), min_size=2), min_size=1, max_size=5))
def test_rows_of_json_fields_only_equal_one_by_one(rows):
    connector = connector_of("fields: {a: json, b: {type: json, nullable: true}}")
    texts = [f'{{"a": {row["a"]}, "b" : {row["b"]}}}'.encode() for row in rows]
    for body, media in bodies(texts):
        require_equal(body, media, connector)


@pytest.mark.parametrize("depth", [197, 198, 199, 200, 201, 202, 1000, 100_000])
@pytest.mark.parametrize("name", ["payload", "note"])
def test_depth_in_columns_is_that_of_rows(depth, name, monkeypatch):
    monkeypatch.setattr("tests.ingest.test_columnar.MAX_ROW", 10**6)
    connector = connector_of(EVENTS)
    row = b'{"id":1,"%b":%b1%b,"\xc3\xa9":1,"d":1}' % (name.encode(), b"[" * depth, b"]" * depth)
    for body, media in bodies([GOOD, row]):
        require_equal(body, media, connector)


@pytest.mark.parametrize("spelling", [
    {"separators": (",", ":"), "ensure_ascii": False}, {}, {"indent": 2}, {"indent": "\t", "ensure_ascii": False},
], ids=["compact", "spaced", "pretty", "tabs"])  # fmt: skip
def test_rows_with_json_are_read_in_columns(spelling):
    """Else a reader that is never sure would pass every other test."""
    connector = connector_of(EVENTS)
    rows = [
        {"id": 1, "payload": {"event": "order.paid", "items": [{"sku": "é", "price": 12.5, "n": 3}]}, "é": "😀", "d": 1},
        {"id": 2, "payload": None, "é": {}, "amount": "1.50", "d": [[], {}, None, True]},
        {"id": 3, "note": "x", "é": [{"id": 1}, {"id": 2}], "amount": "0.10", "d": {"a": {"b": {"c": -0.5}}}},
    ]  # fmt: skip
    texts = [json.dumps(row, **spelling).encode() for row in rows]
    for body, media in bodies(texts)[: 3 if "indent" in spelling else 6]:
        assert require_equal(body, media, connector), body


HOOKS = """
fields:
  id: integer
  payload: {type: json, nullable: true}
on_invalid: reject
access: {read: [public]}
"""
HOOK = {
    "event": "order.updated", "id": "evt_1e3400af", "customer": {"name": "José Müller", "email": "jose@example.com"},
    "items": [{"sku": "a/b", "qty": 2, "price": 12.5}, {"sku": "😀", "qty": 1, "price": 100.0}], "live": True, "ref": None,
}  # fmt: skip


@pytest.mark.parametrize("media", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("spelling", [{"separators": (",", ":"), "ensure_ascii": False}, {}, {"indent": 2}])
def test_webhooks_come_back_as_they_are_stored(server, name, spelling, media):
    path = server.declare(name, HOOKS)
    rows = [{"id": place, "payload": {**HOOK, "n": place} if place % 3 else None} for place in range(300)]
    if media == "application/json":
        body = json.dumps(rows, **spelling)
    else:
        body = "".join(json.dumps(row, **spelling | {"indent": None}) + "\n" for row in rows)

    answer = server.client.post(path, content=body.encode(), headers={"Content-Type": media})
    assert (answer.status_code, answer.json()["stored"]) == (201, 300)
    read = server.client.get(f"{path}?select=id,payload&limit=1000").text
    assert json.loads(read) == rows
    assert strictjson.write(rows[1]["payload"]).decode() in read


#: A good value that is long, deep, or has many keys; and bad ones, with what is said of them.
GREAT = [
    ('"' + "x" * 900_000 + '"', None),
    ("[" * 100_000 + "]" * 100_000, "nests deeper than 200"),
    ("[" * 150 + "]" * 150, None),
    ("{" + ",".join(f'"k{place}":{place}' for place in range(50_000)) + "}", None),
    ("{" + ",".join(f'"k{place % 49_999}":{place}' for place in range(50_000)) + "}", "k0"),
    ("[" + "1e5, " * 100_000 + "1]", None),
    ("9" * 4000, "400 digits"),
    ('{"a": {"b": 1, "b": 1}}', "is there twice"),
]


@pytest.mark.parametrize(("value", "message"), GREAT)
def test_great_json_value_is_stored_or_refused(server, name, value, message):
    path = server.declare(name, HOOKS)
    body = f'[{{"id": 1, "payload": {value}}}, {{"id": 2, "payload": []}}]'

    answer = server.client.post(path, content=body.encode(), headers={"Content-Type": "application/json"})
    if message is None:
        assert answer.status_code == 201
        assert json.loads(server.client.get(path).content)[0]["payload"] == json.loads(value)
    else:
        assert 400 <= answer.status_code <= 422
        assert message in answer.text


@pytest.mark.parametrize("media", [Media.JSON, Media.NDJSON])
def test_small_rows_are_split_some_at_a_time(media):
    """Each is an object of Python with a place for every field."""
    count = 1_000_000
    body = b'{"j":1}\n' * count if media is Media.NDJSON else b"[" + b'{"j":1},' * (count - 1) + b'{"j":1}]'

    counts = [rows.count for rows in RowSplitter(["j", "k"], ["j"]).split(body, media, 2**20)]

    assert sum(counts) == count
    assert max(counts) <= count * 0.7
