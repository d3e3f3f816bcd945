"""The id of a store, and what `/-/resolve` says with it: which connector is meant, and which batches it has."""

import uuid

import duckdb
import pytest

from tests.commands.test_verbs import ORDERS, gateway
from tests.support import visibility
from tests.support.server import Server, serving


def id_of(server: Server) -> str:
    return server.client.get("/-/status").json()["store"]["id"]


def test_store_keeps_its_id(own):
    first = id_of(own)
    own.stop()
    own.start()

    assert uuid.UUID(first)
    assert id_of(own) == first


def test_two_stores_have_two_ids(own, server):
    assert id_of(own) != id_of(server)


@pytest.mark.file_only("a lake has no file to download or restore")
def test_restored_store_has_the_id_of_its_backup(own, tmp_path):
    first = id_of(own)
    assert gateway(own, "backup", tmp_path / "copy.duckdb").returncode == 0
    other = Server(tmp_path / "other", is_forked=True)
    assert gateway(other, "restore", tmp_path / "copy.duckdb").returncode == 0

    with serving(tmp_path / "other") as restored:
        assert id_of(restored) == first


@pytest.mark.file_only("there is no lake of an earlier version")
def test_store_of_an_earlier_version_gets_an_id(own):
    own.declare("orders", ORDERS)
    own.client.post("/orders", json={"n": 1})
    own.stop()
    with duckdb.connect(str(own.data / "store.duckdb")) as connection:
        connection.execute("DROP TABLE gateway.identity")
    doctored = gateway(own, "doctor", "--format", "json")
    own.start()

    assert '"store": null' in doctored.stdout
    assert uuid.UUID(id_of(own))
    known = id_of(own)
    own.stop()
    assert f'"store": "{known}"' in gateway(own, "doctor", "--format", "json").stdout


@pytest.mark.parametrize("wanted", ["{name}", "/shop/{name}", "/shop/{name}/"])
def test_name_and_path_resolve_to_the_same_connector(server, name, wanted):
    server.declare(name, f"path: /shop/{name}\n{ORDERS}")

    headers = {"Idempotency-After": "any"}
    found = server.client.get(
        "/-/resolve", params={"connector": wanted.format(name=name)}, headers=headers
    ).json()

    assert found == {
        "store": id_of(server),
        "connector": name,
        "path": f"/shop/{name}",
        "token": "admin",
        "in_flight": 2,
        "batches": [],
    }


def test_resolve_gives_commit_time_and_rows_left(server, name):
    """Check that it gives for each batch when it was committed, how many rows it had, and how many are left."""
    path = server.declare(name, ORDERS + "primary_key: [n]\non_conflict: replace\n")
    batches = [
        server.client.post(path, json=[{"n": n} for n in numbers]).json()["batch"]
        for numbers in ((1, 2, 3), (3, 4))
    ]
    numbers = ",".join(map(str, [*batches, 10**15]))

    found = server.client.get(f"/-/resolve?connector={name}&batch={numbers}").json()["batches"]

    ledger = server.client.get(f"/-/connectors/{name}/batches").json()
    assert found == [
        {"batch": batches[0], "committed_at": ledger[1]["committed_at"], "rows": 3, "left": 2},
        {"batch": batches[1], "committed_at": ledger[0]["committed_at"], "rows": 2, "left": 2},
    ]


def test_batch_of_another_token_needs_its_instant(tmp_path):
    with visibility.place(tmp_path) as place:
        batch = place.ask("loader", "POST", "/orders", {"order_id": 1}).json()["batch"]
        at = place.ask("loader", "GET", "/-/connectors/orders/batches").json()[0]["committed_at"]
        found = {
            wanted: place.ask("etl", "GET", f"/-/resolve?connector=orders&batch={wanted}").json()["batches"]
            for wanted in (f"{batch}", f"{batch}@{at}", f"{batch}@2000-01-01T00:00:00Z")
        }

        assert list(found.values()) == [[], [{"batch": batch, "committed_at": at, "rows": 1, "left": 1}], []]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("connector=nothing-like-it", 404, "there is no connector 'nothing-like-it'"),
        ("connector=/nothing", 404, "there is no connector at the path '/nothing'"),
        ("", 404, "there is no connector ''"),
        ("connector={name}&batch=1,x", 400, "batch='1,x' is not a list of batches"),
        ("connector={name}&batch=" + "1," * 500 + "1", 400, "at most 500"),
    ],
)
def test_resolve_names_an_invalid_connector_or_batch(server, name, query, status, words):
    server.declare(name, ORDERS)

    answer = server.client.get("/-/resolve?" + query.format(name=name))

    assert answer.status_code == status
    assert words in answer.text


def test_resolve_requires_the_right_to_write(tmp_path):
    tokens = tmp_path / "tokens.yaml"
    made = gateway(Server(tmp_path), "token", "etl").stdout
    tokens.write_text(made.strip().splitlines()[-1])
    with serving(tmp_path, GATEWAY_TOKENS=str(tokens)) as server:
        server.declare("mine", ORDERS.replace("read: [public]", "ingest: [etl]"))
        server.declare("other", ORDERS)
        secret = next(word for word in made.split() if word.startswith("gw_"))
        ask = lambda wanted: server.client.get(  # noqa: E731
            f"/-/resolve?connector={wanted}", headers={"Authorization": f"Bearer {secret}"}
        )

        assert ask("mine").json()["store"] == id_of(server)
        assert [ask(wanted).status_code for wanted in ("other", "/other", "nothing")] == [403, 403, 404]
