"""Signals to the process while it answers requests."""

import os
import signal

import httpx

from tests.support.clients import Load
from tests.support.connections import connect, head
from tests.support.server import Server, eventually

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
    own = Server(tmp_path, is_forked=True, GATEWAY_GRACEFUL_TIMEOUT="2").start()
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


def test_killed_worker_is_replaced_without_lost_rows(own):
    own.declare("a", GOOD)
    own.client.post("/a", json={"n": 1})
    (worker,) = own.workers()

    os.kill(worker, signal.SIGKILL)
    eventually(
        lambda: own.workers() not in ([], [worker]) and httpx.get(own.url + "/-/ready").status_code == 200
    )

    assert httpx.get(own.url + "/a").json() == [{"n": 1}]
