"""The process: signals, deadlines, caps, and a second process on the same file."""

import asyncio
import contextlib
import json
import os
import re
import signal
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
from gateway.server.worker import Worker
from tests.support.connections import connect, head
from tests.support.scrape import scrape
from tests.support.server import ROOT, Server, eventually, serving

GOOD = "fields: {n: integer}\naccess: {read: [public]}\n"


def test_gunicorn_has_the_names_the_worker_uses():
    """Check private names: when a new gunicorn moves one, this fails before a server hangs."""
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
        "_will_close",
        "_keepalive_timeout",
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
        "_keepalive_handle",
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
        # What a signal ends, and what is asked of a connection besides `_will_close`.
        """                await asyncio.sleep(1.0)

        except asyncio.CancelledError:
            pass
""",
    ):
        assert name in worker


def test_worker_between_two_listeners_obeys_a_signal(monkeypatch):
    """Check a worker that has opened one of its servers, and has not sent its first heartbeat."""
    monkeypatch.setattr("gateway.server.worker.STOPPING", threading.Event())
    starting = Worker.__new__(Worker)
    starting.alive, starting.is_stopping = True, False
    starting.servers, starting._serving = [object()], None

    starting.handle_exit_signal()

    assert not starting.alive


@pytest.mark.parametrize(("requests", "width"), [(40, 300_000), (3, 9_000_000), (100, 10)])
def test_pipelined_requests_are_all_answered_in_order(server, name, requests, width):
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


def test_second_worker_is_refused_with_its_reason(tmp_path):
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


@pytest.mark.file_only("a lake has no file to lock")
def test_second_gateway_on_one_data_directory_is_refused(own, tmp_path):
    """Check that the refusal names the process that owns the directory, and that the first gateway still stores rows."""
    own.declare("a", GOOD)
    link = tmp_path / "link"
    link.symlink_to(own.data)
    code = f"""
import sys
from pathlib import Path
from gateway.store.engine.duckdb_file import DuckDBFile
from gateway.store.file_store import file_store
from gateway.store.file_store import file_store
from gateway.store.files.lock import Locked
try:
    file_store(DuckDBFile(Path({str(link)!r}), memory=2**28, lock_seconds=0.2))
except Locked as error:
    print(error)
"""
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    (worker,) = own.workers()
    assert f"is in use by process {worker}" in said
    assert own.client.post("/a", json={"n": 1}).status_code == 201


def test_failed_start_logs_its_reason(tmp_path):
    (tmp_path / "data").write_text("not a directory")
    server = Server(tmp_path / "server", GATEWAY_DATA=str(tmp_path / "data")).start(wait=False)

    assert server.process.wait(30) == 3
    assert "not a directory" in server.tail().lower() or "file exists" in server.tail().lower()


@pytest.mark.parametrize(
    ("name", "value"),
    [("GATEWAY_MAX_BODY", "much"), ("GATEWAY_READERS", "0"), ("GATEWAY_QUERY_TIMEOUT", "-1")],
)
def test_invalid_setting_is_named(tmp_path, name, value):
    server = Server(tmp_path, **{name: value}).start(wait=False)

    assert server.process.wait(30) == 1
    assert f"{name}={value!r}" in server.tail()


def test_truncated_body_stores_nothing(server, name):
    """Check each framing and each cut: the whole lines before the cut are discarded too."""
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


def test_connections_beyond_the_limit_get_503_with_retry(tmp_path):
    """Check that new connections are accepted once others are closed."""
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
        server.client = httpx.Client(base_url=server.url, headers=server.admin)
        found = scrape(server)
        assert found.value("gateway_connections_refused_total") >= 1
        assert found.value("gateway_connections_limit") == 20
        assert 1 <= found.value("gateway_connections") <= 20
        assert found.value("gateway_http_requests_total", connector="", method="", code="503") >= 1


def test_upgrade_to_websocket_is_ignored(own):
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
def test_time_for_a_body_grows_with_received_bytes(received, waited, seconds):
    assert Pace(300, 1024).chunk_seconds(received, waited) == seconds


def test_trickling_body_is_refused(monkeypatch):
    """Check that a body that is delayed by the gateway itself is not refused."""
    monkeypatch.setattr(arrival, "GRACE_SECONDS", 0.2)

    async def receive(seconds, work):
        left = [b"x" * 100] * 8

        async def come():
            await asyncio.sleep(seconds)
            return {"type": "http.request", "body": left.pop(), "more_body": bool(left)}

        def take(_):
            time.sleep(work)

        pace = Pace(300, 1000)
        return await body.receive(come, None, limit=10**6, grow=take, pace=pace, run=None)

    assert len(asyncio.run(receive(0.01, 0.1)).data) == 800
    with pytest.raises(GatewayError) as refused:
        asyncio.run(receive(0.15, 0))
    assert refused.value.code is Code.BODY_TOO_SLOW


def test_continue_is_sent_only_for_acceptable_bodies(server, name):
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


def test_connection_stays_open_after_an_error(server, name):
    path = server.declare(name, GOOD)

    with httpx.Client(base_url=server.url, headers=server.admin) as client:
        statuses = [
            client.post(path, content=text).status_code for text in (b"{", b'{"n":"x"}', b"[]x", b'{"n":1}')
        ]
        sources = {id(client._transport._pool.connections[0])}

    assert statuses == [400, 422, 400, 201]
    assert len(sources) == 1
