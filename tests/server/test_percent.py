"""Bytes of a request's target that are not UTF-8: refused wherever they stand, and nothing is done."""

import socket
from urllib.parse import quote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import percent
from gateway.errors import GatewayError

CONNECTOR = """
fields:
  id: integer
  name: string
primary_key: id
access: {read: [public], change: [admin]}
"""
ROWS = [{"id": 1, "name": "Zoë"}, {"id": 2, "name": "Ann"}]


@pytest.fixture(scope="session")
def path(server):
    path = server.declare("percent", CONNECTOR)
    assert server.client.post(path, json=ROWS).status_code == 201
    return path


def refused(server, method, target, body=None):
    """Send a target as it stands, which client libraries would encode anew; return the error."""
    host, port = server.url.removeprefix("http://").split(":")
    content = body or b""
    head = [
        f"{method} ".encode() + target + b" HTTP/1.1",
        b"Host: " + host.encode(),
        b"Authorization: " + server.admin["Authorization"].encode(),
        b"Content-Type: application/json",
        b"Content-Length: " + str(len(content)).encode(),
        b"Connection: close",
    ]
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"\r\n".join([*head, b"", content]))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    top, _, text = answer.partition(b"\r\n\r\n")
    return int(top.split(b" ")[1]), text.decode()


BYTES = {
    "%EB": "%EB is Latin-1 for ë, write %C3%AB",
    "%C0%AF": "shortest form",
    "%ED%A0%80": "surrogates",
    "%E2%82": "cut off",
    "%FF": "Latin-1 for ÿ",
    "a%00b": "%00",
}


@pytest.mark.parametrize("wrong", BYTES)
@pytest.mark.parametrize(
    "operator", ["eq.{}", "neq.{}", "in.({})", "not.in.(Ann,{})", "like.{}*", "isdistinct.{}"]
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_refused_filter_value_is_named_by_its_bytes(server, path, method, operator, wrong):
    target = f"{path}?name={operator.format(wrong)}".encode()

    status, text = refused(server, method, target, b'{"name": "X"}' if method == "PATCH" else None)

    assert (status, "PGRST100" in text) == (400, True), text
    assert "the value of the filter on 'name'" in text
    assert BYTES[wrong] in text
    assert server.client.get(path).json() == ROWS


PLACES = [
    ("GET", "?na%EBme=eq.1", "the name of a parameter"),
    ("GET", "?%EB", "the name of a parameter"),
    ("GET", "?select=na%EBme", "'select'"),
    ("GET", "?select=id,a%EB:name", "'select'"),
    ("GET", "?order=na%EBme", "'order'"),
    ("GET", "?limit=%EB", "'limit'"),
    ("GET", "?offset=%EB", "'offset'"),
    ("GET", "?cursor=%EB", "'cursor'"),
    ("GET", "?format=cs%EB", "'format'"),
    ("GET", "?or=(name.eq.Zo%EB,id.eq.1)", "'or'"),
    ("GET", "?not.and=(name.eq.Zo%EB,id.eq.1)", "'not.and'"),
    ("HEAD", "?name=eq.Zo%EB", ""),
    ("POST", "?columns=id,na%EBme", "'columns'"),
    ("POST", "?on_conflict=i%EBd", "'on_conflict'"),
    ("POST", "?select=na%EBme", "'select'"),
    ("PUT", "?columns=id,na%EBme", "'columns'"),
    ("DELETE", "?name=eq.Ann&select=na%EBme", "'select'"),
    ("GET", "/caf%E9", "the path"),
    ("GET", "?name=eq.Zo\xeb", "the value of 'name'"),
    ("GET", "?n\xeb=eq.Zo", "the name of a parameter"),
    ("GET", "/caf\xe9", "the path"),
]


@pytest.mark.parametrize(("method", "rest", "place"), PLACES)
def test_undecodable_part_of_a_request_is_named(server, path, method, rest, place):
    status, text = refused(server, method, f"{path}{rest}".encode("latin-1"), b"[]")

    assert status == 400
    assert method == "HEAD" or "PGRST100" in text
    assert place in text


@pytest.mark.parametrize("rest", ["?raw=neq.%EB", "/replay?raw=neq.%EB", "/discard?raw=neq.%EB"])
def test_rejected_rows_refuse_an_undecodable_filter(server, path, rest):
    method = "GET" if rest.startswith("?") else "POST"

    status, text = refused(
        server,
        method,
        f"/-/connectors{path}/rejected{rest}".encode(),
        b'{"reason": "none"}' if "discard" in rest else None,
    )

    assert (status, "'raw'" in text) == (400, True)


@pytest.mark.parametrize("rest", ["batches", "history"])
@pytest.mark.parametrize("limit", ["%EB", "x", "-1", "1%zz", "1000000000"])
def test_limit_of_operating_paths_is_a_whole_number(server, path, rest, limit):
    status, text = refused(server, "GET", f"/-/connectors{path}/{rest}?limit={limit}".encode())

    assert (status, "PGRST100" in text) == (400, True)
    assert "limit" in text


@pytest.mark.parametrize("value", ["%", "100%", "%zz", "%e", "*%*"])
def test_bare_percent_sign_is_itself(server, path, value):
    server.client.post(path, json=[{"id": 3, "name": value}]).raise_for_status()

    status, text = refused(server, "GET", f"{path}?name=eq.{value}&select=name".encode())

    server.client.delete(path, params={"id": "eq.3"}).raise_for_status()
    assert status == 200
    assert value in text


@given(st.binary(max_size=12))
def test_percent_decoding_is_exact_or_an_error(raw):
    try:
        expected = raw.decode()
    except UnicodeDecodeError:
        expected = None
    if expected is not None and "\0" not in expected:
        assert percent.decode(quote(raw), "it") == expected
        return

    with pytest.raises(GatewayError) as error:
        percent.decode(quote(raw), "it")
    named = error.value.message.rpartition(" at ")[2] if expected is None else "%00"
    assert unquote_to_bytes(named) in raw
    assert error.value.hint
