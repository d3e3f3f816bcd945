"""A disk that fails or is full: nothing is acknowledged that is not kept, and it passes without an operator."""

import contextlib
import functools
import itertools
import json
import os
import random
import signal
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.server import ROOT, Server, eventually, put, serving
from tests.support.small_disk import SmallDisk

CYCLES = pytest.mark.parametrize("cycles", [3, pytest.param(20, marks=pytest.mark.torture)])
WRITERS = 6
BATCH = 20
CONNECTOR = "fields: {batch: integer, row: integer, text: string}\naccess: {read: [public]}\n"
NULLABLE = "{type: integer, nullable: true}"


class Writers:
    """Clients that post each batch once, of any size, and note what became of it."""

    def __init__(self, server: Server) -> None:
        self.acknowledged: set[int] = set()
        self.refused: set[int] = set()
        self.unheard: set[int] = set()
        self.statuses: Counter[int] = Counter()
        self.odd: list[str] = []
        self._server = server
        self._numbers = itertools.count(1)
        self._stop = threading.Event()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        self._stop.clear()
        threads = [threading.Thread(target=self._run) for _ in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _run(self) -> None:
        chance = random.Random(threading.get_ident())
        with httpx.Client(base_url=self._server.url, headers=self._server.admin, timeout=30) as client:
            while not self._stop.is_set():
                number = next(self._numbers)
                text = "x" * chance.choice((10, 1000, 20_000))
                rows = [{"batch": number, "row": row, "text": text} for row in range(BATCH)]
                try:
                    answer = client.post("/a", json=rows)
                except httpx.TransportError:
                    self.unheard.add(number)
                    self._stop.wait(0.02)
                    continue
                self._note(number, answer)

    def _note(self, number: int, answer: httpx.Response) -> None:
        self.statuses[answer.status_code] += 1
        if answer.status_code == 201:
            self.acknowledged.add(number)
            return
        self.refused.add(number)
        if answer.status_code not in (503, 507) or "Retry-After" not in answer.headers:
            self.odd.append(f"{answer.status_code} {answer.text}")
        self._stop.wait(0.02)

    def check(self, server: Server) -> None:
        """What was acknowledged is there whole, nothing is that was refused, and nobody heard anything else."""
        rows: Counter[int] = Counter()
        for line in eventually(lambda: read(server)).splitlines():
            rows[json.loads(line)["batch"]] += 1
        lost, untrue = self.acknowledged - set(rows), self.refused & set(rows)
        partial = {number for number, count in rows.items() if count != BATCH}
        assert (self.odd, lost, untrue, partial) == ([], set(), set(), set()), server.tail()
        assert set(rows) <= self.acknowledged | self.unheard


def read(server: Server) -> str | None:
    """The rows, unless the gateway is about to start anew."""
    answer = server.client.get("/a?select=batch", headers={"Accept": "application/x-ndjson"})
    assert answer.status_code in (200, 503), answer.text
    return answer.text if answer.status_code == 200 else None


def is_stored(server: Server) -> bool:
    """Whether a row can be stored now, by a client that was never there before."""
    with httpx.Client(base_url=server.url, headers=server.admin, timeout=30) as client:
        return client.post("/b", json={"n": 1}).status_code == 201


@functools.cache
def failing() -> Path:
    """The library that makes fsync fail, made by gcc."""
    target = Path(tempfile.mkdtemp()) / "failing.so"
    source = ROOT / "tests/support/failing.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", target, source], check=True)
    return target


@CYCLES
def test_failed_fsync_loses_no_acknowledged_row(tmp_path, tell, cycles):
    plan = tmp_path / "plan"
    server = Server(tmp_path, LD_PRELOAD=str(failing()), FAILING_PLAN=str(plan)).start()
    chance = random.Random(20261124)
    try:
        server.declare("a", CONNECTOR)
        server.declare("b", "fields: {n: integer}\n")
        writers = Writers(server)
        for _ in range(cycles):
            (before,) = server.workers()
            with writers.working():
                known = len(writers.acknowledged)
                eventually(lambda: len(writers.acknowledged) > known + WRITERS, "nothing is stored")
                put_plan(plan, chance.randint(1, 20))
                eventually(lambda: server.workers() not in ([before], []), "the worker goes on")
                threading.Event().wait(chance.uniform(0, 0.5))
                plan.unlink()
                eventually(lambda: is_stored(server), "nothing is stored any more")
            server.wait_ready()
            writers.check(server)
        tell(
            f"EIO on fsync: {cycles}, acknowledged rows: {len(writers.acknowledged) * BATCH},"
            f" answers: {dict(writers.statuses)}, unheard: {len(writers.unheard)}"
        )
        assert server.log.read_text().count("the database has failed") >= cycles
    finally:
        server.stop()


def put_plan(plan: Path, nth: int) -> None:
    elsewhere = plan.with_suffix(".tmp")
    elsewhere.write_text(f"{nth}\n")
    elsewhere.rename(plan)


@contextlib.contextmanager
def full_disk(directory: Path, slices: int, **environment: str) -> Iterator[tuple[Server, list[Path]]]:
    """A gateway on a small disk, most of which is taken by files that may be removed one by one."""
    disk = SmallDisk(directory / "data", f"{16 + 2 * slices}m")
    server = Server(directory, prefix=disk.prefix, GATEWAY_DATA=str(disk.inside), **environment)
    server.data = disk.outside
    ballast = [disk.outside / f"ballast{number}" for number in range(slices)]
    for each in ballast:
        each.write_bytes(bytes(2 * 2**20))
    try:
        server.start()
        yield server, ballast
    finally:
        server.client.close()
        server.kill()
        disk.close()


@CYCLES
@pytest.mark.parametrize("reserve", ["6M", "4K"], ids=["kept free", "met by DuckDB"])
def test_full_disk_refuses_writes_and_serves_reads(tmp_path, tell, cycles, reserve):
    """Check also that writes are accepted again once the disk has room."""
    slices = 4 * cycles
    with full_disk(tmp_path, slices, GATEWAY_DISK_RESERVE=reserve) as (server, ballast):
        server.declare("a", CONNECTOR)
        server.declare("b", "fields: {n: integer}\n")
        writers = Writers(server)
        for cycle in range(cycles):
            with writers.working():
                known = len(writers.refused)
                eventually(lambda: len(writers.refused) > known + 3 * WRITERS, "the disk is never full")
                assert server.client.get("/a?select=batch&limit=1").status_code == 200
                assert server.client.get("/-/ready").status_code == 200
                assert server.client.get("/-/status").json()["disk"]["full"] or reserve == "4K"
                if (
                    cycle % 3 == 0
                ):  # What is done to tables wants a checkpoint, which a full disk cannot have.
                    more = "".join(f", m{number}: {NULLABLE}" for number in range(cycle + 1))
                    put(server.connectors / "b.yaml", f"fields: {{n: integer{more}}}\n")
                    known = len(writers.refused)
                    eventually(lambda: len(writers.refused) > known + 3 * WRITERS, "there is no answer")
                if cycle % 3 == 1:
                    os.kill(server.workers()[0], signal.SIGKILL)
            if cycle % 3 == 2:
                server.stop()
                server.start()
            server.wait_ready()
            writers.check(server)
            for each in ballast[4 * cycle : 4 * cycle + 4]:
                each.unlink()
            eventually(lambda: is_stored(server), "nothing is stored any more")
        tell(
            f"full disks: {cycles}, acknowledged rows: {len(writers.acknowledged) * BATCH},"
            f" answers: {dict(writers.statuses)}, unheard: {len(writers.unheard)}"
        )
        assert set(writers.statuses) <= {201, 503, 507}
        assert server.reload()["b.yaml"]["state"] == "live"
        assert writers.statuses[507]


def test_stored_results_do_not_fill_the_disk(tmp_path):
    """Check that results kept for readers are refused before they use the disk space that is reserved."""
    with serving(tmp_path) as server:
        server.declare("a", "fields: {n: integer}\naccess: {read: [public]}\n")
        server.client.post("/a", json=[{"n": n} for n in range(1000)])
        assert server.client.get("/a", headers={"Range": "bytes=0-9"}).status_code == 206
        assert len(list((server.data / "parts").iterdir())) == 1
        server.stop()
        server.environment["GATEWAY_DISK_RESERVE"] = "1000000G"
        server.start()

        answer = server.client.get("/a", headers={"Range": "bytes=0-9"})
        assert (answer.status_code, answer.json()["code"]) == (507, "GW406")
        assert server.client.post("/a", json={"n": 1}).status_code == 507
        assert len(server.client.get("/a").json()) == 1000
