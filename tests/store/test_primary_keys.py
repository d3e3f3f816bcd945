"""Primary keys: what becomes of rows that meet others, in one batch, in a group of them, and in the store."""

import threading

import httpx
import pytest

from tests.support.server import Server, eventually, put
from tests.support.tested_store import renewed

FIELDS = "fields: {id: integer, name: {type: string, nullable: true}, n: {type: integer, default: 0}}\n"
READ = "access: {read: [public], change: [admin]}\n"


def declare(server: Server, name: str, more: str = "", fields: str = FIELDS) -> str:
    return server.declare(name, f"{fields}primary_key: [id]\n{READ}{more}")


def rows(server: Server, path: str, select: str = "id,name,n") -> list[dict]:
    answer = server.client.get(f"{path}?select={select}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def counts(answer: httpx.Response) -> tuple:
    body = answer.json()
    assert body["received"] == body["stored"] + body["rejected"] + body["duplicates"]
    return answer.status_code, body["received"], body["stored"], body["duplicates"]


BATCH = [{"id": 2, "name": "b"}, {"id": 1, "name": "new"}, {"id": 2, "name": "c"}]


@pytest.mark.parametrize(
    ("word", "receipt", "stored"),
    [
        ("ignore", (201, 3, 1, 2), [(1, "old"), (2, "b")]),
        ("replace", (201, 3, 2, 1), [(1, "new"), (2, "c")]),
    ],
)
def test_rows_with_stored_keys_follow_on_conflict(server, name, word, receipt, stored):
    path = declare(server, name, f"on_conflict: {word}\n")
    server.client.post(path, json={"id": 1, "name": "old"})

    answer = server.client.post(path, json=BATCH)

    assert counts(answer) == receipt
    assert sorted((row["id"], row["name"]) for row in rows(server, path)) == stored
    ids = [row["_id"] for row in rows(server, path, "_id")]
    assert ids == sorted(ids)
    assert answer.json()["last_id"] - answer.json()["first_id"] + 1 == receipt[2]


def test_row_with_stored_key_refuses_its_batch(server, name):
    """Check that the refusal names each row whose primary key is stored or is in the batch twice."""
    path = declare(server, name)
    server.client.post(path, json={"id": 1, "name": "old"})

    answer = server.client.post(
        path,
        content='{"id": 7}\n{"id": 2}\n\n{"id": 2}\n{"id": 1}\n',
        headers={"Content-Type": "application/x-ndjson"},
    )

    error = answer.json()
    assert (answer.status_code, error["code"]) == (409, "23505")
    assert error["message"] == "row 3, line 4: Key (id)=(2) already exists. (and 1 more)"
    listed = [(each["row"], each["line"], each["field"], each["message"]) for each in error["errors"]]
    assert listed == [
        (3, 4, "id", "Key (id)=(2) already exists."),
        (4, 5, "id", "Key (id)=(1) already exists."),
    ]
    assert [row["id"] for row in rows(server, path)] == [1]


def test_replaced_row_gets_a_new_id(server, name):
    """Check that clients that read new rows by `_id` see the replacement."""
    path = declare(server, name, "on_conflict: replace\n")
    server.client.post(path, json=[{"id": 1}, {"id": 2}, {"id": 3}])

    receipt = server.client.post(path, json={"id": 2, "name": "again"}).json()

    new = server.client.get(f"{path}?_id=gt.3&order=_id&select=_id,id,name").json()
    assert new == [{"_id": 4, "id": 2, "name": "again"}]
    assert (receipt["first_id"], receipt["last_id"]) == (4, 4)
    assert [row["id"] for row in rows(server, path)] == [1, 3, 2]
    (line, *_) = server.client.get(f"/-/connectors/{name}/batches").json()
    assert (line["rows"], line["deleted"]) == (1, 1)


@pytest.mark.parametrize(
    ("prefer", "status", "left"),
    [
        ("resolution=merge-duplicates", 200, [{"id": 1, "name": "old", "n": 9}]),
        ("resolution=ignore-duplicates", 201, [{"id": 1, "name": "old", "n": 5}]),
        ("", 409, [{"id": 1, "name": "old", "n": 5}]),
    ],
)
def test_resolution_of_the_dialect_merges_or_ignores(server, name, prefer, status, left):
    path = declare(server, name)
    server.client.post(path, json={"id": 1, "name": "old", "n": 5})

    answer = server.client.post(
        f"{path}?on_conflict=id", json=[{"id": 1, "n": 9}], headers={"Prefer": prefer}
    )

    assert answer.status_code == status
    assert answer.headers.get("Preference-Applied", "") == (prefer if status < 400 else "")
    assert rows(server, path) == left


def test_merged_rows_must_have_the_same_fields(server, name):
    path = declare(server, name)
    headers = {"Prefer": "resolution=merge-duplicates"}

    answer = server.client.post(path, json=[{"id": 1, "n": 1}, {"id": 2}], headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (400, "All object keys must match")

    answer = server.client.post(
        f"{path}?columns=id,name", json=[{"id": 1, "n": 1}, {"id": 2}], headers=headers
    )
    assert answer.status_code == 201


def test_primary_key_is_equal_in_every_spelling(server, name):
    path = server.declare(
        name,
        'fields: {u: uuid, t: timestamp, d: "decimal(5, 2)"}\nprimary_key: [u, t, d]\naccess: {read: [public]}\n',
    )
    u = "0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d"
    one = {"u": u, "t": "2026-01-01T01:00:00+01:00", "d": 1.5}
    same = {"u": u.upper(), "t": "2026-01-01T00:00:00Z", "d": 1.50}

    assert server.client.post(path, json=[one, same]).status_code == 409
    assert server.client.post(path, json=one).status_code == 201
    assert server.client.post(path, json=same).status_code == 409
    assert server.client.post(path, json={**same, "d": 1.51}).status_code == 201


@pytest.mark.parametrize("word", ["reject", "ignore", "replace"])
def test_grouped_batches_conflict_in_their_order(server, name, word):
    """Check many clients that send the same keys at once: the result is the same as for one batch after another."""
    path = declare(server, name, f"on_conflict: {word}\n")
    answers: list[httpx.Response] = []

    def send(client_number: int) -> None:
        with httpx.Client(base_url=server.url, headers=server.admin, timeout=60) as client:
            for turn in range(20):
                batch = [{"id": turn, "n": client_number}, {"id": 1000 + client_number * 100 + turn}]
                answers.append(client.post(path, json=batch))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    stored = rows(server, path, "_id,id,n,_batch")
    assert [row["_id"] for row in stored] == sorted({row["_id"] for row in stored})
    by_key = {row["id"]: row for row in stored}
    assert len(by_key) == len(stored)
    good = [answer.json() for answer in answers if answer.status_code == 201]
    assert len(good) + sum(answer.status_code == 409 for answer in answers) == len(answers) == 160
    if word == "reject":
        assert len(good) == 20
        assert len(stored) == 40
    else:
        assert len(good) == 160
        assert len(stored) == 20 + 160
    batches = server.client.get(f"/-/connectors/{name}/batches?limit=1000").json()
    assert sum(each["rows"] - each["deleted"] for each in batches) == len(stored)
    if word == "replace":
        last = max(each["batch"] for each in good)
        assert {row["_batch"] for row in stored if row["id"] < 1000} <= {each["batch"] for each in good}
        assert last in {row["_batch"] for row in stored}


def test_row_order_survives_replacements_and_a_checkpoint(own, name):
    """Check the checkpoint, because it vacuums deleted rows and must keep the order of the others."""
    path = declare(own, name, "on_conflict: replace\n")
    own.client.post(path, json=[{"id": n} for n in range(30_000)])
    for turn in range(5):
        own.client.post(path, json=[{"id": n, "n": turn} for n in range(turn, 30_000, 7)])
    own.stop()
    own.start()

    ids = [row["_id"] for row in rows(own, path, "_id")]
    assert len(ids) == 30_000
    assert ids == sorted(ids)


# -- declaring a key


def test_new_primary_key_is_checked_against_rows(server, name):
    path = server.declare(name, FIELDS + READ)
    server.client.post(path, json=[{"id": 1}, {"id": 2}, {"id": 1}, {"id": 3}])

    put(server.connectors / f"{name}.yaml", FIELDS + "primary_key: [id]\n" + READ)
    (found,) = server.reload()[f"{name}.yaml"]["findings"]
    assert found["code"] == "GW508"
    assert found["line"] == 2
    assert "2 stored rows share it (_id 1 for the first of them)" in found["message"]
    assert found["rows"] == [{"_id": 1, "value": "1"}]

    assert server.client.delete(f"{path}?_id=eq.3").status_code == 204
    state = eventually(lambda: server.reload()[f"{name}.yaml"])
    assert state["state"] == "live", state
    assert server.client.post(path, json={"id": 2}).status_code == 409


def test_conversion_that_merges_primary_keys_is_refused(server, name):
    path = server.declare(name, "fields: {id: number}\nprimary_key: [id]\n" + READ)
    server.client.post(path, json=[{"id": 1.1}, {"id": 1.2}])

    put(
        server.connectors / f"{name}.yaml",
        "fields: {id: {type: integer, using: CAST(id AS BIGINT)}}\nprimary_key: [id]\n" + READ,
    )
    findings = server.reload()[f"{name}.yaml"]["findings"]
    assert any("computes values of the primary key (id)" in each["message"] for each in findings), findings


def test_primary_key_can_be_renamed_extended_and_removed(server, name):
    path = declare(server, name)
    server.client.post(path, json=[{"id": 1}, {"id": 2}])

    server.declare(
        name,
        FIELDS.replace("id: integer", "key: {type: integer, renamed_from: id}")
        + "primary_key: [key]\n"
        + READ,
    )
    assert server.client.post(path, json={"key": 2}).status_code == 409
    server.declare(
        name,
        FIELDS.replace("id: integer", "key: {type: integer, renamed_from: id}")
        + "primary_key: [key, n]\n"
        + READ,
    )
    assert server.client.post(path, json={"key": 2, "n": 5}).status_code == 201
    server.declare(name, FIELDS.replace("id: integer", "key: {type: integer, renamed_from: id}") + READ)
    assert server.client.post(path, json={"key": 2, "n": 5}).status_code == 201


# -- what only several clients, or odd names, bring about


@pytest.mark.parametrize("key", ["n", "N", "count", "k0", "_x".strip("_"), "first", "rows"])
def test_patch_respects_primary_keys_of_any_name(server, name, key):
    path = server.declare(name, f"fields: {{{key}: integer, v: integer}}\nprimary_key: [{key}]\n{READ}")
    server.client.post(path, json=[{key: 1, "v": 1}, {key: 0, "v": 2}])

    assert server.client.patch(f"{path}?v=eq.1", json={key: 0}).status_code == 409
    assert server.client.patch(f"{path}?v=eq.1", json={key: 7}).status_code == 204


def test_refused_patch_hides_key_values_not_sent(server, name):
    path = server.declare(name, "fields: {sku: string, shop: integer}\nprimary_key: [sku, shop]\n" + READ)
    server.client.post(path, json=[{"sku": "a", "shop": 771177}, {"sku": "z", "shop": 771177}])

    answer = server.client.patch(f"{path}?sku=eq.a", json={"sku": "z"})

    assert answer.status_code == 409
    assert "771177" not in answer.text


def test_concurrent_upserts_return_their_own_rows(server, name):
    path = declare(server, name)
    answers: list[tuple[int, httpx.Response]] = []

    def send(start: int) -> None:
        headers = {**server.admin, "Prefer": "resolution=merge-duplicates, return=representation"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
            answers.extend((n, client.post(path, json={"id": 1, "n": n})) for n in range(start, start + 15))

    threads = [threading.Thread(target=send, args=(number * 100,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for _, answer in answers} <= {200, 201}
    assert all([row["n"] for row in answer.json()] == [n] for n, answer in answers)
    assert sum(answer.status_code == 201 for _, answer in answers) == 1


def test_batches_of_a_group_count_own_replacements(server, name):
    path = declare(server, name)
    answers: list[httpx.Response] = []

    def send(start: int) -> None:
        with httpx.Client(base_url=server.url, headers=server.admin, timeout=60) as client:
            merging = {"Prefer": "resolution=merge-duplicates"}
            answers.extend(
                client.post(path, json={"id": 1, "n": n}, headers=merging) for n in range(start, start + 15)
            )

    threads = [threading.Thread(target=send, args=(number * 100,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(answer.status_code == 201 for answer in answers) == 1
    batches = server.client.get(f"/-/connectors/{name}/batches?limit=1000").json()
    assert sorted(each["deleted"] for each in batches) == [0] + [1] * 119


def test_merge_keeps_values_of_hidden_fields(server, name):
    path = declare(server, name)
    server.client.post(path, json={"id": 1, "name": "kept", "n": 1})
    declare(server, name, fields=FIELDS.replace("name: {type: string, nullable: true}, ", ""))

    merging = {"Prefer": "resolution=merge-duplicates"}
    assert (
        server.client.post(path, json=[{"id": 1, "n": 2}, {"id": 2, "n": 2}], headers=merging).status_code
        == 201
    )

    declare(server, name, fields=renewed(FIELDS))
    assert rows(server, path) == [{"id": 1, "name": "kept", "n": 2}, {"id": 2, "name": None, "n": 2}]


@pytest.mark.parametrize("value", ["'", "ü"])
def test_long_keys_meet_each_other(server, name, value):
    """DuckLake took minutes for some of them."""
    path = server.declare(name, f"fields: {{s: string, n: integer}}\nprimary_key: [s]\n{READ}")
    key = value * (1_000_000 // len(value.encode()))
    merging = {"Prefer": "resolution=merge-duplicates"}
    assert server.client.post(path, json=[{"s": key, "n": 1}, {"s": "a", "n": 1}]).status_code == 201

    assert server.client.post(path, json={"s": key, "n": 2}).status_code == 409
    assert server.client.post(path, json={"s": f"{key}b", "n": 2}).status_code == 201
    assert server.client.patch(f"{path}?n=eq.2", json={"s": key}).status_code == 409
    assert server.client.patch(f"{path}?n=eq.2", json={"s": f"{key}b", "n": 4}).status_code == 204
    assert server.client.post(path, json={"s": key, "n": 3}, headers=merging).status_code == 200
    found = server.client.get(f"{path}?order=_id&select=n,s").json()
    assert [(row["n"], row["s"][-1]) for row in found] == [(1, "a"), (4, "b"), (3, key[-1])]


def test_merge_keeps_rejected_rows_and_applies_csv_defaults(server, name):
    path = declare(server, name, "on_invalid: keep\n")
    merging = {"Prefer": "resolution=merge-duplicates"}

    answer = server.client.post(path, json=[{"id": 5, "name": "x"}, {"name": "y"}], headers=merging)
    assert (answer.status_code, answer.json()["rejected"]) == (207, 1)
    csv = {**merging, "Content-Type": "text/csv"}
    assert server.client.post(path, content=b"id,n\n5,3\n6,\n", headers=csv).status_code == 201
    assert rows(server, path) == [{"id": 5, "name": "x", "n": 3}, {"id": 6, "name": None, "n": 0}]
    answer = server.client.post(path, json=[{}, {"id": 6}], headers=merging)
    assert answer.status_code == 207


def test_error_of_long_primary_keys_is_short(server, name):
    path = server.declare(name, "fields: {s: string}\nprimary_key: [s]\n" + READ)
    long = [{"s": "x" * 500_000 + str(n)} for n in range(20)]
    server.client.post(path, json=long)

    assert len(server.client.post(path, json=long).content) < 20_000


def test_write_with_if_match_is_refused(server, name):
    path = declare(server, name)

    answer = server.client.put(path, json=[{"id": 1}], headers={"If-Match": '"old"'})
    assert (answer.status_code, answer.json()["code"]) == (400, "PGRST127")
