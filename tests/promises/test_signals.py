"""Signals to the process while it answers requests."""

import contextlib
import http.client
import json
import os
import signal

import httpx

from tests.support.clients import Load
from tests.support.connections import connect, head
from tests.support.server import Server, eventually, halted

GOOD = "fields: {n: integer}\naccess: {read: [public]}\n"


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


def test_sigterm_answers_open_requests_and_closes_store(tmp_path):
    """Check it with idle, silent, and stalled connections, which must not keep the store from being closed."""
    own = Server(tmp_path, is_forked=True, GATEWAY_GRACEFUL_TIMEOUT="6").start()
    own.declare("a", GOOD)
    lingering = [connect(own) for _ in range(20)]
    lingering[1].sendall(b"GET / HTT")
    stalled = connect(own)
    stalled.sendall(head(own, "/a", Content_Length=100) + b'{"n":')
    slow = connect(own)
    slow.sendall(head(own, "/a", Content_Length=7) + b'{"n"')
    begun = 'gateway_http_requests_in_flight{operation="write"} 2.0'
    eventually(lambda: begun in own.client.get("/-/metrics").text)
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


def test_stream_at_sigterm_keeps_its_connection(own):
    """Its head did not announce that the connection closes, so the next request is answered too, and announces it."""
    path = own.declare("a", "fields: {s: string}\naccess: {read: [public]}\n")
    rows = b'{"s":"%s"}\n' % (b"x" * 1000) * 20_000
    headers = {"Content-Type": "application/x-ndjson"}
    assert own.client.post(path, content=rows, headers=headers).status_code == 201
    own.client.close()
    with contextlib.closing(
        http.client.HTTPConnection(own.url.removeprefix("http://"), timeout=30)
    ) as client:
        client.request("GET", f"{path}?select=s")
        stream = client.getresponse()
        client.auto_open = False

        own.process.send_signal(signal.SIGTERM)
        eventually(lambda: "connections to drain" in own.tail())
        assert len(stream.read()) > len(rows)
        assert stream.headers["Connection"] != "close"
        client.request("GET", f"{path}?select=s&limit=1")
        answer = client.getresponse()
        assert len(json.loads(answer.read())) == 1

    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    assert own.process.wait(30) == 0


def test_request_to_stopped_worker_is_answered_later(own):
    """Check a worker that gets no processor during its shutdown, which a stop stands for."""
    path = own.declare("a", GOOD)
    own.client.close()
    body = b'{"n":1}'
    (worker,) = own.workers()
    with connect(own) as kept_alive:
        kept_alive.sendall(head(own, path, Content_Length=len(body)) + body)
        assert kept_alive.recv(65536).startswith(b"HTTP/1.1 201")
        own.process.send_signal(signal.SIGTERM)
        eventually(lambda: "connections to drain" in own.tail())

        with halted(worker, seconds=1.5):
            kept_alive.sendall(head(own, path, Content_Length=len(body)) + body)
        answer = kept_alive.recv(65536)

    assert answer.startswith(b"HTTP/1.1 201")
    assert b"Connection: close" in answer


def test_burst_of_connections_waits_for_busy_worker(own):
    """Check it with a worker that accepts nothing for a while: the kernel keeps the connections for it."""
    (worker,) = own.workers()
    with halted(worker):
        waiting = [connect(own) for _ in range(500)]

    for connection in waiting:
        connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
    assert [connection.recv(12) for connection in waiting] == [b"HTTP/1.1 200"] * 500
    for connection in waiting:
        connection.close()


def test_killed_worker_is_replaced_without_lost_rows(own):
    own.declare("a", GOOD)
    own.client.post("/a", json={"n": 1})
    (worker,) = own.workers()

    os.kill(worker, signal.SIGKILL)
    eventually(
        lambda: own.workers() not in ([], [worker]) and httpx.get(own.url + "/-/ready").status_code == 200
    )

    assert httpx.get(own.url + "/a").json() == [{"n": 1}]
