"""Clients that are slow on purpose: they lose their place, and nobody else notices them."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.support.clients import Crowd
from tests.support.server import ROOT, eventually, serving
from tests.support.slow_clients import KINDS

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
    (worker,) = server.workers()
    count = 0
    for each in Path(f"/proc/{worker}/fd").iterdir():
        try:
            count += each.readlink().name.startswith("socket:")
        except FileNotFoundError:
            continue
    return count


@pytest.mark.long
@pytest.mark.parametrize(
    ("count", "ramp"), [(200, 4), pytest.param(1000, 20, marks=pytest.mark.torture)], ids=["200", "1000"]
)
def test_slow_clients_are_cut_off_and_nobody_else_notices(tmp_path, tell, count, ramp):
    """Tell the p99 of 50 requests a second beside them."""
    limits = {
        "GATEWAY_HEADER_TIMEOUT": "3",
        "GATEWAY_IDLE_TIMEOUT": "5",
        "GATEWAY_SEND_TIMEOUT": "4",
        "GATEWAY_MAX_CONNECTIONS": str(count + 50),
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
