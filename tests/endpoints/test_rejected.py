"""Bad rows that are kept: what becomes of them, and of the good ones beside them."""

import json
import os
import socket
import threading

import httpx
import pytest

from tests.support import verbs
from tests.support.server import Server, eventually, serving

FIELDS = "fields: {id: integer, name: {type: string, max_length: 5}, at: {type: date, nullable: true}}\n"
READ = "access: {read: [public], change: [admin]}\n"
MIXED = [
    (
        "application/json",
        b'[{"id": 1, "name": "a"}, {"id": "x", "name": "too long"}, {"id": 3, "name": "c"}]',
    ),
    (
        "application/x-ndjson",
        b'{"id": 1, "name": "a"}\n{"id": "x", "name": "too long"}\n{"id": 3, "name": "c"}\n',
    ),
    ("text/csv", b"id,name\n1,a\nx,too long\n3,c\n"),
]


def declare(server: Server, name: str, more: str = "on_invalid: keep\n", fields: str = FIELDS) -> str:
    return server.declare(name, fields + READ + more)


def ids(server: Server, path: str) -> list[int]:
    return [row["id"] for row in server.client.get(f"{path}?select=id").json()]


def rejected(server: Server, name: str, query: str = "") -> list[dict]:
    answer = server.client.get(f"/-/connectors/{name}/rejected?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def send(server: Server, path: str, kind: str, body: bytes, **headers: str) -> httpx.Response:
    return server.client.post(path, content=body, headers={"Content-Type": kind, **headers})


@pytest.mark.parametrize(("kind", "body"), MIXED, ids=lambda each: each if isinstance(each, str) else "")
def test_good_rows_are_stored_and_bad_kept(server, name, kind, body):
    """Check that good rows are stored, and bad ones are kept with all their errors."""
    path = declare(server, name)

    answer = send(server, path, kind, body)

    receipt = answer.json()
    assert (answer.status_code, answer.reason_phrase) == (207, "Multi-Status")
    assert {key: receipt[key] for key in ("received", "stored", "rejected", "duplicates")} == {
        "received": 3,
        "stored": 2,
        "rejected": 1,
        "duplicates": 0,
    }
    assert [(each["row"], each["field"], each["code"]) for each in receipt["errors"]] == [
        (2, "id", "22P02"),
        (2, "name", "23514"),
    ]
    assert ids(server, path) == [1, 3]
    (kept,) = rejected(server, name)
    assert kept["errors"] == receipt["errors"]
    assert (kept["_batch"], kept["row"], kept["state"]) == (receipt["batch"], 2, "kept")
    assert kept["line"] == {"application/json": None, "application/x-ndjson": 2, "text/csv": 3}[kind]
    assert kept["raw"] == ("x,too long" if kind == "text/csv" else '{"id": "x", "name": "too long"}')
    (batch, *_) = server.client.get(f"/-/connectors/{name}/batches").json()
    assert (batch["received"], batch["rows"], batch["rejected"]) == (3, 2, 1)


@pytest.mark.parametrize(
    ("terms", "prefer", "status"),
    [
        ("", "", 422),
        ("", "handling=lenient", 422),
        ("on_invalid: on_request\n", "", 422),
        ("on_invalid: on_request\n", "handling=lenient", 207),
        ("on_invalid: keep\n", "", 207),
        ("on_invalid: keep\n", "handling=strict", 422),
        ("on_invalid: keep\nkeep_at_most: 0\n", "", 422),
        ("on_invalid: keep\nkeep_at_most: 1\n", "", 207),
        ("on_invalid: keep\nkeep_at_most: 33%\n", "", 422),
        ("on_invalid: keep\nkeep_at_most: 34%\n", "", 207),
    ],
)
def test_terms_and_request_decide_to_keep_rows(server, name, terms, prefer, status):
    """Check that bad rows are kept if the terms of the connector and the request say so."""
    path = declare(server, name, terms)

    answer = send(server, path, *MIXED[0], **({"Prefer": prefer} if prefer else {}))

    assert answer.status_code == status
    assert ids(server, path) == ([1, 3] if status == 207 else [])
    assert len(rejected(server, name)) == (1 if status == 207 else 0)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'[{"id": 1, "name": "a"}, {"id": 2, "id": 2}]'),
        ("application/x-ndjson", b'{"id": 1, "name": "a"}\n{"id": 2\n'),
        ("application/x-ndjson", b'{"id": 1, "name": "a"}\n{"id": 2, "name": "\xff"}\n'),
        ("text/csv", b"id,name\n1,a\n2,b,c\n"),
        ("text/csv", b"id,name\n1,a\n2,\xff\n"),
        ("application/json", b'[{"id": 1, "name": "a"}, 5]'),
    ],
)
def test_unreadable_rows_are_kept(server, name, kind, body):
    path = declare(server, name)

    assert send(server, path, kind, body).status_code == 207
    assert ids(server, path) == [1]
    (kept,) = rejected(server, name)
    assert kept["raw"]
    assert server.client.post(f"/-/connectors/{name}/rejected/replay").json()["rejected"] == 1
    edited = [{"_id": kept["_id"], "id": 2, "name": "b"}]
    assert server.client.post(f"/-/connectors/{name}/rejected/replay", json=edited).status_code == 201
    assert ids(server, path) == [1, 2]


def test_row_over_cap_refuses_its_batch(server, name):
    path = declare(server, name)
    body = json.dumps([{"id": 1, "name": "a"}, {"id": 2, "name": "x" * 2**20}]).encode()

    answer = send(server, path, "application/json", body)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "GW102")
    assert rejected(server, name) == []


REPEATED = [
    ("application/json", '[{"id": 1, "name": "a"}]'),
    ("application/json", '[{"id": 3.50, "name": "a"}, {"id": 1e400, "name": "b"}, {"id": 4, "name": "c"}]'),
    ("application/json", '[{"id": {"a": 1.10, "b": [1E2, -0.0, "\u2028é"]}, "name": "a"}, 3, "x", null]'),
    ("application/json", f'[{{"id": {10**300}, "name": "a"}}, {{"id": true, "é": 1}}]'),
    ("text/csv", "id,name\n1.50,a\n1e400,b\n7,c\n8\n"),
]


@pytest.mark.parametrize(("kind", "body"), REPEATED)
@pytest.mark.parametrize(
    "prefer", ["", "return=minimal", "return=headers-only,count=exact", "return=representation"]
)
def test_repeated_batch_gets_the_first_response(server, name, kind, body, prefer):
    """Byte by byte, with every digit of the values that were wrong."""
    path = declare(server, name)
    headers = {"Idempotency-Key": '"k"', "Prefer": prefer}

    first, again = [send(server, path, kind, body.encode(), **headers) for _ in range(2)]

    assert (again.status_code, again.content) == (first.status_code, first.content)
    own = {"date", "x-request-id", "idempotent-replayed"}
    assert {key: first.headers[key] for key in first.headers if key not in own} == {
        key: again.headers[key] for key in again.headers if key not in own
    }
    assert again.headers["Idempotent-Replayed"] == "true"


EDITED = [
    ("{", "the body is not valid JSON: line 1, column 2: the text ends in the middle", "whole"),
    ('{"_id": 1', "the body is not valid JSON: line 1, column", "cut off"),
    (
        '[{"_id": 1}, {"_id": 1, "id": NaN}]',
        "edited row 2, line 1: not valid JSON: JSON has no NaN; send null (column 31)",
        "_id",
    ),
    ('{"_id": 1}\n{"_id": 2,}\n', "edited row 2, line 2: not valid JSON: ", "_id"),
    ("id,name\n1,a\n", "the body is not a JSON object, a list of objects, or NDJSON", "_id"),
    ("3", "the body is not a JSON object, a list of objects", "_id"),
    ("[3]", "edited row 1 is 3, not an object", "_id"),
    ('[{"_id": 1}, {"id": 2}]', "edited row 2 has no _id", "_id"),
    (
        '[{"_id": "2", "id": 2}]',
        "the _id of edited row 1 is '2', not a whole number",
        '"_id": 2, without quotes',
    ),
    ('[{"_id": 1.5}]', "the _id of edited row 1 is 1.5, not a whole number", "_id"),
    ('[{"_id": null}]', "the _id of edited row 1 is null, not a whole number", "_id"),
    ('[{"_id": true}]', "the _id of edited row 1 is true, not a whole number", "_id"),
    ('[{"_id": 1}, {"_id": 1}]', "two edited rows have the _id 1", "once"),
    ('[{"_id": 99}]', "there is no rejected row 99 that is kept", "list the rejected rows"),
]


@pytest.mark.parametrize(("body", "message", "hint"), EDITED)
def test_invalid_edited_rows_get_message_and_hint(server, name, body, message, hint):
    path = declare(server, name)
    send(server, path, "application/json", b'[{"id": "x", "name": "a"}]')

    error = server.client.post(f"/-/connectors/{name}/rejected/replay", content=body)

    assert error.status_code in (400, 409)
    assert message in error.json()["message"]
    assert hint in error.json()["hint"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{}", "the body has no reason"),
        ("x", "the body has no reason"),
        ('{"reason": 3}', "a reason that is not a text of at most 1000 characters"),
        (json.dumps({"reason": "x" * 1001}), "a reason that is not a text of at most 1000 characters"),
    ],
)
def test_invalid_reason_of_discard_gets_a_message(server, name, body, message):
    declare(server, name)

    error = server.client.post(f"/-/connectors/{name}/rejected/discard?_id=eq.1", content=body).json()

    assert message in error["message"]
    assert "reason" in error["hint"]


def test_repeated_batch_of_bad_rows_gets_first_response(server, name):
    """Check that a batch of bad rows alone is remembered under its idempotency key."""
    path = declare(server, name)
    headers = {"Idempotency-Key": "k1"}
    body = [{"id": "x", "name": "a"}]

    first = server.client.post(path, json=body, headers=headers)
    again = server.client.post(path, json=body, headers=headers)

    assert (first.status_code, again.status_code) == (207, 207)
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(rejected(server, name)) == 1


def test_rejected_rows_can_be_queried_and_counted(server, name):
    """Check that rejected rows are read with filters as other rows are, and counted by field and code."""
    path = declare(server, name)
    server.client.post(
        path, json=[{"id": "x", "name": "a"}, {"id": "y", "name": "b"}, {"id": 1, "name": "too long"}]
    )

    found = rejected(server, name, 'errors=cs.[{"field":"id"}]&select=_id,raw&order=_id.desc&limit=1')
    assert found == [{"_id": 2, "raw": '{"id":"y","name":"b"}'}]
    csv = server.client.get(f"/-/connectors/{name}/rejected?select=row,state&format=csv").text
    assert csv == "row,state\n1,kept\n2,kept\n3,kept\n"
    summary = server.client.get(f"/-/connectors/{name}/rejected/summary").json()
    assert (summary["kept"], summary["replayed"], summary["discarded"]) == (3, 0, 0)
    assert [(each["field"], each["code"], each["rows"]) for each in summary["errors"]] == [
        ("id", "22P02", 2),
        ("name", "23514", 1),
    ]
    answer = httpx.get(f"{server.url}/-/connectors/{name}/rejected")
    assert answer.status_code == 401
    described = server.client.get(f"/-/connectors/{name}").json()
    assert (described["rejected"], described["terms"]["on_invalid"]) == (3, "keep")
    listed = {each["name"]: each["rejected"] for each in server.client.get("/-/connectors").json()}
    assert listed[name] == 3


def test_replay_uses_current_schema_and_stores_once(server, name):
    """Check that a replay checks rows by the schema of today, and stores each row once."""
    path = declare(server, name)
    for kind, body in MIXED:
        assert send(server, path, kind, body).status_code == 207
    assert server.client.post(f"/-/connectors/{name}/rejected/replay").json()["stored"] == 0

    declare(
        server,
        name,
        fields=FIELDS.replace("max_length: 5", "max_length: 9").replace(
            "id: integer", 'id: {type: string, using: "CAST(id AS VARCHAR)"}'
        ),
    )
    answer = server.client.post(f"/-/connectors/{name}/rejected/replay")

    receipt = answer.json()
    assert answer.status_code == 201
    # A cell of CSV is the string; the rows of JSON that had a string for an id have one still.
    assert (receipt["received"], receipt["stored"]) == (3, 3)
    assert rejected(server, name, "state=eq.kept") == []
    settled = rejected(server, name, "select=state,settled_batch")
    assert settled == [{"state": "replayed", "settled_batch": receipt["batch"]}] * 3
    assert server.client.post(f"/-/connectors/{name}/rejected/replay").json()["received"] == 0
    assert len(ids(server, path)) == 9
    (batch, *_) = server.client.get(f"/-/connectors/{name}/batches").json()
    assert (batch["action"], batch["rows"]) == ("replay", 3)


def test_replay_takes_a_filter_and_edited_rows(server, name):
    path = declare(server, name)
    server.client.post(
        path, json=[{"id": "x", "name": "a"}, {"id": "y", "name": "b"}, {"id": 1, "name": "too long"}]
    )

    answer = server.client.post(
        f"/-/connectors/{name}/rejected/replay?_id=lte.2",
        content='{"_id": 1, "id": 10, "name": "a"}\n{"_id": 2, "id": "z", "name": "b"}\n',
    )

    assert answer.status_code == 207
    assert (answer.json()["stored"], answer.json()["rejected"]) == (1, 1)
    assert ids(server, path) == [10]
    (second,) = rejected(server, name, "_id=eq.2&select=raw,errors")
    assert json.loads(second["raw"]) == {"id": "y", "name": "b"}, "a slip must not take the place of the row"
    assert second["errors"][0]["message"].startswith("'y'")
    (error,) = answer.json()["errors"]
    assert (error["_id"], error["row"], error["value"]) == (2, 2, "z")
    unknown = server.client.post(
        f"/-/connectors/{name}/rejected/replay", json=[{"_id": 1, "id": 10, "name": "a"}]
    )
    assert (unknown.status_code, unknown.json()["code"]) == (409, "GW204")


def test_check_reports_as_a_replay_and_stores_nothing(server, name):
    path = declare(server, name)
    place = f"/-/connectors/{name}/rejected"
    assert server.client.post(f"{place}/check").json()["received"] == 0
    server.client.post(
        path, json=[{"id": "x", "name": "a"}, {"id": "y", "name": "b"}, {"id": 1, "name": "too long"}]
    )
    edited = [{"_id": 1, "id": 10, "name": "a"}, {"_id": 2, "id": "z", "name": "b"}]
    before = rejected(server, name)

    answers = [server.client.post(f"{place}/check?expected=2", json=edited) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    checked = answers[0].json()
    assert answers[1].json() == checked
    assert {**checked, "errors": None} == {
        "received": 2,
        "valid": 1,
        "rejected": 1,
        "valid_ids": [1],
        "errors": None,
    }
    assert [(each["_id"], each["field"], each["value"]) for each in checked["errors"]] == [(2, "id", "z")]
    assert rejected(server, name) == before
    assert ids(server, path) == []

    declare(server, name, fields=FIELDS.replace("max_length: 5", "max_length: 9"))
    assert server.client.post(f"{place}/check?state=eq.kept").json()["valid_ids"] == [3]
    assert server.client.post(f"{place}/check", json=[{"_id": 9}]).json()["code"] == "GW204"
    assert server.client.post(f"{place}/check", content="{").status_code == 400
    assert httpx.post(f"{server.url}{place}/check").status_code == 401


@pytest.mark.parametrize(("terms", "valid"), [("", [2]), ("on_conflict: ignore\n", [1, 2, 3])])
def test_check_and_replay_report_keys_that_exist(server, name, terms, valid):
    """Check that a row is bad if its key is stored or that of an earlier row, and that the others are stored."""
    fields = "fields: {id: integer, name: {type: string, max_length: 5}}\n"
    path = declare(server, name, f"on_invalid: keep\nprimary_key: [id]\n{terms}", fields)
    bad = [{"id": id, "name": "too long"} for id in (1, 2, 2)]
    assert server.client.post(path, json=[{"id": 1, "name": "a"}, *bad]).json()["rejected"] == 3

    edited = [{"_id": number, "id": id, "name": "b"} for number, id in ((1, 1), (2, 2), (3, 2))]
    checked = server.client.post(f"/-/connectors/{name}/rejected/check", json=edited).json()
    replayed = server.client.post(f"/-/connectors/{name}/rejected/replay", json=edited)

    assert checked["valid_ids"] == valid
    receipt = replayed.json()
    assert replayed.status_code == (201 if terms else 207)
    assert receipt["rejected"] == checked["rejected"]
    assert receipt["stored"] + receipt["duplicates"] == len(valid)
    assert receipt.get("errors", []) == checked["errors"]
    settled = rejected(server, name, "state=eq.replayed&select=_id")
    assert [each["_id"] for each in settled] == valid
    assert ids(server, path) == [1, 2]
    assert checked["rejected"] == 3 - len(valid)
    assert [(each["_id"], each["row"], each["code"], each["message"]) for each in checked["errors"]] == (
        []
        if terms
        else [
            (1, 2, "23505", "Key (id)=(1) already exists."),
            (3, 4, "23505", "Key (id)=(2) already exists."),
        ]
    )


@pytest.mark.parametrize("verb", ["check", "replay", "discard"])
def test_expected_number_of_rows_is_enforced(server, name, verb):
    """Check that a choice of another number of rows than its sender saw does nothing."""
    path = declare(server, name)
    server.client.post(path, json=[{"id": "x", "name": "a"}, {"id": "y", "name": "b"}])
    place = f"/-/connectors/{name}/rejected/{verb}"
    body = {"reason": "a test"} if verb == "discard" else None

    for query, message in [
        ("_id=gte.0&expected=3", "matches 2 kept rows now, not 3"),
        ("expected=2&_id=gte.2", "matches 1 kept row now, not 2"),
        ("_id=gt.2&%65xpected=1", "matches 0 kept rows now, not 1"),
    ]:
        refused = server.client.post(f"{place}?{query}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, "GW204")
        assert message in refused.json()["message"]
    for text in ("x", "-1", "1.0", ""):
        answer = server.client.post(f"{place}?_id=gte.0&expected={text}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "PGRST100")
    assert [each["state"] for each in rejected(server, name)] == ["kept", "kept"]

    assert server.client.post(f"{place}?_id=gte.0&expected=2", json=body).status_code in (200, 207)


def test_replay_keeps_columns_of_its_batch(server, name):
    """Check that the columns parameter holds for a replay as it did for the batch."""
    path = declare(server, name)
    send(server, f"{path}?columns=id,name", "application/json", b'[{"id": "x5", "name": "a", "other": 1}]')

    declare(server, name, fields=FIELDS.replace("id: integer", "id: string"))
    assert server.client.post(f"/-/connectors/{name}/rejected/replay").json()["stored"] == 1


def test_discarded_rows_keep_the_reason(server, name):
    path = declare(server, name)
    server.client.post(path, json=[{"id": "x", "name": "a"}, {"id": "y", "name": "b"}])
    place = f"/-/connectors/{name}/rejected/discard"

    assert server.client.post(f"{place}?_id=eq.1", json={}).status_code == 400
    unfiltered = server.client.post(place, json={"reason": "a test"})
    assert (unfiltered.status_code, unfiltered.json()["code"]) == (400, "21000")
    answer = server.client.post(f"{place}?_id=eq.1", json={"reason": "a test"})

    assert answer.json() == {"connector": name, "discarded": 1, "reason": "a test"}
    states = rejected(server, name, "select=state,reason")
    assert states == [{"state": "discarded", "reason": "a test"}, {"state": "kept", "reason": None}]
    assert server.client.post(f"/-/connectors/{name}/rejected/replay").json()["received"] == 1


def test_concurrent_replays_store_each_row_once(server, name):
    path = declare(server, name)
    server.client.post(path, json=[{"id": f"x{n}", "name": "a"} for n in range(500)])
    declare(server, name, fields=FIELDS.replace("id: integer", "id: string"))
    answers = []

    def again() -> None:
        answers.append(
            httpx.post(f"{server.url}/-/connectors/{name}/rejected/replay", headers=server.admin, timeout=60)
        )

    threads = [threading.Thread(target=again) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    assert sorted(ids(server, path)) == sorted(f"x{n}" for n in range(500))


def test_replay_outlasts_removal_of_its_connector(server, name):
    """A replay that has begun is carried out: rows of a removed connector are kept, and so is what is stored now."""
    declare(server, name, fields="fields: {n: integer}\n")
    declare(server, f"{name}s")  # That a directory is empty is not believed at once.
    server.client.post(f"/{name}", json=[{"n": "x"}])
    (row,) = [each["_id"] for each in rejected(server, name)]
    body = json.dumps([{"_id": row, "n": 5}]).encode()
    head = f"POST /-/connectors/{name}/rejected/replay HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    head += f"Authorization: {server.admin['Authorization']}\r\n\r\n"

    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), 30) as slow:
        slow.sendall(head.encode() + body[:3])
        (server.connectors / f"{name}.yaml").unlink()
        assert eventually(lambda: server.client.get(f"/{name}").status_code == 410)
        slow.sendall(body[3:])
        assert slow.recv(65536).split()[1] == b"201"
    declare(server, name, fields="fields: {n: integer}\n")
    assert [each["n"] for each in server.client.get(f"/{name}").json()] == [5]


def test_purge_deletes_rejected_rows(server, name):
    path = declare(server, name)
    server.client.post(path, json=[{"id": "x", "name": "a"}])
    text = (server.connectors / f"{name}.yaml").read_text()
    server.declare(f"{name}s", "fields: {n: integer}\n")  # That a directory is empty is not believed at once.
    (server.connectors / f"{name}.yaml").unlink()
    server.reload()
    assert server.client.post(f"/-/connectors/{name}/purge").status_code == 200

    server.declare(name, text)
    assert rejected(server, name) == []


@pytest.mark.file_only("a lake has no file to download or examine")
def test_doctor_and_backup_include_rejected_rows(own, name, tmp_path):
    path = declare(own, name)
    own.client.post(path, json=[{"id": 1, "name": "a"}, {"id": "x", "name": "a"}])
    own.client.post(path, json=[{"id": 2, "name": "a"}])
    assert own.client.delete(f"{path}?id=eq.2").status_code == 204
    copy = own.client.get("/-/backup")
    assert copy.status_code == 200
    own.stop()

    for data in (own.data, tmp_path / "copied"):
        data.mkdir(exist_ok=True)
        if data != own.data:
            (data / "store.duckdb").write_bytes(copy.content)
        ran = verbs.run(["doctor", "--data", str(data), "--format", "json"], os.environ)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert json.loads(ran.stdout)["findings"] == []


def test_blank_line_stays_rejected_on_replay(server, name):
    """Check that a blank line stays rejected, and stops no replay."""
    path = server.declare(name, "fields: {v: integer}\n" + READ + "on_invalid: keep\n")
    assert send(server, path, "text/csv", b"v\n1\n\n2\n").status_code == 207

    answer = server.client.post(f"/-/connectors/{name}/rejected/replay")
    assert (answer.status_code, answer.json()["rejected"]) == (207, 1)


def test_replay_keeps_duplicate_resolution_of_request(server, name):
    """Check that a replay takes each row as its request asked: it merges duplicates or ignores them."""
    fields = "fields: {k: integer, a: {type: integer, maximum: 10}, b: {type: string, nullable: true}}\n"
    more = "primary_key: [k]\non_invalid: keep\n"
    path = server.declare(name, fields + READ + more)
    server.client.post(path, json=[{"k": 1, "a": 1, "b": "keep me"}, {"k": 2, "a": 2, "b": "as it is"}])
    merging, ignoring = ({"Prefer": f"resolution={each}-duplicates"} for each in ("merge", "ignore"))
    assert server.client.post(path, json=[{"k": 1, "a": 99}], headers=merging).status_code == 207
    assert server.client.post(path, json=[{"k": 2, "a": 99}], headers=ignoring).status_code == 207

    server.declare(name, fields.replace("10", "100") + READ + more)
    answer = server.client.post(f"/-/connectors/{name}/rejected/replay")

    assert (answer.status_code, answer.json()["stored"], answer.json()["duplicates"]) == (201, 1, 1)
    kept = {row["k"]: (row["a"], row["b"]) for row in server.client.get(path).json()}
    assert kept == {1: (99, "keep me"), 2: (2, "as it is")}


def test_replay_loses_no_sent_field(server, name):
    fields = "fields: {k: integer, note: {type: string, nullable: true}}\n"
    path = server.declare(name, fields + READ + "on_invalid: keep\n")
    send(server, f"{path}?columns=k,note", "application/json", b'[{"k": "x", "note": "precious"}]')

    server.declare(
        name, "fields: {k: string, remark: {type: string, nullable: true}}\n" + READ + "on_invalid: keep\n"
    )
    answer = server.client.post(f"/-/connectors/{name}/rejected/replay")

    assert answer.json()["rejected"] == 1
    assert "'note', which is not a field any more" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("verb", ["replay", "discard"])
@pytest.mark.parametrize(
    "query", ["_id=gt.0&order=_id.desc", "_id=gt.0&offset=1", "_id=gt.0&limit=1&cursor=2"]
)
def test_misleading_filter_of_replay_or_discard_is_refused(server, name, verb, query):
    """Check that a query that would choose other rows than it says is refused."""
    declare(server, name)

    body = {"reason": "x"} if verb == "discard" else None
    answer = server.client.post(f"/-/connectors/{name}/rejected/{verb}?{query}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "PGRST127")


def test_ids_of_rejected_rows_are_not_reused(tmp_path, name):
    with serving(tmp_path, GATEWAY_RETENTION_INTERVAL="0.1") as server:
        path = declare(server, name)
        server.client.post(path, json=[{"id": "x", "name": "a"}])
        declare(server, name, "on_invalid: keep\nretention: {days: 0.00001}\n")
        eventually(lambda: rejected(server, name) == [])
        declare(server, name)
        server.client.post(path, json=[{"id": "y", "name": "a"}])

        assert [each["_id"] for each in rejected(server, name)] == [2]


def test_rehearsal_reports_bad_rows(server, name):
    path = declare(server, name)

    answer = server.client.post(path, json=[{"id": "x", "name": "a"}], headers={"Prefer": "tx=rollback"})

    assert (answer.status_code, answer.json()["rejected"]) == (200, 1)
    assert answer.json()["errors"][0]["field"] == "id"
    assert rejected(server, name) == []


def test_put_of_only_bad_rows_lists_errors(server, name):
    """Check that a PUT of bad rows alone is refused with the errors of its rows."""
    path = declare(server, name)
    send(server, path, "application/json", b'[{"id": 1, "name": "a"}]')

    answer = server.client.put(path, json=[{"id": "x", "name": "too long"}, {"id": 3}])

    error = answer.json()
    assert (answer.status_code, error["code"]) == (400, "21000")
    assert error["details"] == "3 errors were found in 2 of 2 rows"
    assert (len(error["errors"]), error["error_count"], error["rows"]) == (3, 3, 2)
    assert ids(server, path) == [1]
