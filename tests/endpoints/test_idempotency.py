"""Idempotency keys: when one is required, and what a batch that is sent again under its key is answered."""

import contextlib
import json
import threading
from collections.abc import Iterator

import httpx
import pytest

from gateway.endpoints import batch_order
from tests.support.in_process import body, inside
from tests.support.server import Server, eventually

FIELDS = "fields: {n: integer}\n"
WRITES = 'gateway_http_requests_in_flight{{operation="write"}} {:.1f}'


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


def after(key: str, previous: str) -> dict[str, str]:
    return {"Idempotency-Key": key, "Idempotency-After": previous}


@contextlib.contextmanager
def second_waiting(server: Server, path: str) -> Iterator[list[httpx.Response]]:
    """Send a second batch, give a block while it waits for the first one, and give its answer then."""
    answers: list[httpx.Response] = []

    def send() -> None:
        answers.append(
            httpx.post(f"{server.url}{path}", json={"n": 2}, headers={**server.admin, **after("b", "a")})
        )

    waiting = threading.Thread(target=send)
    waiting.start()
    eventually(lambda: WRITES.format(1) in server.client.get("/-/metrics").text)
    yield answers
    waiting.join()


def rows_of(server: Server, path: str) -> list[int]:
    return [row["n"] for row in server.client.get(f"{path}?select=n&order=_id").json()]


def test_batch_is_stored_after_the_previous_one(server, name):
    path = server.declare(name, FIELDS)
    server.client.post(path, json={"n": 1}, headers={"Idempotency-Key": "a"})

    second = server.client.post(path, json={"n": 2}, headers=after("b", "a"))

    assert second.status_code == 201
    assert rows_of(server, path) == [1, 2]


def test_batch_waits_for_one_that_comes_later(server, name):
    path = server.declare(name, FIELDS)

    with second_waiting(server, path) as answers:
        first = server.client.post(path, json={"n": 1}, headers={"Idempotency-Key": "a"})

    assert (first.status_code, answers[0].status_code) == (201, 201)
    assert rows_of(server, path) == [1, 2]


def test_batch_is_refused_with_the_previous_one(server, name):
    path = server.declare(name, FIELDS)

    with second_waiting(server, path) as answers:
        first = server.client.post(path, json={"n": "x"}, headers={"Idempotency-Key": "a"})

    assert first.status_code == 422
    assert (answers[0].status_code, answers[0].json()["code"], answers[0].headers["Retry-After"]) == (
        409,
        "GW205",
        "1",
    )
    assert rows_of(server, path) == []


def test_order_is_of_connector_and_token(tmp_path, monkeypatch):
    monkeypatch.setattr(batch_order, "PREVIOUS_SECONDS", 0)
    with inside(tmp_path, {"a": FIELDS, "b": FIELDS}) as gateway:
        first = gateway.request("POST", "/a", body(b'{"n":1}'), headers={"Idempotency-Key": "a"})
        of_another = gateway.request("POST", "/b", body(b'{"n":2}'), headers=after("b", "a"))
        follower = gateway.request("POST", "/a", body(b'{"n":2}'), headers=after("b", "a"))

    assert (first[0], follower[0]) == (201, 201)
    assert (of_another[0], json.loads(of_another[2])["code"]) == (409, "GW205")


@pytest.mark.parametrize("previous", ["a", '"a"', "", "x" * 300, "é".encode()])
def test_key_of_previous_batch_is_checked(server, name, previous):
    path = server.declare(name, FIELDS)

    refused = server.client.post(
        path, json={"n": 1}, headers={"Idempotency-Key": "a", "Idempotency-After": previous}
    )

    assert (refused.status_code, refused.json()["code"]) == (400, "GW111")
    assert "Idempotency-After" in refused.json()["message"]


def test_stored_batch_needs_no_previous_one(server, name):
    path = server.declare(name, FIELDS)
    server.client.post(path, json={"n": 1}, headers={"Idempotency-Key": "a"})

    again = server.client.post(path, json={"n": 1}, headers=after("a", "lost"))

    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")


def test_waiting_batch_makes_room_for_previous(own):
    own.stop()
    own.environment |= {"GATEWAY_QUEUE": "1M", "GATEWAY_MAX_BODY": "1M"}
    own.start()
    path = own.declare("orders", FIELDS)
    rows = [{"n": n} for n in range(40_000)]
    answers = []

    def send() -> None:
        answers.append(httpx.post(f"{own.url}{path}", json=rows, headers={**own.admin, **after("b", "a")}))

    waiting = threading.Thread(target=send)
    waiting.start()
    eventually(lambda: WRITES.format(1) in own.client.get("/-/metrics").text)
    first = own.client.post(path, json=rows, headers={"Idempotency-Key": "a"})
    waiting.join()
    again = own.client.post(path, json=rows, headers={"Idempotency-Key": "a"})

    assert (first.status_code, first.json()["code"], first.headers["Retry-After"]) == (503, "GW401", "0")
    assert (answers[0].status_code, answers[0].json()["code"]) == (409, "GW205")
    assert again.status_code == 201


@pytest.mark.parametrize("reason", ["client leaves", "gateway stops"])
def test_wait_without_a_purpose_ends(tmp_path, monkeypatch, reason):
    monkeypatch.setattr(batch_order, "PREVIOUS_SECONDS", 1000)
    has_left = iter([False, False])
    if reason == "gateway stops":
        stopping = threading.Event()
        stopping.set()
        monkeypatch.setattr(batch_order, "STOPPING", stopping)

    with inside(tmp_path, {"a": FIELDS}) as gateway:
        alone = gateway.request(
            "POST",
            "/a",
            body(b'{"n":2}'),
            headers=after("b", "a"),
            has_left=lambda: reason == "client leaves" and next(has_left, True),
        )
        gateway.request("POST", "/a", body(b'{"n":1}'), headers={"Idempotency-Key": "a"})
        again = gateway.request("POST", "/a", body(b'{"n":2}'), headers=after("b", "a"))

    assert (alone[0], again[0]) == (409, 201)
