"""What was acknowledged is there after kill -9, once and whole, and nothing else is."""

import itertools
import os
import random
import signal
import threading
import time
from collections import Counter

import pytest

from tests.support.clients import Insistent
from tests.support.server import DEADLINE, Server, put

WRITERS = 8
BATCH = 25
SEED = 20261123
#: What is killed, cycle by cycle: the worker, which gunicorn starts anew, both, or both in a checkpoint.
CYCLES = ("worker", "worker", "both", "worker", "checkpoint")


class Writers:
    """Clients that post numbered batches until told to stop, each under a key of its own and until it is answered.

    A thread that fails leaves its error in `failures`.
    """

    def __init__(self, server: Server) -> None:
        self.receipts: dict[int, dict] = {}
        self.failures: list[BaseException] = []
        self.replayed = self.sends = self.unheard = 0
        self._server = server
        self._numbers = itertools.count(1)
        self._may_begin, self._stopped = threading.Event(), threading.Event()
        self._counting = threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(WRITERS)]

    def start(self) -> None:
        self.resume()
        for thread in self._threads:
            thread.start()

    def pause(self) -> None:
        """Begin no other batch; what was begun is sent on."""
        self._may_begin.clear()

    def resume(self) -> None:
        self._may_begin.set()

    def stop(self) -> None:
        """End, once every batch that was begun is answered."""
        self._stopped.set()
        self.resume()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        try:
            with Insistent(self._server) as client:
                while self._may_begin.wait() and not self._stopped.is_set():
                    number = next(self._numbers)
                    answer = client.post("/a", rows(number), f"batch {number}")
                    assert answer.status_code == 201, answer.text
                    self.receipts[number] = answer.json()
                    with self._counting:
                        self.replayed += "Idempotent-Replayed" in answer.headers
                with self._counting:
                    self.sends += client.sends
                    self.unheard += client.unheard
        except BaseException as error:  # noqa: BLE001  # the test's own thread says it
            self.failures.append(error)


def rows(number: int) -> list[dict]:
    return [{"batch": number, "row": row} for row in range(BATCH)]


@pytest.mark.long
@pytest.mark.parametrize("cycles", [12, pytest.param(200, marks=pytest.mark.torture)])
def test_killed_writes_store_every_batch_once(tmp_path, tell, cycles):
    """Check kills of the worker, or also of the arbiter, at random moments and in checkpoints, under eight writers that retry: every batch is stored once and whole."""
    chance = random.Random(SEED)
    server = Server(tmp_path, is_forked=True).start()
    server.declare("a", "fields: {batch: integer, row: integer}\naccess: {read: [public]}\n")
    server.declare("b", "fields: {n: integer}\n")
    server.client.post("/b", json=[{"n": 1}])
    writers = Writers(server)
    writers.start()
    torn = 0
    try:
        for cycle in range(cycles):
            what = CYCLES[cycle % len(CYCLES)]
            if what == "checkpoint":
                torn += _kill_in_a_checkpoint(server, writers, chance, cycle)
            else:
                threading.Event().wait(chance.uniform(0.02, 0.4))
                _kill(server, what)
            server.wait_ready() if what == "worker" else server.start()
        writers.stop()
        found = _check(server, writers)
        tell(
            f"seed {SEED}, kill -9: {cycles}, {torn} of them in a checkpoint; batches acknowledged:"
            f" {len(writers.receipts)} of {BATCH} rows, sends: {writers.sends}, unheard: {writers.unheard},"
            f" answered as replayed: {writers.replayed}; lost: {len(found['lost'])}, twice: {len(found['twice'])},"
            f" partial: {len(found['partial'])}, unopenable: 0"
        )
        assert found == {"lost": [], "twice": [], "partial": [], "not asked for": []}
        assert len(writers.receipts) > cycles
    finally:
        writers.stop()
        server.stop()
    assert writers.failures == []


def _kill(server: Server, what: str) -> None:
    server.client.close()
    if what == "worker":
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
    else:
        server.kill()


def _kill_in_a_checkpoint(server: Server, writers: Writers, chance: random.Random, cycle: int) -> bool:
    """Change a table with rows, which a checkpoint follows; kill once it writes. Tell whether it had not ended."""
    file, wal = server.data / "store.duckdb", server.data / "store.duckdb.wal"
    writers.pause()
    fields = (
        "fields: {n: integer, s: {type: string, nullable: true}}\n" if cycle % 2 else "fields: {n: integer}\n"
    )
    before = file.stat().st_mtime_ns
    put(server.connectors / "b.yaml", fields)
    server.reload()
    deadline = time.monotonic() + DEADLINE
    while file.stat().st_mtime_ns == before and time.monotonic() < deadline:
        pass  # It takes some milliseconds: there is no time to sleep.
    writers.resume()
    threading.Event().wait(chance.uniform(0, 0.004))
    _kill(server, "both")
    return wal.exists()


def _check(server: Server, writers: Writers) -> dict[str, list]:
    """Compare what is stored with what was acknowledged; a writer ends when all it began is."""
    stored: dict[int, list[tuple[int, int]]] = {}
    for row in server.client.get("/a?select=_id,batch,row&order=_id").json():
        stored.setdefault(row["batch"], []).append((row["_id"], row["row"]))
    receipts = writers.receipts
    whole = {
        number: [(receipt["first_id"] + row, row) for row in range(BATCH)]
        for number, receipt in receipts.items()
    }
    ids = Counter(id for some in stored.values() for id, _ in some)
    kept = server.client.get("/-/connectors/a/batches?limit=1000").json()
    assert sum(each["rows"] for each in kept) == min(len(stored), 1000) * BATCH
    for number in random.Random(SEED).sample(sorted(receipts), 50):
        with Insistent(server) as client:
            answer = client.post("/a", rows(number), f"batch {number}")
        assert (answer.headers.get("Idempotent-Replayed"), answer.json()) == ("true", receipts[number])
    return {
        "lost": sorted(set(receipts) - set(stored)),
        "twice": [number for number, some in stored.items() if len(some) > BATCH]
        + [id for id, times in ids.items() if times > 1],
        "partial": [number for number, some in stored.items() if number in whole and some != whole[number]],
        "not asked for": sorted(set(stored) - set(receipts)),
    }


def test_row_ids_are_not_reused_after_a_kill(tmp_path):
    server = Server(tmp_path, is_forked=True).start()
    server.declare("a", "fields: {n: integer}\n")
    last = 0
    for _ in range(2):
        first = server.client.post("/a", json=[{"n": 1}] * 10).json()["first_id"]
        assert first == last + 1
        last = first + 9
        os.kill(server.process.pid, signal.SIGSTOP)
        server.client.close()
        server.kill()
        server.start()
    server.stop()
