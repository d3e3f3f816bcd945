"""Maintenance in a loop beside writers, edits, and long reads: the counts are exact, and no read breaks.

`pytest -m torture` runs it for five minutes.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.lake.gateways import gateway_lake, lake_settings
from tests.support.lake.lake_keeper import LakeKeeper
from tests.support.lake.lake_session import PYTHON
from tests.support.server import DEADLINE, Server, eventually, serving

FIELDS = "fields: {n: integer, v: integer}\naccess: {read: [public], change: [admin]}\n"
LINES = {"Accept": "application/x-ndjson", "Accept-Encoding": "identity"}
#: The rows that a long read returns; a socket cannot hold all of them.
LONG_ROWS = 300_000
#: Snapshots are forgotten at once, and their files deleted so many seconds later: long reads end before that.
KEPT_SECONDS = 20


class Load:
    """Threads that use gateways until the time is over, or one of them fails."""

    def __init__(self, servers: list[Server]) -> None:
        self.servers = servers
        self.over = threading.Event()
        self.looks = threading.Semaphore(0)
        self.reports: list[dict] = []
        self.reads = 0

    def write(self, path: str, server: Server) -> int:
        """Post batches of several sizes, and count the rows that were acknowledged."""
        stored, sizes = 0, (1, 3, 40, 400)
        for number in self._until_over():
            rows = [{"n": stored + each, "v": 0} for each in range(sizes[number % len(sizes)])]
            key = {"Idempotency-Key": uuid.uuid4().hex}
            _sent(lambda rows=rows, key=key: server.client.post(path, json=rows, headers=key))
            stored += len(rows)
        return stored

    def edit(self, path: str, server: Server) -> dict[int, int]:
        """Post, change, and delete rows of one's own, and return what must be there."""
        expected: dict[int, int] = {}
        for number in self._until_over():
            first = number * 50
            rows = [{"n": n, "v": 0} for n in range(first, first + 50)]
            key = {"Idempotency-Key": uuid.uuid4().hex}
            _sent(lambda rows=rows, key=key: server.client.post(path, json=rows, headers=key))
            expected |= {row["n"]: 0 for row in rows}
            low, high = first // 2, first // 2 + 20
            where = f"{path}?n=gte.{low}&n=lt.{high}"
            _sent(lambda where=where, number=number: server.client.patch(where, json={"v": number}))
            expected |= {n: number for n in expected if low <= n < high}
            _sent(lambda first=first: server.client.delete(f"{path}?n=gte.{first}&n=lt.{first + 5}"))
            for n in range(first, first + 5):
                del expected[n]
        return expected

    def read(self, path: str, server: Server) -> None:
        """Begin to read all rows, change a tenth of them, wait until the upkeep has looked twice, and read on."""
        for number in self._until_over():
            with (
                httpx.Client(base_url=server.url, headers=server.admin, timeout=60) as client,
                client.stream("GET", path, headers=LINES) as answer,
            ):
                assert answer.status_code == 200
                chunks = answer.iter_raw(65536)
                lines = next(chunks).count(b"\n")
                where = f"{path}?n=lt.{LONG_ROWS // 10}"
                _sent(lambda where=where, number=number: server.client.patch(where, json={"v": number}))
                for _ in range(2):
                    self.looks.acquire(timeout=5)
                lines += sum(chunk.count(b"\n") for chunk in chunks)
            assert lines == LONG_ROWS
            self.reads += 1

    def maintain(self, keeper: LakeKeeper) -> None:
        for _ in self._until_over():
            self.reports.append(keeper.look())
            self.looks.release(2)

    @property
    def runs(self) -> list[dict]:
        """The last merges that each report has."""
        return [run for each in self.reports for run in each["runs"] if run["step"] == "files"]

    def _until_over(self) -> Iterator[int]:
        number = 0
        while not self.over.is_set():
            yield number
            number += 1


def _sent(send: Callable[[], httpx.Response]) -> None:
    """Send until it is not refused for the moment; every request may be sent twice."""
    deadline = time.monotonic() + 30
    while (answer := send()).status_code == 503:
        assert time.monotonic() < deadline, answer.text
    assert answer.is_success, answer.text


@pytest.fixture
def loaded(database, tmp_path) -> Iterator[tuple[Load, LakeKeeper]]:
    data = tmp_path / "lake"
    lake = lake_settings(database, data)
    gateway_lake("init", **lake, GATEWAY_DATA=str(tmp_path / "init"))
    own = {"GATEWAY_LAKE_MAINTENANCE": "100000", "python": PYTHON}
    with (
        serving(tmp_path / "a", **lake, **own, GATEWAY_NAME="a") as a,
        serving(tmp_path / "b", **lake, **own, GATEWAY_NAME="b") as b,
        LakeKeeper(database, data, ages=(0, KEPT_SECONDS, KEPT_SECONDS), small_files_max=10) as keeper,
    ):
        yield Load([a, b]), keeper


@pytest.mark.parametrize("seconds", [20, pytest.param(300, marks=pytest.mark.torture)])
def test_rows_stay_exact_beside_maintenance(loaded, seconds):
    load, keeper = loaded
    a, b = load.servers
    written, edited, long = (a.declare(name, FIELDS) for name in ("written", "edited", "long"))
    eventually(lambda: {b.client.get(path).status_code for path in (written, edited, long)} == {200})
    fill(a, long)
    with ThreadPoolExecutor(7) as pool:
        stored = [pool.submit(load.write, written, server) for server in (a, b)]
        kept = pool.submit(load.edit, edited, b)
        others = [pool.submit(load.read, long, a), pool.submit(load.maintain, keeper)]
        wait_for([*stored, kept, *others], load, seconds)
        total, expected = sum(each.result() for each in stored), kept.result()
        for each in others:
            each.result()

    rows = {row["n"]: row["v"] for row in b.client.get(f"{edited}?select=n,v").json()}
    assert rows == expected
    assert count(a, written) == total == ledger_rows(b, written)
    ids = [row["_id"] for row in b.client.get(f"{written}?select=_id&order=_id").json()]
    assert ids == list(range(1, total + 1))
    longest = max(run["did"]["longest_lock_seconds"] for run in load.runs)
    assert load.reads > 0
    assert not [run for each in load.reports for run in each["runs"] if run["error"]]
    print(
        f"\n{seconds} s: {total} rows written, {len(expected)} edited, {load.reads} long reads of {LONG_ROWS} rows,"
        f" {len(load.reports)} looks, 0 lost, 0 twice, 0 reads broken,"
        f" writers waited {longest} s at most"
    )


def fill(server: Server, path: str) -> None:
    """Store the rows of long reads."""
    for first in range(0, LONG_ROWS, 50_000):
        rows = "n,v\n" + "".join(f"{n},0\n" for n in range(first, first + 50_000))
        answer = server.client.post(path, content=rows, headers={"Content-Type": "text/csv"})
        assert answer.status_code == 201, answer.text


def wait_for(futures, load: Load, seconds: float) -> None:
    """Let all of them run for the time of the test and one merge at least, or until one of them has failed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline + (0 if load.runs else DEADLINE) and not any(
        each.done() for each in futures
    ):
        load.over.wait(0.1)
    load.over.set()


def count(server: Server, path: str) -> int:
    return server.client.get(f"{path}?select=count()").json()[0]["count"]


def ledger_rows(server: Server, path: str) -> int:
    return next(each for each in server.client.get("/-/connectors").json() if each["path"] == path)["rows"]
