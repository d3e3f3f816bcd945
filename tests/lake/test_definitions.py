"""Gateways on one lake, each with a copy of the connector files of its own, serve the same connectors."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lake.gateways import gateway_lake, lake_settings
from tests.support.lake.lake_session import PYTHON
from tests.support.server import Server, eventually, put, serving
from tests.support.sizes import is_full_size

FIRST = "fields: {id: integer}\naccess: {read: [public]}\n"
SECOND = "fields: {id: integer, name: {type: string, nullable: true}}\naccess: {read: [public]}\n"
THIRD = "fields: {id: integer, note: {type: string, nullable: true, renamed_from: name}}\naccess: {read: [public]}\n"


@contextlib.contextmanager
def gateways(postgres, directory: Path, number: int) -> Iterator[list[Server]]:
    """Start gateways on a new lake."""
    settings = lake_settings(postgres.database(), directory / "lake")
    gateway_lake("init", **settings, GATEWAY_DATA=str(directory / "init"))
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(
                serving(directory / f"g{each}", python=PYTHON, **settings, GATEWAY_NAME=f"g{each}")
            )
            for each in range(number)
        ]


@pytest.fixture(scope="module")
def pair(postgres, tmp_path_factory) -> Iterator[list[Server]]:
    with gateways(postgres, tmp_path_factory.mktemp("pair"), 2) as servers:
        yield servers


def fields(server: Server, path: str) -> list[str]:
    """The fields that a connector has at a gateway."""
    answer = server.client.get(f"/-/connectors{path}/schema")
    return list(answer.json()["properties"]) if answer.status_code == 200 else []


def history(server: Server, path: str) -> list[str]:
    """The actions of a connector's history, oldest first."""
    events = server.client.get(f"/-/connectors{path}/history", params={"limit": 1000}).json()
    return [each["action"] for each in reversed(events)]


def findings(server: Server, file: str) -> set[str]:
    return {each["code"] for each in server.reload()[file]["findings"]}


def test_connector_without_own_file_is_served(pair, name):
    a, b = pair
    path = a.declare(name, FIRST)
    a.client.post(path, json=[{"id": 1}]).raise_for_status()

    eventually(lambda: b.client.get(path).status_code == 200, "the other gateway did not take it over")

    assert b.client.get(path).json() == [{"id": 1}]
    b.client.post(path, json=[{"id": 2}]).raise_for_status()
    assert [each["id"] for each in a.client.get(path).json()] == [1, 2]


def test_write_meets_change_of_other_gateway(pair, name):
    a, b = pair
    path = a.declare(name, FIRST)
    eventually(lambda: b.client.get(path).status_code == 200)
    a.declare(name, SECOND)

    answer = b.client.post(path, json=[{"id": 1, "name": "new"}])

    assert answer.status_code in (201, 422), answer.text
    eventually(lambda: b.client.post(path, json=[{"id": 2, "name": "new"}]).status_code == 201)
    assert {"id": 2, "name": "new"} in a.client.get(path).json()


def test_older_copy_undoes_nothing(pair, name):
    a, b = pair
    file = f"{name}.yaml"
    path = a.declare(name, FIRST)
    b.declare(name, FIRST)
    a.declare(name, SECOND)
    eventually(lambda: fields(b, path) == ["id", "name"], "the change was not taken over")

    assert findings(b, file) == {"GW524"}
    assert fields(a, path) == fields(b, path) == ["id", "name"]
    put(b.connectors / file, SECOND)
    assert findings(b, file) == set()
    put(b.connectors / file, FIRST)
    assert findings(b, file) == {"GW524"}
    b.declare(name, f"# again\n{FIRST}")
    eventually(lambda: fields(a, path) == ["id"], "the older version under a new text was not taken over")
    assert history(a, path) == ["created", "changed", "changed"]


def test_restart_with_older_copy_undoes_nothing(postgres, tmp_path):
    with gateways(postgres, tmp_path, 2) as (a, b):
        for each in (a, b):
            path = each.declare("orders", FIRST)
        a.declare("orders", SECOND)
        eventually(lambda: fields(b, path) == ["id", "name"])
        b.stop()
        b.start()

        assert findings(b, "orders.yaml") == {"GW524"}
        assert fields(a, path) == fields(b, path) == ["id", "name"]
        assert history(b, path) == ["created", "changed"]


def test_file_deleted_at_one_gateway_removes_connector(pair, name):
    a, b = pair
    path = a.declare(name, FIRST)
    eventually(lambda: b.client.get(path).status_code == 200)
    b.declare(f"{name}x", FIRST)
    (a.connectors / f"{name}.yaml").unlink()
    a.reload()

    eventually(lambda: b.client.get(path).status_code == 410, "the removal was not taken over")

    assert history(b, path) == ["created", "removed"]
    assert a.client.post(f"/-/connectors/{name}/purge").status_code in (200, 204)
    eventually(lambda: b.client.get(path).status_code == 404, "the purge was not taken over")


def test_file_that_names_another_removes_connector(pair, name):
    a, b = pair
    path = a.declare(name, FIRST)
    b.declare(name, FIRST)
    put(a.connectors / f"{name}.yaml", f"name: other-{name}\n{FIRST}")
    a.reload()

    eventually(lambda: b.client.get(path).status_code == 410, "the removal was not taken over")
    eventually(lambda: b.client.get(f"/other-{name}").status_code == 200, "the other was not taken over")

    assert a.client.get(path).status_code == 410
    assert history(b, path) == ["created", "removed"]


def test_files_that_swap_names_remove_nothing(pair, name):
    a, b = pair
    other = f"{name}x"
    for each in (name, other):
        a.declare(each, FIRST)
        a.client.post(f"/{each}", json=[{"id": len(each)}]).raise_for_status()
    for file, wanted in ((name, other), (other, name)):
        put(a.connectors / f"{file}.yaml.new", f"name: {wanted}\n{FIRST}")
    for file in (name, other):
        (a.connectors / f"{file}.yaml.new").rename(a.connectors / f"{file}.yaml")
    a.reload()

    for each in (name, other):
        eventually(lambda each=each: history(b, f"/{each}")[-1] == "changed", "the change was not taken over")
        assert b.client.get(f"/{each}").json() == [{"id": len(each)}]
    (a.connectors / f"{name}.yaml").unlink()
    a.reload()
    eventually(lambda: b.client.get(f"/{other}").status_code == 410, "the removal was not taken over")
    assert b.client.get(f"/{name}").status_code == 200


def test_missing_file_of_other_gateway_removes_nothing(pair, name):
    a, b = pair
    path = a.declare(name, FIRST)
    eventually(lambda: b.client.get(path).status_code == 200)

    for _ in range(3):
        b.reload()

    assert a.client.get(path).status_code == b.client.get(path).status_code == 200
    assert history(a, path) == ["created"]


@pytest.mark.scaled
def test_change_at_two_gateways_is_applied_once(pair, name, tell):
    rounds = 100 if is_full_size() else 10
    path = pair[0].declare(name, FIRST)
    pair[1].declare(name, FIRST)
    for number in range(rounds):
        text = f"# {number}\n{FIRST if number % 2 else SECOND}"
        threads = [threading.Thread(target=server.declare, args=(name, text)) for server in pair]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wanted = ["id"] if number % 2 else ["id", "name"]
        for server in pair:
            eventually(lambda server=server: fields(server, path) == wanted)

    assert history(pair[0], path) == ["created", *["changed"] * rounds]
    tell(f"{rounds} changes at two gateways at once: each applied once")


@pytest.mark.scaled
def test_different_checkouts_stay_at_rest(pair, name, tell):
    """Two gateways whose copies differ for good: the last new text is served, and no further event follows."""
    rounds = 100 if is_full_size() else 10
    path = pair[0].declare(name, FIRST)
    pair[1].declare(name, FIRST)
    for number in range(rounds):
        pair[0].declare(name, f"# a{number}\n{SECOND}")
        pair[1].declare(name, f"# b{number}\n{FIRST}")
    for _ in range(3):
        for server in pair:
            server.reload()

    for server in pair:
        eventually(lambda server=server: fields(server, path) == ["id"])
    assert history(pair[0], path) == ["created", *["changed"] * (2 * rounds)]
    assert findings(pair[0], f"{name}.yaml") == {"GW524"}
    tell(f"{2 * rounds} changes by different checkouts: none undone")


def test_file_deleted_right_after_its_start_removes_connector(pair, name):
    a, b = pair
    path = a.declare(name, FIRST)
    (a.connectors / f"{name}.yaml").unlink()
    a.declare(f"{name}x", f"path: {path}\n{SECOND}")

    eventually(lambda: fields(b, f"{path}x") == ["id", "name"], "the path was not taken over")

    assert history(a, path) == ["created", "removed"]


def test_restored_file_restores_its_connector(pair, name):
    a, b = pair
    path = a.declare(name, FIRST)
    b.declare(name, FIRST)
    a.client.post(path, json=[{"id": 1}]).raise_for_status()
    (a.connectors / f"{name}.yaml").unlink()
    a.reload()
    eventually(lambda: b.client.get(path).status_code == 410, "the removal was not taken over")
    b.reload()
    assert b.client.get(path).status_code == 410

    a.declare(name, FIRST)

    eventually(lambda: b.client.get(path).status_code == 200, "the connector was not taken over")
    assert a.client.get(path).json() == [{"id": 1}]
    assert history(a, path) == ["created", "removed", "restored"]
