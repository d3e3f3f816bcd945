"""The process: signals, deadlines, caps, and a second process on the same file."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers.gasgi import ASGIWorker

from gateway.errors import Code, GatewayError
from gateway.ingest import arrival, body
from gateway.ingest.arrival import Pace
from gateway.query.read_pool import OPEN_PER_THREAD
from tests.promises.test_slow_clients import sockets
from tests.reload.test_reload import GOOD, Load
from tests.support.server import ROOT, Server, eventually, serving


def connect(server) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=30)


def head(server, path, **headers) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Authorization: {server.admin['Authorization']}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def test_gunicorn_keeps_the_names_that_the_worker_builds_on():
    """Private names: when a new gunicorn moves one, this says so before a server hangs."""
    for name in (
        "_on_headers_complete",
        "_close_transport",
        "_send_error_response",
        "_safe_write",
        "_get_reason_phrase",
        "_feed_callback_parser",
        "_arm_keepalive_timer",
        "_cancel_keepalive_timer",
        "_build_http_scope",
        "_pause_reading",
        "_resume_reading",
        "_is_websocket_upgrade",
    ):
        assert callable(getattr(ASGIProtocol, name))
    source = (ROOT / "gateway/server/connection.py").read_text()
    protocol = Path(sys.modules[ASGIProtocol.__module__].__file__).read_text()
    for name in (
        "_current_request",
        "_finishing_calls",
        "_request_ready",
        "_closed",
        "_callback_parser",
        "_reading_paused",
    ):
        assert f"self.{name}" in source
        assert f"self.{name} = " in protocol
    assert ASGIProtocol._check_h1c_protocol_available()
    for name in ("parser_class = ASGIProtocol._h1c_protocol_class", "ASGIProtocol._h1c_has_limits"):
        assert name in protocol
    worker = Path(sys.modules[ASGIWorker.__module__].__file__).read_text()
    for name in (
        "self.servers",
        "self.nr_conns",
        "self.lifespan",
        "self._quick_shutdown",
        "lambda: ASGIProtocol(self)",
    ):
        assert name in worker


@pytest.mark.parametrize(("requests", "width"), [(40, 300_000), (3, 9_000_000), (400, 10)])
def test_requests_that_do_not_wait_for_answers_are_all_answered_in_order(server, name, requests, width):
    server.declare(name, GOOD)
    whole = b""
    for number in range(requests):
        body = b'[%s{"n":%d}]' % (b" " * width, number)
        whole += head(server, f"/{name}", Content_Type="application/json", Content_Length=len(body)) + body

    with connect(server) as client:
        sending = threading.Thread(target=client.sendall, args=[whole])
        sending.start()
        answers = b""
        while answers.count(b'"last_id"') < requests and (piece := client.recv(65536)):
            answers += piece
        sending.join()

    told = [json.loads(each) for each in re.findall(rb'{"batch".*?}', answers)]
    assert [each["first_id"] for each in told] == list(range(1, requests + 1))
    stored = server.client.get(f"/{name}?select=n&order=_id").json()
    assert [each["n"] for each in stored] == list(range(requests))


def test_plain_gunicorn_starts_the_same_service(tmp_path):
    server = Server(tmp_path, ("-m", "gunicorn")).start()
    try:
        server.declare("a", GOOD)
        assert server.client.post("/a", json={"n": 1}).status_code == 201
    finally:
        assert server.stop() == 0


def test_a_second_worker_is_refused_with_a_clear_message(tmp_path):
    server = Server(tmp_path, ("-m", "gunicorn", "-w", "2")).start(wait=False)

    assert server.process.wait(30) != 0
    assert "2 workers are configured, but one process owns the DuckDB file" in server.tail()


def test_sigttin_changes_nothing(own):
    own.declare("a", GOOD)
    before = own.workers()

    os.kill(own.process.pid, signal.SIGTTIN)
    eventually(lambda: "staying with 1" in own.tail())

    assert own.client.post("/a", json={"n": 1}).status_code == 201
    assert own.workers() == before


def test_a_second_gateway_on_the_same_data_is_refused_and_the_first_unharmed(own, tmp_path):
    own.declare("a", GOOD)
    link = tmp_path / "link"
    link.symlink_to(own.data)
    code = f"""
import sys
from pathlib import Path
from gateway.store.engine.duckdb_file import DuckDBFile
from gateway.store.files.lock import Locked
from gateway.store.tables.store import Store
try:
    Store(DuckDBFile(Path({str(link)!r}), memory=2**28, lock_seconds=0.2))
except Locked as error:
    print(error)
"""
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    (worker,) = own.workers()
    assert f"is in use by process {worker}" in said
    assert own.client.post("/a", json={"n": 1}).status_code == 201


def test_sighup_fails_no_request(own):
    own.declare("a", GOOD)
    first = own.workers()

    with Load(own, "/a") as load:
        eventually(lambda: load.requests > 50)
        os.kill(own.process.pid, signal.SIGHUP)
        eventually(lambda: own.workers() != first and len(own.workers()) == 1)
        reached = load.requests
        eventually(lambda: load.requests > reached + 50)

    assert load.failures == []
    stored = sorted(row["n"] for row in own.client.get("/a").json())
    assert stored == sorted(load.acknowledged)


def test_sigterm_answers_what_is_in_flight_and_closes_the_store(tmp_path):
    """With idle, silent and stalled connections beside it, which must not cost the store its closing."""
    own = Server(tmp_path, GATEWAY_GRACEFUL_TIMEOUT="4").start()
    own.declare("a", GOOD)
    lingering = [connect(own) for _ in range(20)]
    lingering[1].sendall(b"GET / HTT")
    stalled = connect(own)
    stalled.sendall(head(own, "/a", Content_Length=100) + b'{"n":')
    slow = connect(own)
    slow.sendall(head(own, "/a", Content_Length=7) + b'{"n"')
    eventually(lambda: own.client.get("/-/ready").status_code == 200)
    own.client.close()

    own.process.send_signal(signal.SIGTERM)
    eventually(lambda: "connections to drain" in own.tail())
    slow.sendall(b":1}")
    answer = slow.recv(65536)

    assert answer.startswith(b"HTTP/1.1 201")
    assert b"Connection: close" in answer
    assert own.process.wait(30) == 0
    for connection in (*lingering, stalled, slow):
        connection.close()
    assert not list(own.data.glob("*.wal")), "the store was not closed"
    own.start()
    assert own.client.get("/a").json() == [{"n": 1}]
    own.stop()


def test_a_killed_worker_is_replaced_and_nothing_acknowledged_is_gone(own):
    own.declare("a", GOOD)
    own.client.post("/a", json={"n": 1})
    (worker,) = own.workers()

    os.kill(worker, signal.SIGKILL)
    eventually(
        lambda: own.workers() not in ([], [worker]) and httpx.get(own.url + "/-/ready").status_code == 200
    )

    assert httpx.get(own.url + "/a").json() == [{"n": 1}]


def test_a_start_that_cannot_succeed_ends_with_the_reason(tmp_path):
    (tmp_path / "data").write_text("not a directory")
    server = Server(tmp_path / "server", GATEWAY_DATA=str(tmp_path / "data")).start(wait=False)

    assert server.process.wait(30) == 3
    assert "not a directory" in server.tail().lower() or "file exists" in server.tail().lower()


@pytest.mark.parametrize(
    ("name", "value"),
    [("GATEWAY_MAX_BODY", "much"), ("GATEWAY_READERS", "0"), ("GATEWAY_QUERY_TIMEOUT", "-1")],
)
def test_a_setting_that_cannot_be_read_is_named(tmp_path, name, value):
    server = Server(tmp_path, **{name: value}).start(wait=False)

    assert server.process.wait(30) == 1
    assert f"{name}={value!r}" in server.tail()


def test_a_body_that_breaks_off_stores_nothing(server, name):
    """However it is framed, wherever it is cut: every whole line that came before is thrown away."""
    path = server.declare(name, GOOD)
    lines = b"".join(b'{"n":%d}\n' % n for n in range(10))

    for cut in range(9, 81, 9):
        whole, chunked = connect(server), connect(server)
        whole.sendall(
            head(server, path, Content_Type="application/x-ndjson", Content_Length=len(lines)) + lines[:cut]
        )
        framed = head(server, path, Content_Type="application/x-ndjson", Transfer_Encoding="chunked")
        chunked.sendall(framed + b"%x\r\n%s\r\n" % (cut, lines[:cut]))
        whole.close()
        chunked.close()
    assert server.client.post(path, json={"n": 99}).status_code == 201

    assert server.client.get(path).json() == [{"n": 99}]


def test_connections_beyond_the_cap_are_told_to_come_back(tmp_path):
    with serving(tmp_path, GATEWAY_MAX_CONNECTIONS="20") as server, contextlib.ExitStack() as stack:
        server.client.close()
        taken = [stack.enter_context(connect(server)) for _ in range(20)]
        eventually(server.workers)
        over = stack.enter_context(connect(server))
        answer = over.recv(65536)

        assert answer.startswith(b"HTTP/1.1 503")
        assert b"Retry-After: 1" in answer
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "GW401"
        for connection in taken:
            connection.close()
        eventually(lambda: httpx.get(server.url + "/-/healthy").status_code == 200)
        server.client = httpx.Client()


def test_the_places_of_connections_that_are_cut_off_are_free_again(tmp_path):
    limits = {"GATEWAY_MAX_CONNECTIONS": "20", "GATEWAY_HEADER_TIMEOUT": "0.5", "GATEWAY_IDLE_TIMEOUT": "1"}
    with serving(tmp_path, **limits) as server, contextlib.ExitStack() as stack:
        server.client.close()
        taken = [stack.enter_context(connect(server)) for _ in range(20)]
        for connection in taken[:10]:
            connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")

        eventually(lambda: httpx.get(server.url + "/-/healthy").status_code == 200)

        server.client = httpx.Client()
        endings = [_until_closed(connection) for connection in taken]
        assert all(b" 200 " in each and b" 408 " not in each for each in endings[:10]), (
            "idle: closed without a word"
        )
        assert all(b" 408 " in each for each in endings[10:])


def _until_closed(connection: socket.socket) -> bytes:
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer


def test_headers_of_every_request_have_their_own_deadline(tmp_path):
    """Also where they begin behind another request, or when the connection was about to be closed for idleness."""
    whole = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
    limits = {"GATEWAY_HEADER_TIMEOUT": "2", "GATEWAY_IDLE_TIMEOUT": "1"}
    with (
        serving(tmp_path, **limits) as server,
        connect(server) as late,
        connect(server) as never,
        connect(server) as piped,
    ):
        piped.sendall(whole + whole[:20])
        never.sendall(whole)
        late.sendall(whole)
        assert b"healthy" in late.recv(65536)
        assert b"healthy" in never.recv(65536)
        never.sendall(whole[:20])
        late.sendall(whole[:20])
        began = time.monotonic()
        late.settimeout(0.1)
        while time.monotonic() < began + 1.3:  # Beyond the time for idleness.
            with contextlib.suppress(TimeoutError):
                assert late.recv(1) != b"", "closed while a request was arriving"
        late.settimeout(30)
        late.sendall(whole[20:])

        assert late.recv(65536).startswith(b"HTTP/1.1 200")
        assert _until_closed(never).startswith(b"HTTP/1.1 408")
        answers = _until_closed(piped)
        assert (answers.count(b"HTTP/1.1 200"), answers.count(b"HTTP/1.1 408")) == (1, 1)


def test_a_client_that_asks_and_never_reads_is_cut_off(tmp_path):
    """Whether the answers are streams, or whole and many."""
    limits = {"GATEWAY_SEND_TIMEOUT": "0.5", "GATEWAY_IDLE_TIMEOUT": "1"}
    with serving(tmp_path, **limits) as server, contextlib.ExitStack() as stack:
        server.declare("a", "fields: {n: integer, s: string}\naccess: {read: [public]}\n")
        rows = b"".join(b'{"n":%d,"s":"%s"}\n' % (n, b"x" * 90) for n in range(100_000))
        server.client.post("/a", content=rows, headers={"Content-Type": "application/x-ndjson"})
        server.client.close()
        before = sockets(server)
        for request in (b"GET /a", b"GET /a?limit=10000", b"GET /a?limit=100", b"GET /-/healthy"):
            connection = stack.enter_context(connect(server))
            connection.settimeout(5)
            with contextlib.suppress(OSError):  # It is cut off while it asks.
                connection.sendall(request + b" HTTP/1.1\r\nHost: x\r\n\r\n" + b"")
                connection.sendall((request + b" HTTP/1.1\r\nHost: x\r\n\r\n") * 20_000)

        eventually(lambda: sockets(server) <= before, "a client that does not read keeps its connection")

        server.client = httpx.Client(base_url=server.url, headers=server.admin)
        assert server.client.post("/a", json={"n": 1, "s": ""}).status_code == 201


def test_a_result_that_nobody_reads_gives_its_room_to_who_needs_it(tmp_path):
    with serving(tmp_path, GATEWAY_READERS="1") as server:
        server.declare("a", "fields: {n: integer, s: string}\naccess: {read: [public]}\n")
        rows = b"".join(b'{"n":%d,"s":"%s"}\n' % (n, b"x" * 90) for n in range(200_000))
        server.client.post("/a", content=rows, headers={"Content-Type": "application/x-ndjson"})
        plain = {"Accept-Encoding": "identity"}
        with httpx.Client(
            base_url=server.url, limits=httpx.Limits(max_connections=None), timeout=60, headers=plain
        ) as client:
            stalled = [
                client.send(client.build_request("GET", "/a"), stream=True) for _ in range(OPEN_PER_THREAD)
            ]
            assert {each.status_code for each in stalled} == {200}

            eventually(lambda: server.client.get("/a?limit=1").status_code == 200)

            broken = 0
            for each in stalled:
                try:
                    assert each.read().count(b"\n") >= 200_000 - 1
                except httpx.RemoteProtocolError:
                    broken += 1
            assert broken == 1
        assert "the response breaks off: GW403" in server.log.read_text()


def test_an_upgrade_is_not_followed(own):
    own.declare("a", GOOD)
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }

    assert own.client.get("/a", headers=headers).json() == []


@pytest.mark.parametrize(
    ("received", "waited", "seconds"),
    [
        (0, 0, 10),
        (0, 9, 1),
        (10_240, 0, 10),
        (20_480, 15, 5),
        (20_480, 21, -1),
        (2**30, 100, 30),
    ],
)
def test_a_body_may_take_as_long_as_what_came_of_it_allows(received, waited, seconds):
    assert Pace(300, 1024).chunk_seconds(received, waited) == seconds


def test_a_body_that_trickles_is_refused_and_one_that_is_held_up_here_is_not(monkeypatch):
    monkeypatch.setattr(arrival, "GRACE_SECONDS", 0.2)

    async def receive(seconds, work):
        left = [b"x" * 100] * 8

        async def come():
            await asyncio.sleep(seconds)
            return {"type": "http.request", "body": left.pop(), "more_body": bool(left)}

        def take(_):
            time.sleep(work)

        pace = Pace(300, 1000)
        return await body.receive(come, None, limit=10**6, grow=take, pace=pace, threads=None)

    assert len(asyncio.run(receive(0.01, 0.1)).data) == 800
    with pytest.raises(GatewayError) as refused:
        asyncio.run(receive(0.15, 0))
    assert refused.value.code is Code.BODY_TOO_SLOW


def test_expect_continue_is_asked_for_only_where_the_body_is_wanted(server, name):
    path = server.declare(name, GOOD)

    wanted = connect(server)
    wanted.sendall(head(server, path, Content_Length=7, Expect="100-continue"))
    assert wanted.recv(65536).startswith(b"HTTP/1.1 100")
    wanted.sendall(b'{"n":1}')
    assert wanted.recv(65536).startswith(b"HTTP/1.1 201")
    unwanted = connect(server)
    unwanted.sendall(head(server, path, Content_Length=2**40, Expect="100-continue"))
    assert unwanted.recv(65536).startswith(b"HTTP/1.1 413")
    wanted.close()
    unwanted.close()


def test_a_connection_serves_on_after_an_error(server, name):
    path = server.declare(name, GOOD)

    with httpx.Client(base_url=server.url, headers=server.admin) as client:
        statuses = [
            client.post(path, content=text).status_code for text in (b"{", b'{"n":"x"}', b"[]x", b'{"n":1}')
        ]
        sources = {id(client._transport._pool.connections[0])}

    assert statuses == [400, 422, 400, 201]
    assert len(sources) == 1


def test_health_is_answered_while_a_large_body_is_checked(own, tell):
    own.declare("a", "fields: {n: integer, s: string}\n")
    lines = b"".join(b'{"n":%d,"s":"0123456789012345678901234567890"}\n' % n for n in range(400_000))
    slowest = [0.0]
    done = threading.Event()

    def ask():
        while not done.is_set():
            began = time.monotonic()
            assert httpx.get(own.url + "/-/healthy").status_code == 200
            slowest[0] = max(slowest[0], time.monotonic() - began)

    asking = threading.Thread(target=ask)
    asking.start()
    answer = own.client.post("/a", content=lines, headers={"Content-Type": "application/x-ndjson"})
    done.set()
    asking.join()

    tell(f"slowest /-/healthy beside a body of {len(lines) >> 20} MiB: {slowest[0] * 1000:.0f} ms")
    assert answer.json()["stored"] == 400_000


@pytest.mark.parametrize(
    ("rows", "width"), [(1_000_000, 200), pytest.param(10_000_000, 0, marks=pytest.mark.torture)]
)
def test_many_rows_stream_without_growing_memory(own, tell, rows, width):
    """More than twice the bound, so that they are nowhere held. Tells how much the worker grew."""
    own.declare("wide", "fields: {n: integer, s: string}\naccess: {read: [public]}\n")
    some = 200_000
    lines = b"".join(b'{"n":%d,"s":"row number %d%s"}\n' % (n, n, b"x" * width) for n in range(some))
    for _ in range(rows // some):
        answer = own.client.post("/wide", content=lines, headers={"Content-Type": "application/x-ndjson"})
        assert answer.json()["stored"] == some
    own.stop()
    own.start()
    # DuckDB keeps the blocks it has read, up to its memory limit, whoever reads them: they are no part of a stream.
    own.client.get("/wide?select=n.sum(),s.max()")
    before = peak = own.memory()
    lines = received = 0

    with httpx.stream(
        "GET",
        own.url + "/wide",
        headers={"Accept": "application/x-ndjson", "Accept-Encoding": "identity"},
        timeout=60,
    ) as answer:
        for pieces, piece in enumerate(answer.iter_raw(2**20)):
            received += len(piece)
            lines += piece.count(b"\n")
            if pieces % 16 == 0:
                peak = max(peak, own.memory())

    tell(f"{lines} rows, {received >> 20} MiB, worker grew by {(peak - before) / 2**20:.0f} MiB")
    assert lines == rows
    assert peak - before < 100 * 2**20
