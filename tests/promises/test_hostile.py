"""Whatever arrives, the answer is never a 5xx and the gateway serves on."""

import contextlib
import itertools
import json
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support import malformed
from tests.support.malformed import CONNECTOR, Malformed
from tests.support.server import DEADLINE, Server, serving
from tests.support.sizes import examples

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
        assert list(answer.json())[:4] == ["code", "message", "details", "hint"]


@examples(300)
@given(value=JSON)
@example(value=[{"f": 1e308}, {"f": 5e-324}, {"j": {"": [None]}}])
def test_random_json_never_yields_a_5xx(server, path, value):
    check(server.client.post(path, content=json.dumps(value), headers={"Content-Type": "application/json"}))


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


@examples(600)
@given(
    key=st.sampled_from(["select", "order", "limit", "offset", *"isdftujl", "_id", "or"])
    | st.text(max_size=8),
    value=st.lists(st.sampled_from(_WORDS), max_size=10).map("".join) | st.text(max_size=20),
)
def test_random_queries_never_yield_a_5xx(server, path, key, value):
    check(server.client.get(path, params={key: value, "limit": "1"}))


@examples(150)
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
        ("text/csv", b"i,s\n1," + b'"' + b"a\n" * 1_000_000),
        ("text/csv", b"i,s\n" + b'1,"' * 500_000),
        ("text/csv", b"i,s\n" + b"," * 2_000_000),
        ("text/csv", b"i,s\n" + b'1,""""""""""\n' * 150_000),
        ("text/csv", b'i,s\n1,"' + b'""' * 5_000_000 + b'"\n'),
        ("text/csv", b'i,s\n1,"' + b'"\n"' * 1_000_000),
        ("text/csv", b"i,s\n" + b"1,x\r" * 500_000),
        ("text/csv", b'i,l\n1,"[' + b"1," * 400_000 + b'1]"\n'),
        ("text/csv", b"i,l\n" + b'1,"[1]}\n{""v"":[2]"\n' * 50_000),
        ("text/csv", b'i,j\n1,"' + b"[" * 500_000 + b'"\n'),
        ("text/csv", b"f\n" + b"1e-400\n" * 100_000),
        ("text/csv", b"s\n" + b"\n" * 500_000),
        ("text/csv", b",".join(b"c%d" % n for n in range(50_000)) + b",i\n" + b"," * 50_000 + b"1\n"),
        ("application/json", b'{"j":' + b"[1," * 100_000),
        ("application/json", b'{"j":"' + b"\\u0041" * 1_000_000 + b'"}'),
        ("application/json", b"[" + b"1," * 500_000 + b"1]"),
        ("application/json", b'{"i":1' + b"0" * 4_000_000 + b"}"),
        ("application/json", b"[" + b'{"i":1,"i":2},' * 200_000 + b"{}]"),
        ("application/x-ndjson", b"{\n" * 250_000),
        ("application/json", b"{" + b",".join(b'"k%d":1' % n for n in range(100_000)) + b"}"),
    ],
    ids=itertools.count(),
)
def test_large_hostile_bodies_are_answered(server, path, kind, body):
    check(server.client.post(path, content=body, headers={"Content-Type": kind}))


def test_rows_are_served_after_hostile_requests(server, path):
    answer = server.client.get(path)

    assert answer.status_code == 200
    assert isinstance(answer.json(), list)


# -- malformed requests, on connections that say what they like

SEED = 20261125
CLIENTS = 6
#: How much the worker may grow once it has seen a quarter of them.
GROWTH = 50 * 2**20


class Wire:
    """A connection that requests are sent on as they are, and made anew where it was closed. One thread at a time."""

    def __init__(self, server: Server) -> None:
        host, _, port = server.url.removeprefix("http://").partition(":")
        self._address = host, int(port)
        self._connection: socket.socket | None = None
        self._read, self._closes = b"", False

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection, self._read, self._closes = None, b"", False

    def send(self, each: Malformed) -> list[tuple[int, dict]]:
        """Send a request, and give the status and body of every answer that came."""
        if not each.is_whole:
            self.close()
        if self._connection is None:
            self._connection = socket.create_connection(self._address, timeout=DEADLINE)
        with contextlib.suppress(ConnectionError):
            self._connection.sendall(each.request)
        answers = [] if each.breaks_off else [self._answer()]
        if not each.is_whole:
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_WR)
            while self._read or self._more():
                answers.append(self._answer())
            self._closes = True
        if self._closes:
            self.close()
        return answers

    def _answer(self) -> tuple[int, dict]:
        while b"\r\n\r\n" not in self._read:
            assert self._more(), f"closed without an answer, after {self._read!r}"
        head, _, self._read = self._read.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines)}
        length = int(headers["content-length"])
        while len(self._read) < length:
            assert self._more(), "closed in the middle of an answer"
        body, self._read = self._read[:length], self._read[length:]
        self._closes = headers.get("connection", "").lower() == "close"
        return int(line.split(" ")[1]), json.loads(body)

    def _more(self) -> bool:
        assert self._connection is not None
        try:
            piece = self._connection.recv(2**16)
        except ConnectionResetError:
            piece = b""
        self._read += piece
        return bool(piece)


@pytest.mark.long
@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.torture)])
def test_malformed_requests_are_answered_without_growing_memory(tmp_path, tell, count):
    """Send flips, cuts, splices, traps, bombs, wrong labels and wrong framing. Print the statuses of the answers and the growth of memory."""
    statuses: Counter[int] = Counter()
    receipts: list[dict] = []

    def send(numbers: range) -> None:
        wire = Wire(server)
        for number in numbers:
            each = malformed.of(SEED, number, path, server.admin["Authorization"])
            try:
                answers = wire.send(each)
                for status, body in answers:
                    assert status < 500, body
                    assert status < 400 or list(body)[:4] == ["code", "message", "details", "hint"]
            except (AssertionError, OSError, ValueError) as error:
                raise AssertionError(
                    f"seed {SEED}, {each.what}: {error!r}; {each.request[:2000]!r}"
                ) from error
            statuses.update(status for status, _ in answers)
            receipts.extend(body for status, body in answers if status == 201)
        wire.close()

    def send_all(numbers: range) -> None:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(send, (numbers[start::CLIENTS] for start in range(CLIENTS))))

    with serving(tmp_path, GATEWAY_MAX_BODY="1M", GATEWAY_BODY_TIMEOUT="0.5") as server:
        path = server.declare("hostile", CONNECTOR)
        send_all(range(count // 4))
        before = server.memory()
        send_all(range(count // 4, count))
        growth = server.memory() - before
        tell(
            f"seed {SEED}, malformed requests: {count}, answers: {dict(sorted(statuses.items()))}, 5xx: 0,"
            f" worker grew by {growth / 2**20:.0f} MiB after the first quarter"
        )
        ids = [
            id for each in receipts if each["stored"] for id in range(each["first_id"], each["last_id"] + 1)
        ]
        assert [row["_id"] for row in server.client.get(f"{path}?select=_id&order=_id").json()] == sorted(ids)
        assert server.client.post(path, json={"i": 1}).status_code == 201
    assert statuses[201] < count / 4
    assert growth < GROWTH
