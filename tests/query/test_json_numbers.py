"""Numbers inside JSON: compared, ordered and written with all their digits, as PostgreSQL's jsonb does."""

import itertools
import json
import random
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.query import digits
from tests.support.server import eventually
from tests.support.sizes import examples

CONNECTOR = """
fields:
  id: integer
  j: {type: json, nullable: true}
  d: {type: "decimal(38, 20)[]", nullable: true}
access: {read: [public], change: [admin]}
"""
#: Numbers as they are spelt, in groups of the same value, from the least to the greatest.
SAME = [
    ["-1E400"],
    ["-1234567890123456789"],
    ["-1234567890123456788", "-1234567890123456788.0"],
    ["-1.00000000000000000001"],
    ["-1", "-1.0", "-10e-1"],
    ["-1E-400"],
    ["0", "-0", "0.0", "-0.0", "0e5"],
    ["1E-400"],
    ["0.1", "0.10", "1e-1", "0.100000000000000000000"],
    ["0.1000000000000000000001"],
    ["0.99999999999999999999"],
    ["1", "1.0", "1e0", "1.00000000000000000000", "0.1e1"],
    ["1.0000000000000000001"],
    ["100", "1e2", "1E+2", "100.0"],
    ["9007199254740992", "9007199254740992.0"],
    ["9007199254740993"],
    ["1234567890123456788"],
    ["1234567890123456789", "1234567890123456789.00", "1.234567890123456789e18"],
    ["123456789012345678901234567890"],
    ["123456789012345678901234567891", "123456789012345678901234567891.0"],
    ["1E+399"],
    ["1E400", "10E399"],
]
PLACES = [(text, place) for place, group in enumerate(SAME) for text in group]
NEAR = [text for text, _ in PLACES if "400" not in text and "399" not in text]


def document(text):
    return f'{{"a": {text}, "b": [{text}, "s {text}, 2", null], "c\\"": {{"": true}}}}'


@pytest.fixture(scope="session")
def path(server):
    path = server.declare("json_numbers", CONNECTOR)
    mixed = list(enumerate(text for text, _ in PLACES))
    random.Random(6).shuffle(mixed)
    rows = ",".join(f'{{"id": {number}, "j": {document(text)}}}' for number, text in mixed)
    rows += "".join(f',{{"id": {1000 + number}, "j": {text}}}' for number, text in mixed)
    answer = server.client.post(path, content=f"[{rows}]", headers={"Content-Type": "application/json"})
    assert answer.status_code == 201, answer.text
    return path


def found(server, path, **parameters):
    answer = server.client.get(path, params={"select": "id", **parameters})
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()]


HOLDS = {
    "eq": lambda own, other: own == other,
    "neq": lambda own, other: own != other,
    "gt": lambda own, other: own > other,
    "gte": lambda own, other: own >= other,
    "lt": lambda own, other: own < other,
    "lte": lambda own, other: own <= other,
    "isdistinct": lambda own, other: own != other,
}


@pytest.mark.parametrize("operator", HOLDS)
@pytest.mark.parametrize(("text", "place"), PLACES)
def test_numbers_are_compared_exactly(server, path, operator, text, place):
    holds = [number for number, (_, own) in enumerate(PLACES) if HOLDS[operator](own, place)]

    inside, whole = f"and(id.lt.1000,j->a.{operator}.{text})", f"and(id.gte.1000,j.{operator}.{text})"
    got = sorted(found(server, path, **{"or": f"({inside},{whole})"}))

    assert got == holds + [1000 + number for number in holds]


@pytest.mark.parametrize(("text", "place"), PLACES)
def test_documents_with_equal_numbers_are_equal(server, path, text, place):
    same = [number for number, (_, own) in enumerate(PLACES) if own == place]

    assert sorted(found(server, path, **{"j->a": f"in.({text},7)", "id": "lt.1000"})) == same
    assert sorted(found(server, path, j=f'cs.{{"a": {text}}}')) == same
    assert sorted(found(server, path, j=f'cs.{{"b": [{text}]}}')) == same
    assert sorted(found(server, path, **{"j->b->0": f"eq.{text}"})) == same
    own = [number for number in same if PLACES[number][0] == text]
    assert own[0] in found(server, path, j=f"eq.{document(text)}")
    wholes = [f'"s {text}, 2"', "null"]
    assert sorted(found(server, path, **{"j->b": f"eq.[{text},{','.join(wholes)}]"})) == own


def test_pages_are_ordered_by_number(server, path):
    for direction in ("asc", "desc"):
        seen, query = [], f"select=id&order=j->a.{direction}&limit=7&id=lt.1000"
        while query:
            answer = server.client.get(f"{path}?{query}")
            seen += [row["id"] for row in answer.json()]
            query = answer.links["next"]["url"].partition("?")[2] if "next" in answer.links else None
        assert sorted(seen) == list(range(len(PLACES)))
        places = [PLACES[number][1] for number in seen]
        assert places == sorted(places, reverse=direction == "desc")


def test_selected_places_keep_all_digits(server, path):
    answer = server.client.get(path, params={"select": "id,j->a,t:j->>a,b:j->b", "id": "lt.1000"})

    rows = json.loads(answer.text, parse_float=Decimal, parse_int=Decimal)
    assert len(rows) == len(PLACES)
    for row in rows:
        text = PLACES[int(row["id"])][0]
        expected = Decimal(text)
        assert row["a"] == expected
        assert Decimal(row["t"]) == expected
        assert row["b"] == [expected, f"s {text}, 2", None]


def test_selected_list_items_keep_all_digits(server, path):
    text = "12345678901234567.12345678901234567891"
    body = f'{{"id": 5000, "d": [1, {text}]}}'
    kind = {"Content-Type": "application/json"}
    assert server.client.post(path, content=body, headers=kind).status_code == 201

    answer = server.client.get(path, params={"select": "x:d->1,y:d->>1", "d->1": f"eq.{text}"})

    server.client.delete(path, params={"id": "eq.5000"})
    assert answer.text == f'[{{"x":{text},"y":"{text}"}}]'


def test_big_ids_change_and_delete_one_row(server, name):
    path = server.declare(name, CONNECTOR)
    ids = [2**60 + number for number in range(5)]
    server.client.post(path, json=[{"id": number, "j": {"id": big}} for number, big in enumerate(ids)])

    assert (
        server.client.patch(path, params={"j->id": f"eq.{ids[1]}"}, json={"j": {"id": 1}}).status_code == 204
    )
    assert server.client.delete(path, params={"j": f'cs.{{"id":{ids[3]}}}'}).status_code == 204

    left = eventually(lambda: server.client.get(path, params={"order": "id"}).json())
    assert [(row["id"], row["j"]["id"]) for row in left] == [(0, ids[0]), (1, 1), (2, ids[2]), (4, ids[4])]


numbers = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-"]),
    st.one_of(st.integers(0, 99), st.integers(0, 10**25), st.integers(0, 400).map(lambda size: 10**size)).map(
        str
    ),
    st.one_of(st.just(""), st.from_regex(r"\.[0-9]{1,25}", fullmatch=True)),
    st.one_of(st.just(""), st.from_regex(r"[eE][+-]?[0-9]{1,4}", fullmatch=True)),
)


@pytest.fixture(scope="module")
def database():
    """A database in memory: to make one takes longer than to ask it."""
    with duckdb.connect() as connection:
        yield connection


@examples(150)
@given(texts=st.lists(numbers, min_size=2, max_size=20))
def test_sql_of_numbers_orders_like_decimal(database, texts):
    near = list(texts) + [f"{text}0" for text in texts if "." in text and "e" not in text.lower()]
    database.execute("CREATE OR REPLACE TABLE numbers (number VARCHAR)")
    database.executemany("INSERT INTO numbers VALUES (?)", [[text] for text in near])
    order = f"{digits.double('number')}, {digits.rest('number')}"
    rows = database.execute(f"SELECT number, [{digits.double('number')}::VARCHAR, {digits.rest('number')}]"
        f" FROM numbers ORDER BY {order}").fetchall()  # fmt: skip
    values = [Decimal(text) for text, _ in rows]
    assert values == sorted(values)
    for (one, key), (other, next_key) in itertools.pairwise(rows):
        is_same = key[1] == next_key[1] and float(key[0]) == float(next_key[0])
        assert is_same == (Decimal(one) == Decimal(other))
    for text in texts[:3]:
        parameters: list[object] = []

        def add(value: object, values: list[object] = parameters) -> str:
            values.append(value)
            return f"${len(values)}"

        value = Decimal(text)
        for sql, operator in (("=", "eq"), ("<", "lt"), (">=", "gte")):
            parameters.clear()
            condition = digits.compare("number", sql, value, add)
            got = database.execute(f"SELECT number FROM numbers WHERE {condition}", parameters).fetchall()
            expected = sorted(each for each in near if HOLDS[operator](Decimal(each), value))
            assert sorted(each for (each,) in got) == expected


values = st.recursive(
    st.one_of(numbers.map(lambda text: ("number", text)), st.text(max_size=8), st.booleans(), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


def spelt(value):
    if isinstance(value, tuple):
        return value[1]
    if isinstance(value, list):
        return f"[{','.join(map(spelt, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{json.dumps(key)}:{spelt(each)}' for key, each in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


@examples(150)
@given(value=values)
def test_marked_numbers_are_unmarked_unchanged(database, value):
    text = spelt(value)
    got = database.execute(f"SELECT {digits.unmarked(digits.marked('$1'))}", [text]).fetchone()

    assert json.loads(got[0], parse_float=str, parse_int=str) == json.loads(
        text, parse_float=str, parse_int=str
    )
