"""Casts in `select`, paths into JSON, and what is said where one of them cannot be."""

import json

import pytest

CONNECTOR = """
fields:
  id: integer
  s: {type: string, nullable: true}
  n: {type: number, nullable: true}
  l: {type: "string[]", nullable: true}
  k: {type: "integer[]", nullable: true}
  j: {type: json, nullable: true}
  ts: {type: timestamp, nullable: true}
access: {read: [public], change: [admin]}
"""
DATA = {
    "a": "5",
    "tags": ["x", "y,z", None],
    "num": [1, 2],
    "t": "08:30:00",
    "u": "0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d",
    "d": "1.5",
    "doc": '{"k":[1,"NaN"]}',
    "pg": '{a,"b c"}',
    "1a": 1,
    "-x": 2,
    "list": [7, 8],
}
ROWS = [
    {"id": 1, "s": "12", "n": 1.5, "l": ["1", "2"], "k": [3, 4], "j": DATA, "ts": "2026-01-01T08:30:00Z"},
    {"id": 70000, "s": "database has been invalidated", "n": 1e300, "l": ["No space left"], "j": {"doc": "[1,]", "tags": 5}},
    {"id": 3, "s": "1.5", "l": []},
    {"id": 4, "s": "99999999999999999999", "j": {"doc": "[NaN]"}},
]  # fmt: skip


@pytest.fixture(scope="session")
def path(server):
    path = server.declare("casts", CONNECTOR)
    assert server.client.post(path, json=ROWS).status_code == 201
    return path


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("x:s::smallint", 12),
        ("x:s::int2", 12),
        ("x:id::int2", 1),
        ("x:n::real", 1.5),
        ("x:n::double precision", 1.5),
        ("x:n::DOUBLE  Precision", 1.5),
        ("x:s::character varying", "12"),
        ("x:s::numeric", 12.0),
        ("x:l::int[]", [1, 2]),
        ("x:l::_int4", [1, 2]),
        ("x:k::text[]", ["3", "4"]),
        ("x:k::_text", ["3", "4"]),
        ("x:k::float8[]", [3.0, 4.0]),
        ("x:j->tags::text[]", ["x", "y,z", None]),
        ("x:j->num::int[]", [1, 2]),
        ("x:j->>num::int[]", [1, 2]),
        ("x:j->>pg::text[]", ["a", "b c"]),
        ("x:j->>t::time", "08:30:00"),
        ("x:j->t::time", "08:30:00"),
        ("x:ts::time", "08:30:00"),
        ("x:ts::timestamp without time zone", "2026-01-01T08:30:00"),
        ("x:ts::timestamp with time zone", "2026-01-01T08:30:00Z"),
        ("x:j->>u::uuid", DATA["u"]),
        ("x:j->u::uuid", DATA["u"]),
        ("x:j->>doc::json", {"k": [1, "NaN"]}),
        ("x:s::json", 12),
        ("x:j->list->>-1", "8"),
        ("x:j->list->-2::smallint", 7),
        ("x:j->1a", 1),
        ('x:j->"-x"', 2),
        ("x:s::smallint.sum()", 12),
        ("x:k::text[]::text", None),
    ],
)
def test_cast_gives_its_type(server, path, select, expected):
    answer = server.client.get(path, params={"select": select, "id": "eq.1"})

    if expected is None:
        assert answer.status_code == 400
    else:
        assert (answer.status_code, answer.json()) == (200, [{"x": expected}])


@pytest.mark.parametrize(
    ("select", "code", "said", "hint"),
    [
        (
            "s::int",
            "22P02",
            "'database has been invalidated' in 's' cannot be cast to integer",
            "cast s to text",
        ),
        ("l::int[]", "22P02", "'No space left' in 'l' cannot be cast to integer[]", "cast l to text"),
        ("id::smallint", "22003", "'70000' in 'id' is beyond what the cast to smallint", "cast id to bigint"),
        ("n::int", "22003", "'1e+300' in 'n' is beyond what the cast to integer", "numeric or text"),
        ("n.sum()::int", "22003", "in 'sum()' is beyond", "cast sum()"),
        ("j->tags::text[]", "22P02", "'5' in 'j->tags' cannot be cast to string[]", "filter such values out"),
        ("j->tags::int[]", "22P02", "in 'j->tags' cannot be cast to integer[]", "filter such values out"),
        ("j->>doc::json", "22P02", "'[1,]' in 'j->>doc' cannot be cast to json", "cast j->>doc to text"),
        ("j->>a::uuid", "22P02", "'5' in 'j->>a' cannot be cast to uuid", "cast j->>a to text"),
        ("j->>d::int", "22P02", "'1.5' in 'j->>d' cannot be cast to integer", "cast j->>d to text"),
        ("s::date", "22P02", "in 's' cannot be cast to date", "cast s to text"),
        ("s::txt", "42704", "there is no type 'txt' to cast 's' to", "did you mean 'text'?"),
        ("s::string", "42704", "'string'", "did you mean 'text'?"),
        ("n::double", "42704", "'double'", "did you mean 'float8'?"),
        ("s::smalint", "42704", "'smalint'", "did you mean 'smallint'?"),
        ("l::json[]", "42704", "'json[]'", "did you mean 'json'?"),
        ("l::date", "42846", "'l': string[] cannot be cast to date", "cast to text"),
        ("n::uuid", "42846", "'n': number cannot be cast to uuid", "cast to text"),
        ("s::varchar(20)", "PGRST100", "cannot be read at 12", "write select=s::varchar"),
        ("n::numeric(10,2)", "PGRST100", "cannot be read", "write ::numeric"),
        ("s::", "PGRST100", "cannot be read at 4", "such as ::text"),
        ("j->>--34", "PGRST100", "select=j->>--34 cannot be read at 5", "as in ->-1"),
        ("j->--1", "PGRST100", "cannot be read at 4", "as in ->-1"),
        ("j->>-78xy", "PGRST100", "cannot be read at 5", "as in ->-1"),
        ("j->-", "PGRST100", "cannot be read at 4", "as in ->-1"),
        ("j->>", "PGRST100", "cannot be read at 5", "write a key or an index"),
    ],
)
def test_failed_cast_names_column_and_value(server, path, select, code, said, hint):
    is_first = "j->>a" in said or "j->>d'" in said
    answer = server.client.get(path, params={"select": select, "id": "eq.1" if is_first else "eq.70000"})

    error = answer.json()
    assert (answer.status_code, error["code"]) == (400, code)
    assert said in error["message"]
    assert hint in error["hint"]


def test_value_like_an_error_fails_no_query(server, path):
    """A value that a message of the database would hold is no failure of the database."""
    for select in ("s::int", "l::int[]", "s::json", "s::uuid"):
        assert server.client.get(path, params={"select": select, "id": "eq.70000"}).status_code == 400

    assert server.client.get(path, params={"select": "id"}).status_code == 200


@pytest.mark.parametrize("place", ["order=j->--1", "j->--1=eq.1", "or=(j->--1.eq.1)", "j->>--1=is.null"])
def test_malformed_path_is_refused_in_every_parameter(server, path, place):
    answer = server.client.get(f"{path}?{place}")

    assert (answer.status_code, answer.json()["code"]) == (400, "PGRST100")


@pytest.mark.parametrize("format", ["csv", "parquet", "arrow", "ndjson"])
def test_casts_are_served_in_every_format(server, path, format):
    select = "id::smallint,k::text[],j->>t::time,j->>u::uuid,j->>doc::json"
    answer = server.client.get(path, params={"select": select, "id": "eq.1", "format": format})

    assert answer.status_code == 200
    if format == "ndjson":
        expected = {"id": 1, "k": ["3", "4"], "t": "08:30:00", "u": DATA["u"], "doc": {"k": [1, "NaN"]}}
        assert json.loads(answer.text) == expected


def test_casts_are_counted_grouped_and_paged(server, path):
    counted = {"Prefer": "count=exact"}
    answer = server.client.get(f"{path}?select=j->>t::time&id=eq.1", headers=counted)
    assert (answer.json(), answer.headers["Content-Range"]) == ([{"t": "08:30:00"}], "0-0/1")
    answer = server.client.get(f"{path}?select=day:ts::date,count()&limit=1&id=eq.1", headers=counted)
    assert answer.json() == [{"day": "2026-01-01", "count": 1}]
    page = server.client.get(f"{path}?select=x:id::bigint,y:ts::date&order=id&limit=1")
    assert server.client.get(page.links["next"]["url"]).json() == [{"x": 3, "y": None}]
