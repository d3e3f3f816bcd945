"""A kill in the middle of the write of a block, again and again: the gateway opens what is left, and nothing is lost."""

import contextlib
import itertools
import random
from pathlib import Path

import httpx
import pytest

from gateway.store.engine.open_file import FILE
from gateway.store.files import blocks, saved_files
from gateway.store.files.checksum_repair import WORD
from tests.support import torn
from tests.support.clients import Crowd
from tests.support.server import Server, eventually, is_ready, put

BATCH = 10
ROWS = "fields: {batch: integer, row: integer}\naccess: {read: [public]}\n"
#: How many bytes of the block are written: its checksum alone, parts of it up to nearly all, or none.
BYTES = (8, 4096, 100, 8192, 24, 40_000, 1000, 200_000, 16_384, 262_000, 0)


class Writers(Crowd):
    """Clients that store numbered batches through all restarts, and note what was acknowledged."""

    def __init__(self, server: Server, clients: int) -> None:
        self.acknowledged: set[int] = set()
        self._server, self._numbers = server, itertools.count(1)
        super().__init__(clients)

    def _run(self) -> None:
        while not self._stop.is_set():
            with httpx.Client(base_url=self._server.url, headers=self._server.admin, timeout=30) as client:
                try:
                    while not self._stop.is_set():
                        self._post(client)
                except httpx.TransportError:
                    self._stop.wait(0.05)

    def _post(self, client: httpx.Client) -> None:
        number = next(self._numbers)
        answer = client.post("/a", json=[{"batch": number, "row": row} for row in range(BATCH)])
        assert answer.status_code in (201, 503), answer.text
        if answer.status_code == 201:
            self.acknowledged.add(number)


@pytest.mark.long
@pytest.mark.parametrize("cases", [6, pytest.param(40, marks=pytest.mark.torture)])
def test_killed_checkpoint_loses_no_acknowledged_row(tmp_path, tell, cases):
    """Check a torn checkpoint after a change of a connector, and in turn at a stop. Print the counts."""
    plan = tmp_path / "plan"
    server = Server(tmp_path, **torn.environment(plan)).start()
    server.declare("a", ROWS)
    server.declare("b", "fields: {n: integer}\n")
    server.client.post("/b", json=[{"n": 1}])
    server.stop()
    server.start()  # Now there is something in the file that can be damaged.
    chance = random.Random(20261125)
    changes = itertools.count(1)
    with Writers(server, clients=4) as writers:
        for case in range(cases):
            known, more = len(writers.acknowledged), chance.randrange(5, 50)
            eventually(lambda: len(writers.acknowledged) > known + more)
            # Every fourth time it is whatever is written first, which is rows; else it is metadata.
            places = blocks.metadata(server.data / FILE) if case % 4 < 3 else ()
            put(plan, " ".join(map(str, (1, BYTES[case % len(BYTES)], *places))))
            for _ in range(20):  # Not every checkpoint writes there.
                if case % 3 == 2:
                    server.stop()
                    server.start()
                else:
                    _change(server, next(changes), writers, plan)
                if not plan.exists():
                    break
    server.stop()
    server.start()
    stored: dict[int, list[int]] = {}
    for row in server.client.get("/a?select=batch,row&order=_id").json():
        stored.setdefault(row["batch"], []).append(row["row"])
    server.stop()

    log = server.log.read_text()
    lost = writers.acknowledged - set(stored)
    tell(
        f"{cases} kills inside the write of a block, {len(writers.acknowledged) * BATCH} acknowledged rows:"
        f" {log.count('had been cut off, and')} files repaired at start, lost: {len(lost)}"
    )
    assert log.count("torn: block at") == cases
    assert log.count("had been cut off, and") >= cases // 3
    assert len(saved_files.folders(server.data, WORD)) == log.count("had been cut off, and")
    assert not lost
    assert all(rows == list(range(BATCH)) for rows in stored.values())


def test_failed_checkpoint_replaces_the_worker_without_loss(tmp_path):
    """Check that the worker ends, and that the next one serves every acknowledged row."""
    plan = tmp_path / "plan"
    server = Server(tmp_path, **torn.environment(plan)).start()
    try:
        server.declare("a", ROWS)
        server.declare("b", "fields: {n: integer}\n")
        server.client.post("/b", json=[{"n": 1}])
        with Writers(server, clients=2) as writers:
            eventually(lambda: len(writers.acknowledged) > 10)
            put(plan, "1 -1")
            _change(server, 1, writers, plan)
            known = len(writers.acknowledged)
            eventually(lambda: len(writers.acknowledged) > known + 10)
        stored = {row["batch"] for row in server.client.get("/a?select=batch").json()}
    finally:
        server.stop()

    assert "the database has failed; restarting the worker" in server.log.read_text()
    assert "Traceback" not in server.log.read_text()
    assert writers.acknowledged <= stored


def _change(server: Server, number: int, writers: Writers, plan: Path) -> None:
    """Change a connector, behind which comes a checkpoint; where that is torn, wait for the worker that follows."""
    (worker,) = server.workers()
    more = ", ".join(f"f{each}: {{type: integer, nullable: true}}" for each in range(number))
    put(server.connectors / "b.yaml", f"fields: {{n: integer, {more}}}\n")
    with contextlib.suppress(httpx.TransportError):
        server.client.post("/-/reload")
        known = len(writers.acknowledged)
        eventually(lambda: not plan.exists() or len(writers.acknowledged) > known + 20)
    if not plan.exists():
        eventually(lambda: server.workers() not in ([], [worker]) and is_ready(server.url), server.tail())
