"""Idempotency keys: when one is required, and what a batch that is sent again under its key is answered."""

import threading

import httpx
import pytest

FIELDS = "fields: {n: integer}\n"


def test_idempotency_key_is_required_by_connector(server, name):
    """Check that a connector may require an idempotency key."""
    path = server.declare(name, FIELDS + "idempotency: required\n")

    refused = server.client.post(path, json={"n": 1})
    assert (refused.status_code, refused.json()["code"]) == (400, "GW113")
    assert server.client.post(path, json={"n": 1}, headers={"Prefer": "tx=rollback"}).status_code == 200
    assert server.client.post(path, json={"n": 1}, headers={"Idempotency-Key": "a"}).status_code == 201


def test_repeated_batch_waits_while_first_is_stored(server, name):
    """The body has arrived and is being checked when it comes a second time."""
    path = server.declare(name, "fields: {s: string}\n")
    body = b"[" + b",".join(b'{"s":"%d"}' % n for n in range(300_000)) + b"]"
    headers = {**server.admin, "Idempotency-Key": "big"}
    answers = []

    def send() -> None:
        answers.append(httpx.post(f"{server.url}{path}", content=body, headers=headers, timeout=60))

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
    again = httpx.post(f"{server.url}{path}", content=body, headers=headers, timeout=60)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert server.client.get(f"{path}?select=count()").json() == [{"count": 300_000}]


@pytest.mark.parametrize("prefer", ["", "return=representation"])
def test_replay_repeats_the_first_response(server, name, prefer):
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
