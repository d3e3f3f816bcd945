"""On what terms rows are taken and kept: keys that are asked for, batches that are running, retention."""

import threading
import time

import httpx
import pytest

from tests.support.server import Server, eventually, serving

FIELDS = "fields: {n: integer}\n"


def test_a_key_can_be_asked_for(server, name):
    path = server.declare(name, FIELDS + "idempotency: required\n")

    refused = server.client.post(path, json={"n": 1})
    assert (refused.status_code, refused.json()["code"]) == (400, "GW113")
    assert server.client.post(path, json={"n": 1}, headers={"Prefer": "tx=rollback"}).status_code == 200
    assert server.client.post(path, json={"n": 1}, headers={"Idempotency-Key": "a"}).status_code == 201


def test_a_batch_that_is_sent_again_while_it_is_being_stored_is_told_to_wait(own, name):
    """The body has arrived and is being checked when it comes a second time."""
    path = own.declare(name, "fields: {s: string}\n")
    body = b"[" + b",".join(b'{"s":"%d"}' % n for n in range(300_000)) + b"]"
    headers = {**own.admin, "Idempotency-Key": "big"}
    answers = []

    def send() -> None:
        answers.append(httpx.post(f"{own.url}{path}", content=body, headers=headers, timeout=60))

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    statuses = sorted(answer.status_code for answer in answers)
    assert set(statuses) <= {201, 409}
    assert 409 in statuses
    waiting = next(answer for answer in answers if answer.status_code == 409)
    assert (waiting.json()["code"], waiting.headers["Retry-After"]) == ("GW203", "1")
    again = httpx.post(f"{own.url}{path}", content=body, headers=headers, timeout=60)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert own.client.get(f"{path}?select=count()").json() == [{"count": 300_000}]


@pytest.mark.parametrize("prefer", ["", "return=representation"])
def test_what_is_replayed_is_what_was_answered(server, name, prefer):
    path = server.declare(name, FIELDS + "primary_key: [n]\non_conflict: ignore\naccess: {read: [public]}\n")
    headers = {"Idempotency-Key": "k", "Prefer": prefer}
    server.client.post(path, json=[{"n": 1}])

    first = server.client.post(path, json=[{"n": 1}, {"n": 2}, {"n": 2}], headers=headers)
    again = server.client.post(path, json=[{"n": 1}, {"n": 2}, {"n": 2}], headers=headers)

    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    other = server.client.post(path, json=[{"n": 3}], headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "GW202")
    assert server.client.get(f"{path}?select=n").json() == [{"n": 1}, {"n": 2}]


# -- retention


@pytest.fixture(scope="module")
def keeping(tmp_path_factory):
    """A gateway that looks for old rows all the time."""
    with serving(tmp_path_factory.mktemp("keeping"), GATEWAY_RETENTION_INTERVAL="0.1") as server:
        yield server


def left(server: Server, path: str) -> list[int]:
    return [row["n"] for row in server.client.get(f"{path}?select=n").json()]


def test_the_latest_rows_are_kept_and_older_ones_deleted(keeping, name):
    path = keeping.declare(name, FIELDS + "retention: {rows: 10}\naccess: {read: [public]}\n")
    for start in range(0, 50, 10):
        keeping.client.post(path, json=[{"n": n} for n in range(start, start + 10)])

    eventually(lambda: left(keeping, path) == list(range(40, 50)))
    deleted = [each["deleted"] for each in keeping.client.get(f"/-/connectors/{name}/batches").json()]
    assert sum(deleted) == 40
    assert keeping.client.post(path, json={"n": 50}).json()["first_id"] == 51


def test_rows_go_after_so_many_days_rejected_ones_too(keeping, name):
    path = keeping.declare(name, FIELDS + "on_invalid: keep\naccess: {read: [public]}\n")
    keeping.client.post(path, json=[{"n": 1}, {"n": "x"}])
    began = time.time()
    eventually(lambda: time.time() > began + 1)
    etag = keeping.client.get(path).headers["ETag"]

    keeping.declare(name, FIELDS + "on_invalid: keep\naccess: {read: [public]}\nretention: {days: 0.00001}\n")

    eventually(lambda: left(keeping, path) == [])
    eventually(lambda: keeping.client.get(f"/-/connectors/{name}/rejected").json() == [])
    assert keeping.client.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_a_plan_tells_how_many_rows_a_shorter_retention_deletes(server, name):
    server.client.post(server.declare(name, FIELDS), json=[{"n": n} for n in range(30)])
    files = {path.name: path.read_text() for path in server.connectors.glob("*.yaml")}

    def told(retention: str) -> str:
        changed = {**files, f"{name}.yaml": f"{FIELDS}retention: {retention}\n"}
        plan = server.client.post("/-/plan", json={"files": changed}).json()
        (own,) = [each for each in plan["connectors"] if each["connector"] == name]
        return " ".join(change["sentence"] for change in own["changes"])

    assert told("{rows: 10}") == "keeps 10 rows at most, and deletes what is older: 20 of 30 stored rows go"
    assert told("{days: 1}") == "keeps rows for 1 day, and deletes what is older: 0 of 30 stored rows go"


def test_many_old_rows_go_in_small_steps_between_which_others_write(keeping, name):
    path = keeping.declare(name, FIELDS + "access: {read: [public]}\n")
    for start in range(0, 150_000, 50_000):
        keeping.client.post(path, json=[{"n": n} for n in range(start, start + 50_000)])

    keeping.declare(name, FIELDS + "retention: {rows: 1000}\naccess: {read: [public]}\n")

    eventually(lambda: len(left(keeping, path)) == 1000)
    batches = keeping.client.get(f"/-/connectors/{name}/batches?limit=1000").json()
    steps = [each["deleted"] for each in batches if each["action"] == "retention"]
    assert sum(steps) == 149_000
    assert max(steps) == 20_000
