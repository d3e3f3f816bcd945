"""What was acknowledged is there after kill -9, and nothing else of a batch that was not."""

import itertools
import os
import random
import signal
import threading

import httpx

from tests.rig import Server

CYCLES = 20
WRITERS = 8
BATCH = 25


class Writers:
    """Clients that post numbered batches for as long as the server lives, and note what became of each."""

    def __init__(self, server: Server, numbers: itertools.count) -> None:
        self.acknowledged: dict[int, int] = {}
        self.unknown: set[int] = set()
        self._server, self._numbers = server, numbers
        self._threads = [threading.Thread(target=self._run) for _ in range(WRITERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        with httpx.Client(base_url=self._server.url, headers=self._server.admin, timeout=30) as client:
            while True:
                number = next(self._numbers)
                self.unknown.add(number)
                try:
                    answer = client.post("/a", json=[{"batch": number, "row": row} for row in range(BATCH)])
                except httpx.TransportError:
                    return
                if answer.status_code == 201:
                    self.acknowledged[number] = answer.json()["first_id"]
                    self.unknown.discard(number)


def test_kill_nine_under_load_loses_no_acknowledged_row_and_keeps_no_part_of_a_batch(tmp_path, tell):
    """Kills arbiter and worker at once, at a random moment under eight writers, again and again. Tells its counts."""
    server = Server(tmp_path).start()
    server.declare("a", "fields: {batch: integer, row: integer}\naccess: {read: [public]}\n")
    numbers, chance = itertools.count(1), random.Random(20261123)
    acknowledged: dict[int, int] = {}
    unknown: set[int] = set()
    try:
        for _ in range(CYCLES):
            writers = Writers(server, numbers)
            writers.start()
            threading.Event().wait(chance.uniform(0.02, 0.5))
            server.client.close()
            server.kill()
            writers.join()
            acknowledged |= writers.acknowledged
            unknown |= writers.unknown
            server.start()

        stored: dict[int, list[int]] = {}
        ids: dict[int, list[int]] = {}
        for row in server.client.get("/a?select=_id,batch,row&order=_id").json():
            stored.setdefault(row["batch"], []).append(row["row"])
            ids.setdefault(row["batch"], []).append(row["_id"])
        lost = set(acknowledged) - set(stored)
        partial = [batch for batch, rows in stored.items() if rows != list(range(BATCH))]
        unasked = set(stored) - set(acknowledged) - unknown
        tell(
            f"kill -9 cycles: {CYCLES}, acknowledged rows: {len(acknowledged) * BATCH}, lost: {len(lost)},"
            f" partial batches: {len(partial)}, stored but not known to be: {len(set(stored) - set(acknowledged))}"
        )
        assert (lost, partial, unasked) == (set(), [], set())
        assert len(acknowledged) > CYCLES
        for batch, first in acknowledged.items():
            assert ids[batch] == list(range(first, first + BATCH))
        every = [each for some in ids.values() for each in some]
        assert len(set(every)) == len(every)
        kept = server.client.get("/-/connectors/a/batches?limit=1000").json()
        assert sum(each["rows"] for each in kept) == min(len(stored), 1000) * BATCH
    finally:
        server.stop()


def test_ids_are_not_given_again_after_a_kill(tmp_path):
    server = Server(tmp_path).start()
    server.declare("a", "fields: {n: integer}\n")
    last = 0
    for _ in range(3):
        first = server.client.post("/a", json=[{"n": 1}] * 10).json()["first_id"]
        assert first == last + 1
        last = first + 9
        os.kill(server.process.pid, signal.SIGSTOP)
        server.client.close()
        server.kill()
        server.start()
    server.stop()
