"""Retention: rows beyond a number or an age are deleted, in steps, and a plan tells how many."""

import time

import pytest

from tests.support.server import Server, eventually, serving

FIELDS = "fields: {n: integer}\n"


@pytest.fixture(scope="module")
def keeping(tmp_path_factory):
    """A gateway that looks for old rows all the time."""
    with serving(tmp_path_factory.mktemp("keeping"), GATEWAY_RETENTION_INTERVAL="0.1") as server:
        yield server


def left(server: Server, path: str) -> list[int]:
    return [row["n"] for row in server.client.get(f"{path}?select=n").json()]


def test_latest_rows_stay_and_older_ones_are_deleted(keeping, name):
    path = keeping.declare(name, FIELDS + "retention: {rows: 10}\naccess: {read: [public]}\n")
    for start in range(0, 50, 10):
        keeping.client.post(path, json=[{"n": n} for n in range(start, start + 10)])

    eventually(lambda: left(keeping, path) == list(range(40, 50)))
    deleted = [each["deleted"] for each in keeping.client.get(f"/-/connectors/{name}/batches").json()]
    assert sum(deleted) == 40
    assert keeping.client.post(path, json={"n": 50}).json()["first_id"] == 51


def test_rows_and_rejected_rows_expire_after_days(keeping, name):
    path = keeping.declare(name, FIELDS + "on_invalid: keep\naccess: {read: [public]}\n")
    keeping.client.post(path, json=[{"n": 1}, {"n": "x"}])
    began = time.time()
    eventually(lambda: time.time() > began + 1)
    etag = keeping.client.get(path).headers["ETag"]

    keeping.declare(name, FIELDS + "on_invalid: keep\naccess: {read: [public]}\nretention: {days: 0.00001}\n")

    eventually(lambda: left(keeping, path) == [])
    eventually(lambda: keeping.client.get(f"/-/connectors/{name}/rejected").json() == [])
    assert keeping.client.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_plan_counts_rows_a_shorter_retention_deletes(server, name):
    server.client.post(server.declare(name, FIELDS), json=[{"n": n} for n in range(30)])
    files = {path.name: path.read_text() for path in server.connectors.glob("*.yaml")}

    def told(retention: str) -> str:
        changed = {**files, f"{name}.yaml": f"{FIELDS}retention: {retention}\n"}
        plan = server.client.post("/-/plan", json={"files": changed}).json()
        (own,) = [each for each in plan["connectors"] if each["connector"] == name]
        return " ".join(change["sentence"] for change in own["changes"])

    assert told("{rows: 10}") == "keeps 10 rows at most, and deletes what is older: 20 of 30 stored rows go"
    assert told("{days: 1}") == "keeps rows for 1 day, and deletes what is older: 0 of 30 stored rows go"


def test_many_old_rows_are_deleted_in_small_steps(keeping, name):
    path = keeping.declare(name, FIELDS + "access: {read: [public]}\n")
    for start in range(0, 150_000, 50_000):
        keeping.client.post(path, json=[{"n": n} for n in range(start, start + 50_000)])

    keeping.declare(name, FIELDS + "retention: {rows: 1000}\naccess: {read: [public]}\n")

    eventually(lambda: len(left(keeping, path)) == 1000)
    batches = keeping.client.get(f"/-/connectors/{name}/batches?limit=1000").json()
    steps = [each["deleted"] for each in batches if each["action"] == "retention"]
    assert sum(steps) == 149_000
    assert max(steps) == 20_000
