"""Writers that send each batch until it is answered, a follower of their rows, and what must hold of both."""

import itertools
import threading
import time
from collections import Counter
from typing import Any, Self

import httpx

from tests.support.clients import Insistent
from tests.support.lake.fleet import Fleet
from tests.support.lake.postgres import PostgreSQL
from tests.support.server import DEADLINE, Server, eventually

WRITERS = 6
CONNECTOR = "fields: {batch: integer, row: integer}\naccess: {read: [public]}\n"
#: How many rows one look of the follower asks for.
PAGE = 200


def rows_of(number: int) -> list[dict[str, int]]:
    """The rows of a batch: mostly a few, sometimes many."""
    return [{"batch": number, "row": row} for row in range(700 if number % 20 == 0 else number % 7 + 1)]


class Traffic:
    """Writers over a balancer, and a follower at the last gateway, until the end of the block.

    A thread that fails leaves its error in `failures`.
    """

    def __init__(self, fleet: Fleet, path: str = "/a") -> None:
        self.receipts: dict[int, dict[str, Any]] = {}
        self.failures: list[BaseException] = []
        self.followed: list[dict[str, int]] = []
        self.sends = self.unheard = self.again = self.replayed = self.looks = 0
        self._fleet, self._path = fleet, path
        self._numbers = itertools.count(1)
        self._counting = threading.Lock()
        self._stopped, self._has_last = threading.Event(), threading.Event()
        self._writers = [threading.Thread(target=self._run, args=(self._write,)) for _ in range(WRITERS)]
        self._follower = threading.Thread(target=self._run, args=(self._follow,))

    def __enter__(self) -> Self:
        for thread in (*self._writers, self._follower):
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._writers:
            thread.join()
        self._has_last.set()
        self._follower.join()

    def wait_for(self, batches: int) -> None:
        """Wait until so many more batches are acknowledged."""
        wanted = len(self.receipts) + batches
        eventually(lambda: self.failures or len(self.receipts) >= wanted, self._fleet.tails(), seconds=90)
        assert not self.failures, self.failures

    def _run(self, act: Any) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001  # the test's own thread says it
            self.failures.append(error)

    def _write(self) -> None:
        with Insistent(self._fleet) as client:
            while not self._stopped.is_set():
                number = next(self._numbers)
                answer = client.post(self._path, rows_of(number), f"batch {number}")
                assert answer.status_code == 201, answer.text
                self.receipts[number] = answer.json()
                with self._counting:
                    self.replayed += "Idempotent-Replayed" in answer.headers
            with self._counting:
                self.sends += client.sends
                self.unheard += client.unheard
                self.again += client.again

    def _follow(self) -> None:
        """Ask for the rows after the last one, again and again, until there are no more to come."""
        gateway, last = self._fleet.gateways[-1], 0
        with httpx.Client(headers=self._fleet.admin, timeout=DEADLINE) as client:
            while True:
                is_end = self._has_last.is_set()
                rows = _page(
                    client, gateway, f"{self._path}?select=_id,batch,row&_id=gt.{last}&order=_id&limit={PAGE}"
                )
                self.looks += rows is not None
                self.followed += rows or ()
                last = self.followed[-1]["_id"] if self.followed else 0
                if rows == [] and is_end:
                    return
                # PERF: as often as a follower might that is in a hurry; without this it takes the processors.
                self._has_last.wait(0.02)

    # -- what must hold

    def verdict(self, postgres: PostgreSQL, database: str) -> str:
        """Hold all answers to what each gateway has and to the ledger, and say how many there were."""
        assert self.failures == []
        stored = [_all(gateway, self._path, self._fleet.admin) for gateway in self._fleet.gateways]
        assert all(each == stored[0] for each in stored), "gateways disagree"
        rows = stored[0]
        found = self._compare(rows)
        assert found == {"lost": [], "twice": [], "partial": [], "not asked for": []}
        assert [row["_id"] for row in rows] == sorted({row["_id"] for row in rows})
        assert [(row["_id"], row["batch"]) for row in self.followed] == [
            (row["_id"], row["batch"]) for row in rows
        ], "the follower has other rows"
        self._compare_ledger(postgres, database)
        return (
            f"batches acknowledged: {len(self.receipts)} with {len(rows)} rows by {WRITERS} writers, sends: {self.sends},"
            f" unheard: {self.unheard}, told to come again: {self.again}, replayed: {self.replayed}; lost: 0, twice: 0,"
            f" partial: 0, _id in the order of commits; a follower saw every row once, in order, in {self.looks} looks"
        )

    def _compare(self, rows: list[dict[str, int]]) -> dict[str, list[int]]:
        stored: dict[int, list[tuple[int, int]]] = {}
        for row in rows:
            stored.setdefault(row["batch"], []).append((row["_id"], row["row"]))
        whole = {
            number: [(receipt["first_id"] + row, row) for row in range(len(rows_of(number)))]
            for number, receipt in self.receipts.items()
        }
        ids = Counter(id for some in stored.values() for id, _ in some)
        return {
            "lost": sorted(set(whole) - set(stored)),
            "twice": [number for number, some in stored.items() if len(some) > len(rows_of(number))]
            + [id for id, times in ids.items() if times > 1],
            "partial": [
                number for number, some in stored.items() if number in whole and some != whole[number]
            ],
            "not asked for": sorted(set(stored) - set(whole)),
        }

    def _compare_ledger(self, postgres: PostgreSQL, database: str) -> None:
        """The ledger has each receipt, and its batches, their snapshots, times, and `_id`s grow together."""
        entries = postgres.rows(
            database,
            "SELECT batch, first_id, last_id, rows, snapshot, committed_at FROM gw.batches"
            f" WHERE connector = '{self._path[1:]}' ORDER BY batch",
        )
        last = 0
        for entry in entries:
            assert (entry["first_id"], entry["last_id"]) == (last + 1, last + entry["rows"])
            last = entry["last_id"]
        for key in ("snapshot", "committed_at"):
            assert [entry[key] for entry in entries] == sorted(entry[key] for entry in entries)
        receipts = sorted(
            (each["batch"], each["first_id"], each["last_id"]) for each in self.receipts.values()
        )
        assert receipts == [(each["batch"], each["first_id"], each["last_id"]) for each in entries]


def _page(client: httpx.Client, gateway: Server, url: str) -> list[dict[str, int]] | None:
    """One look; None if it has no answer, or is to be made again."""
    try:
        answer = client.get(gateway.url + url)
    except httpx.TransportError:
        time.sleep(0.05)
        return None
    if answer.status_code == 503:
        assert "Retry-After" in answer.headers, answer.text
        return None
    assert answer.status_code == 200, answer.text
    return answer.json()


def _all(gateway: Server, path: str, admin: dict[str, str]) -> list[dict[str, int]]:
    answer = httpx.get(f"{gateway.url}{path}?select=_id,batch,row&order=_id", headers=admin, timeout=DEADLINE)
    assert answer.status_code == 200, answer.text
    return answer.json()
