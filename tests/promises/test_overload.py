"""More than the gateway can take: it goes on storing, refuses the rest, and serves the other connectors."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import Self

import httpx
import pytest

from tests.support.flood import ROWS, body_of
from tests.support.server import ROOT, Server, serving

CONNECTOR = "fields: {n: integer, s: string}\n"
#: How many times what it can take it is offered.
TIMES = 10


def flood(server: Server, seconds: float, clients: int, large: float, small: float) -> dict[str, dict]:
    words = (server.url, server.admin["Authorization"], seconds, clients, large, small)
    command = (sys.executable, "-m", "tests.support.flood", *map(str, words))
    return json.loads(subprocess.check_output(command, cwd=ROOT, timeout=seconds + 60))


class Quiet:
    """A client that posts a little to a connector of its own, and notes what it gets and when."""

    def __init__(self, server: Server) -> None:
        self.statuses: Counter[int | str] = Counter()
        self.seconds: list[float] = []
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        headers = {**self._server.admin, "Content-Type": "application/x-ndjson"}
        with httpx.Client(base_url=self._server.url, headers=headers, timeout=60) as client:
            while not self._stop.wait(0.1):
                began = time.monotonic()
                try:
                    self.statuses[client.post("/quiet", content=body_of(60)).status_code] += 1
                except httpx.TransportError as error:
                    self.statuses[repr(error)] += 1
                self.seconds.append(time.monotonic() - began)


@pytest.mark.long
@pytest.mark.parametrize("seconds", [10, pytest.param(300, marks=pytest.mark.torture)])
def test_overload_refuses_excess_and_spares_other_connectors(tmp_path, tell, seconds):
    """Print the share of each kind of body that is stored, relative to what could be stored without the other."""
    with serving(tmp_path, GATEWAY_QUEUE="64M") as server:
        server.declare("flooded", CONNECTOR)
        server.declare("quiet", CONNECTOR)
        peaks = {
            "large": flood(server, 4, 8, -1, 0)["large"]["per_second"],
            "small": flood(server, 4, 16, 0, -1)["small"]["per_second"],
        }
        with Quiet(server) as quiet:
            told = flood(server, seconds, 150, 0.99 * TIMES * peaks["large"], 0.01 * TIMES * peaks["small"])
        began = time.monotonic()
        assert server.client.post("/flooded", json={"n": 1, "s": "x"}).status_code == 201
        recovered = time.monotonic() - began
        stored = server.client.get("/flooded?select=n.count()").json()[0]["count"]

    shares = {kind: told[kind]["per_second"] / peak for kind, peak in peaks.items()}
    statuses = Counter(told["large"]["statuses"]) + Counter(told["small"]["statuses"])
    quiet.seconds.sort()
    tell(
        f"peak: {peaks['large']:.0f} large or {peaks['small']:.0f} small a second; offered {TIMES} times that for"
        f" {seconds} s: {dict(statuses)}, of which {told['large']['wasted']} after their body was asked for; stored {shares['large']:.0%} + {shares['small']:.0%} of the peak;"
        f" beside it {dict(quiet.statuses)}, median {quiet.seconds[len(quiet.seconds) // 2] * 1000:.0f} ms, longest"
        f" {quiet.seconds[-1] * 1000:.0f} ms; answered {recovered * 1000:.0f} ms after it"
    )
    assert [each["odd"] for each in told.values()] == [[], []]
    assert statuses["503"]
    assert all(told[kind]["statuses"].get("201") for kind in peaks)
    assert stored >= sum(told[kind]["statuses"]["201"] * ROWS[kind] for kind in peaks)
    assert set(quiet.statuses) == {201}, server.tail()
