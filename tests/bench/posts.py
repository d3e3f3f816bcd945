"""POSTs at a fixed rate, measured while something else goes on in the same gateway."""

import contextlib
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from gateway import strictjson
from gateway.connectors import example_row
from tests.bench.tables import FLIGHTS
from tests.support.server import Server

RATE = 50
CONNECTIONS = 5


class Posts:
    """POSTs of one row at a fixed rate over several connections, each measured from the time at which it was due."""

    def __init__(self, server: Server, path: str) -> None:
        self._address = urlsplit(server.url).netloc
        self._headers = {**server.admin, "Content-Type": "application/json"}
        self._path = path
        row, _ = example_row.build(FLIGHTS.connector)
        self._body = strictjson.write([row])

    def run(self, seconds: float) -> list[float]:
        """Post for some seconds, and return the latencies."""
        began = time.perf_counter() + 0.1
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            turns = threads.map(
                lambda first: self._post(first, began, int(seconds * RATE)), range(CONNECTIONS)
            )
            return [latency for latencies in turns for latency in latencies]

    def _post(self, first: int, began: float, end: int) -> list[float]:
        """Send every so many of the POSTs over one connection."""
        latencies = []
        with contextlib.closing(http.client.HTTPConnection(self._address)) as connection:
            for number in range(first, end, CONNECTIONS):
                due = began + number / RATE
                time.sleep(max(0.0, due - time.perf_counter()))
                connection.request("POST", self._path, self._body, self._headers)
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 201, answer.status
                latencies.append(time.perf_counter() - due)
        return latencies


@contextlib.contextmanager
def meanwhile(work: Callable[[], None] | None) -> Iterator[None]:
    """Do a work every second in a thread until the end of the block."""
    stop = threading.Event()

    def repeat() -> None:
        while work and not stop.is_set():
            work()
            stop.wait(1)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def percentile(values: list[float], share: float) -> float:
    """Return a percentile in milliseconds."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000


def summary(values: list[float]) -> str:
    """Return the number of POSTs, and percentiles of their latencies."""
    return (
        f"{len(values)} POSTs: p50 {percentile(values, 0.5):.1f} ms, p99 {percentile(values, 0.99):.1f} ms,"
        f" max {max(values) * 1000:.0f} ms"
    )
