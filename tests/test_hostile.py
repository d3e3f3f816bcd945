"""Whatever arrives, the answer is never a 5xx and the gateway serves on."""

import gzip
import itertools
import json
import socket

import httpx
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

CONNECTOR = """
fields:
  i: {type: integer, nullable: true}
  s: {type: string, nullable: true}
  d: {type: "decimal(12, 2)", nullable: true}
  f: {type: number, nullable: true}
  t: {type: timestamp, nullable: true}
  u: {type: uuid, nullable: true}
  j: {type: json, nullable: true}
  l: {type: "integer[]", nullable: true}
access: {read: [public]}
"""
KINDS = st.sampled_from(["application/json", "application/x-ndjson", "text/csv", None])
ENCODINGS = st.sampled_from([None, None, None, "gzip", "zstd", "identity", "br", "gzip, gzip"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from("isdftujl") | st.text(), inner, max_size=6)
    ),
    max_leaves=20,
)


@pytest.fixture(scope="session")
def path(server):
    return server.declare("hostile", CONNECTOR)


def check(answer: httpx.Response) -> None:
    assert answer.status_code < 500, (answer.status_code, answer.text)
    if answer.status_code >= 400:
        assert list(answer.json()) == ["code", "message", "details", "hint"]


@settings(max_examples=400)
@given(body=st.binary(max_size=300), kind=KINDS, encoding=ENCODINGS)
def test_random_bytes_never_yield_a_5xx(server, path, body, kind, encoding):
    headers = {
        name: value for name, value in (("Content-Type", kind), ("Content-Encoding", encoding)) if value
    }

    check(server.client.post(path, content=body, headers=headers))


@settings(max_examples=400)
@given(value=JSON)
@example(value=[{"f": 1e308}, {"f": 5e-324}, {"j": {"": [None]}}])
def test_random_json_never_yields_a_5xx(server, path, value):
    check(server.client.post(path, content=json.dumps(value), headers={"Content-Type": "application/json"}))


VALID = (
    b'[{"i":1,"s":"a\\u00e9\\"","d":1.25,"f":1e3,"t":"2026-01-01T00:00:00Z",'
    b'"u":"0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d","j":{"k":[1,null]},"l":[1,2]}]'
)
LINES = VALID[1:-1] + b"\n" + VALID[1:-1] + b"\n"
CSV = b'i,s,d,f,t,j,l\n1,"a ""b"" ,\nc",1.25,1e3,2026-01-01T00:00:00Z,"{""k"": 1}","[1,2]"\n,,,,,,\n'
SAMPLES = [
    ("application/json", None, VALID),
    ("application/x-ndjson", None, LINES),
    ("text/csv", None, CSV),
    ("application/x-ndjson", "gzip", gzip.compress(LINES * 50)),
    ("application/x-ndjson", "zstd", zstandard.compress(LINES * 50)),
]


@settings(max_examples=400)
@given(
    sample=st.sampled_from(SAMPLES),
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 40),
)
def test_spoiled_bodies_never_yield_a_5xx(server, path, sample, flips, cut):
    kind, encoding, text = sample
    spoiled = bytearray(text)
    for place, value in flips:
        spoiled[place % len(spoiled)] = value
    headers = {"Content-Type": kind} | ({"Content-Encoding": encoding} if encoding else {})

    check(server.client.post(path, content=bytes(spoiled[: len(spoiled) - cut]), headers=headers))


NUMBERS = [
    "1e400",
    "-1e-400",
    "1e999999999",
    "-0",
    "-0.0",
    "0." + "1" * 5000,
    "9" * 4000,
    "9" * 20,
    "1E400000000000000000000",
    "1.0",
    "1e2",
]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: number[:12])
@pytest.mark.parametrize("field", ["i", "d", "f", "j", "s", "l"])
def test_odd_numbers_never_yield_a_5xx(server, path, number, field):
    check(
        server.client.post(
            path, content=f'{{"{field}": {number}}}', headers={"Content-Type": "application/json"}
        )
    )
    check(server.client.post(path, content=f"{field}\n{number}\n", headers={"Content-Type": "text/csv"}))
    check(server.client.get(path, params={field: f"gt.{number}"}))


_WORDS = [
    "eq",
    "in",
    "is",
    "not",
    ".",
    "(",
    ")",
    ",",
    '"',
    "\\",
    "null",
    "1",
    "'",
    "--",
    ";",
    "*",
    "%",
    "->",
    "i",
    "s",
    "_id",
    "desc",
    "\x00",
    "é",
    "[",
]


@settings(max_examples=600)
@given(
    key=st.sampled_from(["select", "order", "limit", "offset", *"isdftujl", "_id", "or"])
    | st.text(max_size=8),
    value=st.lists(st.sampled_from(_WORDS), max_size=10).map("".join) | st.text(max_size=20),
)
def test_random_queries_never_yield_a_5xx(server, path, key, value):
    check(server.client.get(path, params={key: value, "limit": "1"}))


@settings(max_examples=150)
@given(
    st.binary(max_size=200),
    st.sampled_from(
        [
            b"",
            b"GET / HTTP/1.1\r\n",
            b"POST /hostile HTTP/1.1\r\nHost: x\r\n",
            b"GET /hostile HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: ",
            b"FOO ",
        ]
    ),
)
def test_random_requests_never_yield_a_5xx(server, path, rest, start):
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(start + rest + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    assert not answer.startswith(b"HTTP/1.1 5"), answer


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", b"i,s\n1," + b'"' + b"a\n" * 4_000_000),
        ("text/csv", b"i,s\n" + b'1,"' * 2_000_000),
        ("text/csv", b"i,s\n" + b"," * 8_000_000),
        ("text/csv", b"i,s\n" + b'1,""""""""""\n' * 500_000),
        ("application/json", b'{"j":' + b"[1," * 100_000),
        ("application/json", b'{"j":"' + b"\\u0041" * 1_000_000 + b'"}'),
        ("application/json", b"[" + b"1," * 2_000_000 + b"1]"),
        ("application/json", b'{"i":1' + b"0" * 4_000_000 + b"}"),
        ("application/json", b"[" + b'{"i":1,"i":2},' * 200_000 + b"{}]"),
        ("application/x-ndjson", b"{\n" * 1_000_000),
        ("application/json", b"{" + b",".join(b'"k%d":1' % n for n in range(100_000)) + b"}"),
    ],
    ids=itertools.count(),
)
def test_large_hostile_bodies_are_answered(server, path, kind, body):
    check(server.client.post(path, content=body, headers={"Content-Type": kind}))


def test_the_gateway_still_serves_and_every_row_it_took_comes_back(server, path):
    answer = server.client.get(path)

    assert answer.status_code == 200
    assert isinstance(answer.json(), list)
