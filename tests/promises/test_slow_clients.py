"""Clients that are slow on purpose: they lose their place, and nobody else notices them."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from gateway.query.read_pool import OPEN_PER_THREAD
from tests.support.clients import Crowd
from tests.support.connections import connect, read_until_closed
from tests.support.server import ROOT, eventually, halted, serving
from tests.support.slow_clients import KINDS
from tests.support.tested_store import STORE

RATE = 50
CONNECTOR = "fields: {n: integer, s: {type: string, nullable: true}}\naccess: {read: [public]}\n"


class Steady(Crowd):
    """So many requests a second, each measured from when it was due, whatever became of the ones before."""

    def __init__(self, server) -> None:
        self.server = server
        self.seconds: list[float] = []
        self.failures: list[object] = []
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._number = 0
        super().__init__(8)

    def _run(self) -> None:
        with httpx.Client(base_url=self.server.url, headers=self.server.admin, timeout=30) as client:
            while not self._stop.is_set():
                with self._lock:
                    number, self._number = self._number, self._number + 1
                due = self._began + number / RATE
                self._stop.wait(max(0.0, due - time.monotonic()))
                if not self._stop.is_set():
                    self._ask(client, number, due)

    def _ask(self, client: httpx.Client, number: int, due: float) -> None:
        try:
            if number % 2:
                status = client.post("/a", json={"n": number}).status_code
            else:
                status = client.get("/a?limit=10&order=_id.desc").status_code
        except httpx.TransportError as error:
            status = error
        if status not in (200, 201):
            self.failures.append(status)
        self.seconds.append(time.monotonic() - due)


def sockets(server) -> int:
    """Count the sockets of clients; on a lake the worker has others, to PostgreSQL."""
    (worker,) = server.workers()
    place = f":{int(server.url.rpartition(':')[2]):04X}"
    known = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    of_clients = {f"socket:[{words[9]}]" for words in known if words[1].endswith(place)}
    count = 0
    for each in Path(f"/proc/{worker}/fd").iterdir():
        try:
            count += each.readlink().name in of_clients
        except FileNotFoundError:
            continue
    return count


@pytest.mark.long
@pytest.mark.parametrize(
    ("count", "ramp"), [(200, 4), pytest.param(1000, 20, marks=pytest.mark.torture)], ids=["200", "1000"]
)
def test_slow_clients_are_disconnected_without_affecting_others(tmp_path, tell, count, ramp):
    """Print the p99 of 50 requests a second that are sent beside them."""
    limits = {
        "GATEWAY_HEADER_TIMEOUT": "3",
        "GATEWAY_IDLE_TIMEOUT": "5",
        "GATEWAY_SEND_TIMEOUT": "4",
        "GATEWAY_MAX_CONNECTIONS": str(count + 50),
        # On a lake a reader has fewer places, and each client that never reads takes one.
        "GATEWAY_READERS": "16" if STORE == "lake" else "4",
    }
    with serving(tmp_path, **limits) as server:
        server.declare("a", CONNECTOR)
        server.declare("large", CONNECTOR)
        rows = b"".join(b'{"n":%d,"s":"%s"}\n' % (n, b"x" * 150) for n in range(100_000))
        server.client.post("/large", content=rows, headers={"Content-Type": "application/x-ndjson"})
        server.client.close()
        host, port = server.url.removeprefix("http://").split(":")
        orders = {
            "host": host,
            "port": int(port),
            "count": count,
            "ramp": ramp,
            "silence": 10,
            "post": "/a",
            "get": "/large",
            "authorization": server.admin["Authorization"],
        }
        before = sockets(server)

        with Steady(server) as steady:
            slow = subprocess.run(
                [sys.executable, "-m", "tests.support.slow_clients"],
                input=json.dumps(orders),
                capture_output=True,
                text=True,
                cwd=ROOT,
                check=True,
            )
        server.client = httpx.Client()
        eventually(lambda: sockets(server) <= before, "connections were left over")
        log = [json.loads(line) for line in server.log.read_text().splitlines()]

    found = json.loads(slow.stdout)
    p99 = sorted(steady.seconds)[int(len(steady.seconds) * 0.99)]
    tell(
        f"{count} slow clients, {found}; beside them {len(steady.seconds)} requests, {len(steady.failures)} failed, "
        f"p99 {p99 * 1000:.0f} ms, slowest {max(steady.seconds) * 1000:.0f} ms"
    )
    each = count // len(KINDS)
    assert found == {
        "idle": {"408": each},
        "half headers": {"408": each},
        "kept alive, half headers": {"408": each},
        "1 B/s": {"408": each},
        "never reading": {"cut": each},
    }
    assert steady.failures == []
    assert [line for line in log if line["level"] in ("error", "critical")] == []


def test_closed_slow_connections_free_their_places(tmp_path):
    limits = {"GATEWAY_MAX_CONNECTIONS": "20", "GATEWAY_HEADER_TIMEOUT": "0.5", "GATEWAY_IDLE_TIMEOUT": "1"}
    with serving(tmp_path, **limits) as server, contextlib.ExitStack() as stack:
        server.client.close()
        taken = [stack.enter_context(connect(server)) for _ in range(20)]
        for connection in taken[:10]:
            connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")

        eventually(lambda: httpx.get(server.url + "/-/healthy").status_code == 200)

        server.client = httpx.Client()
        endings = [read_until_closed(connection) for connection in taken]
        assert all(b" 200 " in each and b" 408 " not in each for each in endings[:10]), (
            "idle: closed without a word"
        )
        assert all(b" 408 " in each for each in endings[10:])


def test_headers_of_every_request_have_their_own_deadline(tmp_path):
    """Check also headers that begin behind another request, or when the connection was about to be closed for idleness."""
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
        assert read_until_closed(never).startswith(b"HTTP/1.1 408")
        answers = read_until_closed(piped)
        assert (answers.count(b"HTTP/1.1 200"), answers.count(b"HTTP/1.1 408")) == (1, 1)


def test_client_that_never_reads_is_disconnected(tmp_path):
    """Check answers that are streams, and whole ones of which there are many."""
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


def test_unread_result_is_closed_for_a_waiting_reader(tmp_path):
    with serving(tmp_path, GATEWAY_READERS="1") as server:
        server.declare("a", "fields: {n: integer, s: string}\naccess: {read: [public]}\n")
        rows = b"".join(b'{"n":%d,"s":"%s"}\n' % (n, b"x" * 90) for n in range(200_000))
        server.client.post("/a", content=rows, headers={"Content-Type": "application/x-ndjson"})
        plain = {"Accept-Encoding": "identity"}
        with httpx.Client(
            base_url=server.url, limits=httpx.Limits(max_connections=None), timeout=60, headers=plain
        ) as client:
            stalled = [
                client.send(client.build_request("GET", "/a"), stream=True)
                for _ in range(OPEN_PER_THREAD[STORE])
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


def test_request_in_time_survives_a_stopped_worker(tmp_path):
    """Check a process that gets no processor until a deadline is over: the rest of a request, and the next request."""
    whole = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
    limits = {"GATEWAY_HEADER_TIMEOUT": "1", "GATEWAY_IDLE_TIMEOUT": "1"}
    with serving(tmp_path, **limits) as server, connect(server) as half, connect(server) as idle:
        idle.sendall(whole)
        half.sendall(whole[:10])
        assert b"healthy" in idle.recv(65536)
        (worker,) = server.workers()

        with halted(worker, seconds=1.5):
            half.sendall(whole[10:])
            idle.sendall(whole)

        assert half.recv(65536).startswith(b"HTTP/1.1 200")
        assert idle.recv(65536).startswith(b"HTTP/1.1 200")
