"""Random garbage at every place of a request is refused in a sentence, with a fix that fits, and breaks nothing."""

import json
import socket
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.sizes import examples

CONNECTOR = """
fields:
  id: integer
  name: {type: string, nullable: true}
  amount: {type: 'decimal(12, 2)', nullable: true}
  at: {type: timestamp, nullable: true}
  data: {type: json, nullable: true}
  tags: {type: 'string[]', nullable: true}
on_invalid: keep
access: {read: [public], change: [admin]}
"""
PIECES = [
    "id name amount at data tags _id eq gte in not is null or and cs like match any select order limit offset cursor",
    "format columns desc nullslast text int date sum() count() ( ) { } [ ] , . : :: -> ->> * \" ' \\ % + - -- = & ; /",
    "? # @ < > ! | $ ~ ^ ` 1 0 -1 1e400 99999999999999999999 NaN %00 %FF %C3%A9 %0A %1B é 💣 \x7f",
]
WORDS = [" ", *(word for line in PIECES for word in line.split())]
PATHS = [
    "/{0}",
    "/{0}/",
    "/{0}/1",
    "//{0}",
    "/",
    "/nope",
    "/{0}%00",
    "/{0}%FF",
    "/../{0}",
    "/{0};x",
    "/-/",
    "/-/status",
    "/-/connectors",
    "/-/connectors/{0}",
    "/-/connectors/zz",
    "/-/connectors/{0}/rejected",
    "/-/connectors/{0}/rejected/replay",
    "/-/connectors/{0}/rejected/discard",
    "/-/connectors/{0}/batches",
    "/-/connectors/{0}/history",
    "/-/connectors/{0}/copy",
    "/-/resolve",
    "/-/plan",
    "/-/plam",
    "/-/ready",
]
METHODS = [
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "FOO",
    "get",
]
HEADERS = {
    "Range": [
        "bytes=0-",
        "bytes=-",
        "bytes=x-y",
        "bytes=5-1",
        "bytes=99999999999999999999-",
        "items=0-1",
        "5-2",
        "=",
    ],
    "Accept": [
        "text/csv",
        "application/xml",
        "*/*;q=0",
        "q=1",
        "a",
        ",,,",
        "application/vnd.pgrst.object+json",
        "/",
    ],
    "Accept-Encoding": ["br", "identity;q=0", "*;q=0", ",", "zstd;q=2"],
    "Prefer": [
        "count=all",
        "return=foo",
        "handling=strict, x=y",
        "max-affected=-1",
        "tx=maybe",
        "resolution=x",
        "=",
    ],
    "Content-Type": [
        "text/csv",
        "application/xml",
        "json",
        "multipart/form-data",
        "text/csv; charset=x",
        "/",
        "text",
    ],
    "Content-Encoding": ["gzip", "deflate", "br", "zstd", "x", "gzip, gzip"],
    "Idempotency-Key": ["", "x" * 300, "é", '"', "a b"],
    "If-Match": ["*", "x", '"a"', 'W/"a"', '"', ","],
    "If-None-Match": ["*", '"', "x"],
    "If-Range": ["x", '"a"', 'W/"x"'],
    "Authorization": [
        "Bearer",
        "Bearer x",
        "Basic",
        "Basic !!",
        "Basic dTpw",
        "Token x",
        "x",
        "Bearer é",
        "Digest a=b",
    ],
    "Host": ["", "a b", "[::1", "x" * 300, "é"],
    "Content-Length": ["-1", "x", "1, 1"],
    "Transfer-Encoding": ["gzip", "x", "chunked, chunked"],
    "Accept-Profile": ["x"],
    "Traceparent": ["x"],
}
BODIES = [
    b"", b"{}", b"[]", b"{", b"[1", b"null", b"id\n1\n", b"id,name\n1\n", b"\x00", b"\xff\xfe", b"PK\x03\x04", b"a=b",
    b"\x1f\x8b", b'{"id":1}', b'{"id":"x"}', b'[{"id":1},{"x":2}]', b'{"reason":1}', b'{"id":1e999}', b'{"id":NaN}',
    b"\xed\xa0\x80", b'{"n":"\\ud800"}', b'{"to":1}', b'{"files":1}', b'{"_id":"2"}',
]  # fmt: skip
#: What needs no hint: the message names what is allowed, or says what is wrong with a value of a filter.
CLEAR = ("is not one of OPTIONS,", "in the filter on '")
ONE_OF = st.sampled_from
TEXTS = st.lists(ONE_OF(WORDS), min_size=1, max_size=8).map("".join)
QUERIES = st.lists(TEXTS, max_size=3).map("&".join)
SOME_HEADERS = st.lists(ONE_OF([(name, each) for name in HEADERS for each in HEADERS[name]]), max_size=2)


def ask(server, method, path, query, headers, body):
    """Send a request as it is; give the status and the body."""
    target = path + (f"?{quote(query, safe=''.join(map(chr, range(33, 127))))}" if query else "")
    fields = {
        "Host": "x",
        "Connection": "close",
        "Content-Length": str(len(body)),
        **server.admin,
        **dict(headers),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, text = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), text


@pytest.fixture
def path(server, name):
    path = server.declare(name, CONNECTOR)
    server.client.post(path, json=[{"id": 1, "name": "a", "data": {"a": [1]}, "tags": ["x"]}, {"id": "x"}])
    return path


@examples(400)
@given(
    method=ONE_OF([*METHODS[:5] * 3, *METHODS]),
    template=ONE_OF([*PATHS[:1] * 30, *PATHS]),
    query=QUERIES,
    headers=SOME_HEADERS,
    body=ONE_OF(BODIES),
)
def test_garbage_is_refused_with_message_and_hint(server, path, method, template, query, headers, body):
    """Check that garbage is refused with a sentence that says what is wrong, and a hint that fixes it."""
    target = template.format(path.strip("/"))
    status, text = ask(server, method, target, query, headers, body if method[0] in "PF" else b"")

    assert status < 500
    for words in (b"Internal", b"Traceback", b" object at 0x", b"Exception"):
        assert words not in text
    if status < 400 or method == "HEAD":
        return
    error = json.loads(text)
    assert list(error)[:4] == ["code", "message", "details", "hint"]
    assert not any(ord(letter) < 32 and letter not in "\t\n\r" for letter in error["hint"] or "")
    assert error["hint"] or any(words in error["message"] for words in CLEAR), error


SENTENCES = [
    # The method, the path and query, the headers and the body; the message and the hint.
    ("FOO", "/{0}", {}, b"", "FOO is not an HTTP method", "send GET, HEAD, POST"),
    ("DELETE", "/-/plan", {}, b"", "DELETE is not one of ", "send POST"),
    ("GET", "/-/plam", {}, b"", "there is no path '/-/plam'", "did you mean '/-/plan'?"),
    ("GET", "/-/connectors/{0}/rejectd", {}, b"", "there is no path '/-/connectors/", "rejected'?"),
    ("GET", "/{0}", {"Host": "a b"}, b"", "the host 'a b' is not valid", "Host: 127.0.0.1:8000"),
    (
        "POST",
        "/{0}?zzz=1",
        {},
        b"[]",
        "the parameter 'zzz' on POST",
        "the parameters are columns, on_conflict",
    ),
    ("POST", "/-/plan", {}, b'{"id":', "line 1, column 7: the text ends in the middle", 'send {"files": {'),
    ("POST", "/-/plan", {}, b"x", "the body is not valid JSON: line 1, column 1: ", 'send {"files": {'),
    ("POST", "/-/plan", {}, b"[]", "the body has no files", 'send {"files": {'),
    ("POST", "/-/connectors/{0}/copy", {}, b'{"to": 1}', "does not name a connector", 'send {"to": NAME}'),
]


@pytest.mark.parametrize(("method", "target", "headers", "body", "message", "hint"), SENTENCES)
def test_each_part_of_request_has_own_message(server, path, method, target, headers, body, message, hint):
    _, text = ask(server, method, target.format(path.strip("/")), "", headers.items(), body)

    error = json.loads(text)
    assert message in error["message"]
    assert hint in error["hint"]
