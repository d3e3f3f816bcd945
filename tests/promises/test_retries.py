"""A batch that is sent again under its key is stored once, however many send it and whatever is killed meanwhile."""

import itertools
import os
import random
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from tests.support.clients import Insistent
from tests.support.server import Server, eventually

SEED = 20261124
PARALLEL = 32
CHANGED = 0.05
#: How many keys on the sends of a key lie apart at most: some come at once, some after a restart.
APART = 120
RESTARTS = ("kill", "terminate")


@dataclass(frozen=True)
class Send:
    """One send of a key's batch; `version` above 0 is another batch under the same key."""

    key: int
    version: int

    @property
    def rows(self) -> list[dict]:
        return [{"key": self.key, "version": self.version, "row": row} for row in range(1 + self.key % 3)]


def sends_of(keys: int) -> list[Send]:
    """Every key one to five times, some of them changed, in an order that mixes neighbours."""
    chance = random.Random(SEED)
    placed = []
    for key in range(keys):
        for _ in range(chance.randint(1, 5)):
            version = chance.randint(1, 9) if chance.random() < CHANGED else 0
            apart = 0 if chance.random() < 0.5 else chance.uniform(0, APART)
            placed.append((key + apart, key, version))
    return [Send(key, version) for _, key, version in sorted(placed)]


@pytest.mark.long
@pytest.mark.parametrize(
    ("keys", "restarts"), [(500, 4), pytest.param(10_000, 40, marks=pytest.mark.torture)]
)
def test_idempotency_key_is_stored_once_across_restarts(tmp_path, tell, keys, restarts):
    """Send from 32 threads while the worker is killed and the gateway stopped in turn. Print the counts."""
    server = Server(tmp_path, is_forked=True).start()
    server.declare("a", "fields: {key: integer, version: integer, row: integer}\naccess: {read: [public]}\n")
    sends = sends_of(keys)
    answers: list[tuple[Send, httpx.Response]] = []
    threads = threading.local()
    clients: list[Insistent] = []

    def send(each: Send) -> None:
        if not hasattr(threads, "client"):
            threads.client = Insistent(server)
            clients.append(threads.client)
        answers.append((each, threads.client.post("/a", each.rows, f"key {each.key}")))

    try:
        with ThreadPoolExecutor(PARALLEL) as pool:
            waiting = [pool.submit(send, each) for each in sends]
            for turn in range(restarts):
                due = len(sends) * (turn + 1) // (restarts + 1)
                eventually(lambda: len(answers) >= due, "the sends are not answered", seconds=300)
                _restart(server, RESTARTS[turn % len(RESTARTS)])
            for each in waiting:
                each.result()
        stored = server.client.get("/a?select=_id,key,version,row&order=_id").json()
        found = _check(answers, stored, keys)
        unheard = sum(client.unheard for client in clients)
        again = sum(client.again for client in clients)
        tell(
            f"seed {SEED}, keys: {keys}, batches sent: {len(sends)} by {PARALLEL} at a time, restarts: {restarts},"
            f" unheard: {unheard}, told to come again: {again}, {found}; lost: 0, twice: 0"
        )
    finally:
        for client in clients:
            client.close()
        server.stop()


def _restart(server: Server, how: str) -> None:
    server.client.close()
    if how == "kill":
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        server.wait_ready()
    else:
        assert server.stop() == 0
        server.start()


def _check(answers: list[tuple[Send, httpx.Response]], stored: list[dict], keys: int) -> str:
    """Hold the answers to what is stored: each key once, in the version that came first."""
    by_key = {
        key: list(rows) for key, rows in itertools.groupby(sorted_by_key(stored), lambda row: row["key"])
    }
    assert sorted(by_key) == list(range(keys))
    versions = {}
    for key, rows in by_key.items():
        versions[key] = rows[0]["version"]
        first = rows[0]["_id"]
        assert rows == [{"_id": first + at, **row} for at, row in enumerate(Send(key, versions[key]).rows)], (
            key
        )
    receipts: dict[int, dict] = {}
    firsts: set[int] = set()
    replayed = refused = 0
    for send, answer in answers:
        if send.version != versions[send.key]:
            assert (answer.status_code, answer.json()["code"]) == (422, "GW202"), (send, answer.text)
            refused += 1
            continue
        assert answer.status_code == 201, (send, answer.text)
        assert receipts.setdefault(send.key, answer.json()) == answer.json()
        if "Idempotent-Replayed" in answer.headers:
            replayed += 1
        else:
            assert send.key not in firsts
            firsts.add(send.key)
    assert all(receipt["first_id"] == by_key[key][0]["_id"] for key, receipt in receipts.items())
    assert len(receipts) == keys
    return f"replayed: {replayed}, another body refused: {refused}"


def sorted_by_key(stored: list[dict]) -> list[dict]:
    return sorted(stored, key=lambda row: (row["key"], row["_id"]))
