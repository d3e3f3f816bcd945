"""The way of a GET, feature by feature, through a real gunicorn."""

import csv
import io
import json
import socket

import httpx
import pytest

from tests.support.server import eventually

ROWS = [
    {
        "id": 1,
        "s": "b",
        "n": 1.5,
        "d": 0.07,
        "b": True,
        "t": "2026-01-01T00:00:00Z",
        "l": ["x", "y,z"],
        "j": {"a": 1},
    },
    {
        "id": 2,
        "s": 'a "q", \n',
        "n": -0.25,
        "d": None,
        "b": False,
        "t": "2026-06-01T12:30:00.5Z",
        "l": [],
        "j": None,
    },
    {"id": 3, "s": None, "n": 1e300, "d": 10.00, "b": None, "t": None, "l": None, "j": None},
    {
        "id": 4,
        "s": "",
        "n": 2,
        "d": -3.14,
        "b": True,
        "t": "2025-12-31T23:59:59.999999Z",
        "l": [" "],
        "j": [1],
    },
]
CONNECTOR = """
fields:
  id: integer
  s: {type: string, nullable: true}
  n: number
  d: {type: "decimal(8, 2)", nullable: true}
  b: {type: boolean, nullable: true}
  t: {type: timestamp, nullable: true}
  l: {type: "string[]", nullable: true}
  j: {type: json, nullable: true}
access: {read: [public]}
"""


@pytest.fixture(scope="session")
def path(server):
    path = server.declare("reads", CONNECTOR)
    assert server.client.post(path, json=ROWS).status_code == 201
    return path


def get(server, path, query="", **headers):
    return server.client.get(f"{path}?{query}", headers=headers)


def ids(server, path, query):
    answer = get(server, path, query)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()]


def test_rows_come_back_as_json_in_commit_order(server, path):
    answer = get(server, path)

    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.json() == ROWS


def test_rows_come_back_as_ndjson(server, path):
    answer = get(server, path, Accept="application/x-ndjson")

    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    assert [json.loads(line) for line in answer.text.splitlines()] == ROWS


def test_csv_distinguishes_null_from_empty_text(server, path):
    """Check that rows come back as CSV that tells null from empty text."""
    answer = get(server, path, "select=id,s,d,b,t,l", Accept="text/csv")

    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.text.splitlines()[0] == "id,s,d,b,t,l"
    assert "3,,10.00,,,\n" in answer.text
    assert '4,"",' in answer.text
    read = list(csv.reader(io.StringIO(answer.text)))
    assert read[2][:2] == ["2", 'a "q", \n']
    assert json.loads(read[1][5]) == ["x", "y,z"]


def test_csv_of_get_can_be_posted(server, path, name):
    again = server.declare(name, CONNECTOR)
    text = get(server, path, Accept="text/csv").content

    assert server.client.post(again, content=text, headers={"Content-Type": "text/csv"}).status_code == 201
    assert get(server, again).json() == ROWS


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("id=eq.2", [2]),
        ("id=neq.2", [1, 3, 4]),
        ("id=gt.2", [3, 4]),
        ("id=gte.2&id=lt.4", [2, 3]),
        ("id=lte.1", [1]),
        ("id=not.eq.2", [1, 3, 4]),
        ("id=in.(1,4,9)", [1, 4]),
        ("id=in.()", []),
        ("id=not.in.()", [1, 2, 3, 4]),
        ('s=in.("a \\"q\\", %0A",b)', [1, 2]),
        ("s=eq.", [4]),
        ("id=in.(1, 4 , 9)", [1, 4]),
        ("s=in.( b,nope)", [1]),
        ("or=( id.eq.1 , id.in.( 2, 3 ) )", [1, 2, 3]),
        ("s=like(any).{b\\*,zz}", [1]),
        ("s=eq(any).{\\b,zz}", [1]),
        ("l=cs.{y\\,z}", [1]),
        ("s=is.null", [3]),
        ("s=not.is.null", [1, 2, 4]),
        ("s=is.not_null", [1, 2, 4]),
        ("b=is.true", [1, 4]),
        ("b=is.unknown", [3]),
        ("b=eq.f", [2]),
        ("d=eq.0.07", [1]),
        ("d=gt.0.065", [1, 3]),
        ("d=eq.0.070", [1]),
        ("n=eq.1e300", [3]),
        ("n=lt.0", [2]),
        ("t=gte.2026-01-01T00:00:00%2B00:00", [1, 2]),
        ("t=gte.2026-01-01T00:00:00+00:00", [1, 2]),
        ("t=lt.2026-01-01", [4]),
        ("id[0]=gt.1&id[1]=lt.3", [2]),
        ("_id=gt.2&order=_id", [3, 4]),
        ("order=id.desc", [4, 3, 2, 1]),
        ("order=s", [4, 2, 1, 3]),
        ("order=s.desc", [3, 1, 2, 4]),
        ("order=s.desc.nullslast", [1, 2, 4, 3]),
        ("order=b.asc.nullsfirst,n.desc", [3, 2, 4, 1]),
        ("limit=2", [1, 2]),
        ("limit=2&offset=1", [2, 3]),
        ("limit=0", []),
        ("offset=9", []),
        ("order=id.desc&limit=1&offset=1", [3]),
        ("ignored", [1, 2, 3, 4]),
    ],
)
def test_query_selects_and_orders(server, path, query, expected):
    assert ids(server, path, query) == expected


def test_select_chooses_columns_in_its_order(server, path):
    assert list(get(server, path, "select=s,id").json()[0]) == ["s", "id"]
    assert list(get(server, path, "select=*").json()[0]) == list(ROWS[0])
    assert list(get(server, path, "select=_id,*,_batch").json()[0]) == ["_id", *ROWS[0], "_batch"]
    assert list(get(server, path, "select=" + "*,id," * 1000 + "*").json()[0]) == list(ROWS[0])


@pytest.mark.parametrize(
    ("query", "status", "code", "words"),
    [
        ("id=eq.1.5", 400, "22P02", "'1.5'"),
        ("id=eq.x", 400, "22P02", "integer"),
        ("id=eq. 1", 400, "22P02", "integer"),
        ("id=eq.1e0", 400, "22P02", "integer"),
        ("id=eq.0x1", 400, "22P02", "integer"),
        ("id=eq.9223372036854775808", 400, "22003", "beyond"),
        ("n=eq.1e999", 400, "22003", "beyond"),
        ("t=eq.yesterday", 400, "22P02", "RFC 3339"),
        ("idd=eq.1", 400, "42703", "did you mean 'id'?"),
        ("select=idd", 400, "42703", "did you mean 'id'?"),
        ("order=nope", 400, "42703", "columns are"),
        ("id=1", 400, "PGRST100", "operator"),
        ("id=equal.1", 400, "PGRST100", "operator"),
        ("id=in.1", 400, "PGRST100", "write id=in.(1)"),
        ("id=is.true", 400, "PGRST100", "boolean"),
        ("order=id.down", 400, "PGRST100", "desc"),
        ("select=,", 400, "PGRST100", "quotes"),
        ("limit=x", 400, "PGRST100", "limit=x"),
        ("limit=-1", 416, "PGRST103", "negative"),
        ("id=like.1*", 400, "42883", "needs a string"),
        ("s=like.a\\", 400, "22025", "backslash"),
        ("s=match.(", 400, "2201B", "missing )"),
        ("s=match.(%3F=x)", 400, "2201B", "look-around"),
        ("id=eq(any).1", 400, "PGRST100", "write id=eq(any).{1}"),
        ("id=eq(some).{1}", 400, "PGRST100", "(any)"),
        ("id=neq(any).{1}", 400, "PGRST100", "takes no (any)"),
        ("id=eq(any).{1,x}", 400, "22P02", "'x'"),
        ("or=(id.eq.1", 400, "PGRST100", "write or=(id.eq.1)"),
        ("or=()", 400, "PGRST100", "write or=(a.eq.1,b.gt.2)"),
        ("and=(id.gt.1,or())", 400, "PGRST100", "write or=(a.eq.1,b.gt.2)"),
        ("or=(id=1)", 400, "42703", "write or=(id.eq.1)"),
        ("or=(id>=1,n.eq.2)", 400, "42703", "write or=(id.gte.1,n.eq.2)"),
        ("or=(id.1)", 400, "PGRST100", "a condition is COLUMN.OPERATOR.VALUE"),
        ("id=1", 400, "PGRST100", "write id=eq.1"),
        ("id==1", 400, "PGRST100", "write id=eq.1"),
        ("id=%3E%3D1", 400, "PGRST100", "write id=gte.1"),
        ("id=!%3D1", 400, "PGRST100", "write id=neq.1"),
        ("id=not.1", 400, "PGRST100", "write id=not.eq.1"),
        ("order=s desc", 400, "42703", "write order=s.desc"),
        ("order=s%20DESC", 400, "42703", "write order=s.desc"),
        ("order=-s", 400, "42703", "write order=s.desc"),
        ("order=id,s%20asc", 400, "42703", "write order=id,s.asc"),
        ("select=s as t", 400, "42703", "write select=t:s"),
        ("select=id;s", 400, "42703", "write select=id,s"),
        ("select=id s", 400, "42703", "write select=id,s"),
        ("select=count(*)", 400, "PGRST100", "write select=count()"),
        ("select=count(id)", 400, "PGRST100", "write select=id.count()"),
        ("limit=ten", 400, "PGRST100", "such as limit=100"),
        ("limit=all", 400, "PGRST100", "leave it out for all rows"),
        ("limit=1offset=2", 400, "PGRST100", "separate parameters by &"),
        ("sort=id", 400, "42703", "write order=NAME"),
        ("$orderby=id", 400, "42703", "write order=NAME"),
        ("page=2", 400, "42703", "write limit=N&offset=M"),
        ("fields=id", 400, "42703", "write select=NAME,NAME"),
        ("q=x", 400, "42703", "NAME=OPERATOR.VALUE"),
        ("group_by=s", 400, "42703", "select=NAME,count()"),
        ("api_key=x", 400, "42703", "Authorization: Bearer"),
        ("after=1", 400, "42703", "Link header"),
        ("or=(id.eq.1)x", 400, "PGRST100", "nothing may follow"),
        ("or=id.eq.1", 400, "PGRST100", "write or="),
        ("or=(id.wat.1)", 400, "PGRST100", "no operator at 5"),
        ("or=(id.eq.x)", 400, "22P02", "'x'"),
        ("or=(idd.eq.1)", 400, "42703", "did you mean 'id'?"),
        ("and=" + "(and" * 60 + "(id.eq.1)" + ")" * 60, 400, "PGRST100", "deeper"),
        ("select=id::txt", 400, "42704", "did you mean 'text'?"),
        ("select=b::date", 400, "42846", "boolean cannot be cast to date"),
        ("select=s.sum()", 400, "42883", "no sum() of string"),
        ("select=id.median()", 400, "PGRST100", "count()"),
        ("select=x:id,x:n", 400, "PGRST100", "two columns called 'x'"),
        ("select=b,count()&order=id", 400, "PGRST100", "the columns are b, count"),
        ("select=sum(n)", 400, "PGRST100", "write select=n.sum()"),
        ("n%3E5", 400, "PGRST100", "n=gt.5"),
        ("id=gt", 400, "PGRST100", "a . and a value"),
        ("id=not.not.eq.1", 400, "PGRST100", "comes once"),
        ("id.x=eq.1", 400, "PGRST100", "id->key"),
        ("l->0=eq.a", 400, "22P02", 'write l->0=eq."a"'),
        ("select=id->a", 400, "PGRST100", "nothing inside"),
        ("select=l->>0->1", 400, "PGRST100", "which nothing can follow"),
        ("select=other(id)", 400, "PGRST127", "embedded resource 'other'"),
        ("select=...other(id)", 400, "PGRST127", "spread"),
        ("other.id=eq.1", 400, "PGRST127", "embedded resource 'other'"),
        ("s=fts.word", 400, "PGRST127", "full-text"),
        ("s=wfts(english).word", 400, "PGRST127", "full-text"),
        ("id=adj.[1,2]", 400, "PGRST127", "range types"),
        ("columns=id", 400, "PGRST127", "'columns' on this method is not supported write select="),
        ("on_conflict=id", 400, "PGRST127", "'on_conflict' on this method"),
        ("l=eq.x", 400, "22P02", "list as {a,b}"),
        ("j=cd.{}", 400, "PGRST127", "'cd' on json"),
        ("j=gt.[1]", 400, "PGRST127", "order of JSON arrays"),
        ("l=cs.{a", 400, "22P02", "list as {a,b}"),
        ("id=cs.{1}", 400, "42883", "needs a list or json"),
        ("format=xlsx", 400, "PGRST100", "use one of json"),
        ("cursor=x", 400, "PGRST100", "cursor=x"),
        ("order=s&cursor=99", 400, "PGRST100", "no row 99"),
        ("id=in.(1,2", 400, "PGRST100", "write id=in.(1,2)"),
        ("id=in.(1)2", 400, "PGRST100", "nothing may follow"),
        ("&".join("id=gt.0" for _ in range(201)), 400, "PGRST100", "201"),
    ],
)
def test_unreadable_query_gets_a_correction(server, path, query, status, code, words):
    """Check that a query that cannot be read is refused with words that say what would be right."""
    answer = get(server, path, query.replace("+", "%2B"))

    error = answer.json()
    assert (answer.status_code, error["code"]) == (status, code)
    assert words in f"{error['message']} {error['hint']}"


def test_head_equals_get_without_body(server, path):
    head, whole = server.client.head(path), get(server, path)

    assert (head.status_code, head.content) == (200, b"")
    kept = ("Content-Type", "Content-Length", "ETag", "Vary")
    assert {name: head.headers[name] for name in kept} == {name: whole.headers[name] for name in kept}


def test_accept_decides_by_quality(server, path):
    def kind(accept):
        return get(server, path, "limit=1", Accept=accept).headers["Content-Type"].partition(";")[0]

    assert kind("image/png,application/xml;q=0.9,*/*;q=0.8") == "application/json"
    assert kind("text/csv;q=0.5, application/x-ndjson") == "application/x-ndjson"
    answer = get(server, path, Accept="image/png")
    assert (answer.status_code, answer.json()["code"]) == (406, "PGRST107")


@pytest.mark.parametrize(
    "accept", ["text", ";", ",,,", "a/b;q=foo", "application/json;q=1.5", "application/json, garbage"]
)
def test_unreadable_accept_header_answers_200_or_406(server, path, accept):
    """Check that an Accept header that cannot be read is not a fault of the gateway."""
    assert get(server, path, "limit=1", Accept=accept).status_code in (200, 406)


def test_media_types_ignore_case(server, path):
    assert get(server, path, "limit=1", Accept="TEXT/CSV").headers["Content-Type"].startswith("text/csv")


def test_target_with_host_is_served(server, path):
    answer = server.client.get("/-/connectors/reads/batches?limit=x")
    assert (answer.status_code, answer.json()["code"]) == (400, "PGRST100")
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            f"GET http://{host}{path}?limit=0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        )
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_wide_rows_are_streamed(server, name):
    wide = server.declare(name, "fields: {n: integer, s: string}\naccess: {read: [public]}\n")
    text = "x" * 20_000
    for start in range(0, 3000, 500):
        body = "".join(f'{{"n":{n},"s":"{text}"}}\n' for n in range(start, start + 500)).encode()
        answer = server.client.post(wide, content=body, headers={"Content-Type": "application/x-ndjson"})
        assert answer.status_code == 201, answer.text

    with httpx.stream(
        "GET", server.url + wide, headers={"Accept": "application/x-ndjson"}, timeout=60
    ) as answer:
        assert sum(piece.count(b"\n") for piece in answer.iter_bytes()) == 3000


def test_options_and_405_list_allowed_methods(server, path):
    options, patch = server.client.options(path), server.client.patch(path, json={})

    assert (options.status_code, options.headers["Allow"]) == (200, "OPTIONS, GET, HEAD, POST")
    assert (patch.status_code, patch.json()["code"]) == (405, "PGRST117")
    assert patch.headers["Allow"] == options.headers["Allow"]


def test_awkward_field_names_are_real_columns(server, name):
    fields = [
        "Order ID",
        "field-with_sep",
        'a"b',
        "it's",
        "{x}",
        "a,b",
        "a.b",
        "select",
        "Größe",
        "%s",
        "?",
        "a\\b",
    ]
    text = (
        "fields:\n"
        + "".join(f"  {json.dumps(each)}: integer\n" for each in fields)
        + "access: {read: [public]}\n"
    )
    path = server.declare(name, text)
    row = {each: number for number, each in enumerate(fields)}
    assert server.client.post(path, json=row).status_code == 201

    quoted = ",".join('"' + each.replace("\\", "\\\\").replace('"', '\\"') + '"' for each in fields)
    assert server.client.get(path).json() == [row]
    assert server.client.get(path, params={"select": quoted}).json() == [row]
    assert server.client.get(path, params={"order": quoted}).json() == [row]
    for each in fields:
        if each != "select":
            assert server.client.get(path, params={each: f"eq.{row[each]}"}).json() == [row], each
    text = server.client.get(path, headers={"Accept": "text/csv"}).content
    assert next(csv.reader(io.StringIO(text.decode()))) == fields
    assert server.client.post(path, content=text, headers={"Content-Type": "text/csv"}).status_code == 201


BIG = 50_000


@pytest.fixture(scope="session")
def big(server):
    return fill(server)


def fill(server):
    path = server.declare("big", "fields: {n: integer, s: string}\naccess: {read: [public]}\n")
    lines = "".join(f'{{"n":{n},"s":"row number {n}{"." * 180}"}}\n' for n in range(BIG))
    kind = {"Content-Type": "application/x-ndjson"}
    assert server.client.post(path, content=lines.encode(), headers=kind).status_code == 201
    return path


def test_long_result_streams_whole_in_commit_order(server, big):
    for accept in ("application/json", "application/x-ndjson", "text/csv"):
        answer = get(server, big, Accept=accept)
        assert "Content-Length" not in answer.headers
        if accept == "application/json":
            numbers = [row["n"] for row in answer.json()]
        elif accept == "text/csv":
            numbers = [int(line.split(",")[0]) for line in answer.text.splitlines()[1:]]
        else:
            numbers = [json.loads(line)["n"] for line in answer.text.splitlines()]
        assert numbers == list(range(BIG))


def test_disconnected_clients_release_their_readers(server, big):
    with httpx.Client(base_url=server.url) as client:
        for _ in range(70):  # More than may be open at once.
            with client.stream("GET", big) as answer:
                next(answer.iter_raw())

    eventually(lambda: get(server, big, "limit=1").status_code == 200)
    assert len(get(server, big).json()) == BIG


def test_stalled_readers_are_bounded_and_others_served(own):
    """Check that clients that never read are refused beyond a bound, and others are served meanwhile."""
    big = fill(own)
    with httpx.Client(base_url=own.url, limits=httpx.Limits(max_connections=None)) as client:
        plain = {"Accept-Encoding": "identity"}
        open_ones = [
            client.send(client.build_request("GET", big, headers=plain), stream=True) for _ in range(80)
        ]
        statuses = {each.status_code for each in open_ones}
        eventually(lambda: get(own, big, "limit=1").status_code == 200, "nobody else is served meanwhile")
        for each in open_ones:
            each.close()

    # Where opening them takes long the first have already given their room to the last.
    assert statuses <= {200, 503}
