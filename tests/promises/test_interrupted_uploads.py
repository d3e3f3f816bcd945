"""A load in the background stores each row once, whatever ends it: a kill, a cancel, or a change of its connector."""

import os
import signal

import httpx
import pytest

from tests.promises.test_disk import full_disk
from tests.support.server import Server, eventually

FIELDS = "fields: {id: integer, note: string}\n"
#: A batch is in debt for seconds with this limit, so that a load is surely under way when something happens to it.
SLOW = "limits: {rows_per_second: 2000}\n"
ROWS = 24_000
#: From this row on, the notes are longer.
LONG = 20_000
DATA = b"id,note\n" + b"".join(b"%d,%s\n" % (row, b"x" * (700 + 5 * (row >= LONG))) for row in range(ROWS))


def send(server: Server, data: bytes = DATA) -> str:
    """Upload the file as admin, and return the path of the upload."""
    begun = server.client.post("/-/uploads", json={"name": "orders.csv", "size": len(data)}).json()
    path = f"/-/uploads/{begun['id']}"
    for at in range(0, len(data), begun["slice_bytes"]):
        part = data[at : at + begun["slice_bytes"]]
        assert server.client.put(path, params={"at": at}, content=part).status_code == 200
    return path


def start(server: Server, path: str) -> httpx.Response:
    return server.client.post(f"{path}/load", json={"connector": "orders"})


def status(server: Server, path: str) -> dict:
    return server.client.get(path).json()["load"]


def under_way(server: Server, path: str) -> dict:
    """Wait until a load has stored a batch and waits for its rate limit."""
    return eventually(lambda: (load := status(server, path)) and load["rows"] and load["waits_for"] and load)


def ended(server: Server, path: str) -> dict:
    return eventually(lambda: (load := status(server, path))["state"] != "running" and load)


def kill_worker(server: Server) -> None:
    (worker,) = server.workers()
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: server.workers() not in ([worker], []))
    server.wait_ready()


def ids(server: Server) -> list[int]:
    rows = server.client.get("/orders", params={"select": "id", "order": "_id"}).json()
    return [row["id"] for row in rows]


@pytest.fixture
def orders(own: Server) -> Server:
    own.declare("orders", FIELDS + SLOW)
    return own


def test_load_goes_on_after_its_worker_is_killed(orders: Server):
    path = send(orders)
    assert start(orders, path).status_code == 202
    assert under_way(orders, path)["waits_for"] == "the limit is 2000 rows in 1 s"
    kill_worker(orders)

    before = status(orders, path)
    assert before["state"] == "stopped"
    assert before["problem"]["message"] == "the gateway was stopped during the load"
    orders.declare("orders", FIELDS)
    assert start(orders, path).status_code == 202
    load = ended(orders, path)
    assert (load["state"], load["rows"], load["stored"]) == ("done", ROWS, ROWS)
    assert ids(orders) == list(range(ROWS))


def test_file_grown_after_kill_is_stored_once(orders: Server):
    path = send(orders)
    start(orders, path)
    rows = under_way(orders, path)["rows"]
    kill_worker(orders)
    orders.declare("orders", FIELDS)

    grown = send(orders, DATA + b"%d,new\n" % ROWS)
    start(orders, grown)
    load = ended(orders, grown)

    assert (load["state"], load["rows"]) == ("done", ROWS + 1)
    assert load["stored_before"] >= rows
    assert load["stored"] + load["stored_before"] == ROWS + 1
    assert ids(orders) == list(range(ROWS + 1))


def test_canceled_load_continues_where_it_stopped(orders: Server):
    path = send(orders)
    start(orders, path)
    rows = under_way(orders, path)["rows"]
    refused = [
        start(orders, path),
        orders.client.delete(path),
    ]
    assert {(each.status_code, each.json()["code"]) for each in refused} == {(409, "GW116")}
    other = orders.client.post("/-/uploads", json={"name": "b.csv", "size": 3})
    assert other.status_code == 201, "another file can be uploaded meanwhile"

    canceled = orders.client.post(f"{path}/cancel").json()["load"]
    assert (canceled["state"], canceled["rows"]) == ("stopped", rows)
    orders.declare("orders", FIELDS)
    start(orders, path)
    load = ended(orders, path)
    assert (load["state"], load["stored"]) == ("done", ROWS)
    assert ids(orders) == list(range(ROWS))


def test_load_stops_where_its_connector_is_removed(orders: Server):
    """It stops at once, also while it waits: until then its upload cannot be deleted."""
    path = send(orders)
    start(orders, path)
    under_way(orders, path)
    (orders.connectors / "orders.yaml").unlink()
    eventually(lambda: orders.client.get("/orders").status_code == 410)
    stopped = eventually(lambda: (load := status(orders, path))["state"] != "running" and load, seconds=1)
    assert (stopped["state"], stopped["problem"]["code"]) == ("stopped", "PGRST205")
    assert start(orders, path).status_code == 410

    orders.declare("orders", FIELDS)
    start(orders, path)
    assert ended(orders, path)["state"] == "done"
    assert ids(orders) == list(range(ROWS))


def test_load_stops_where_a_change_refuses_its_rest(orders: Server):
    path = send(orders)
    start(orders, path)
    under_way(orders, path)
    orders.declare("orders", FIELDS.replace("note: string", "note: {type: string, max_length: 700}"))
    stopped = ended(orders, path)
    first = stopped["problem"]["errors"][0]

    assert (stopped["state"], first["row"], first["line"]) == ("stopped", LONG + 1, LONG + 2)
    assert stopped["rows"] <= LONG
    assert ids(orders) == list(range(stopped["rows"]))
    orders.declare("orders", FIELDS)
    start(orders, path)
    assert ended(orders, path)["stored"] == ROWS
    assert ids(orders) == list(range(ROWS))


def test_upload_goes_on_once_the_disk_has_room(tmp_path):
    with full_disk(tmp_path, 8, GATEWAY_DISK_RESERVE="6M") as (server, ballast):
        for each in ballast[:6]:
            each.unlink()
        begun = server.client.post("/-/uploads", json={"name": "a.csv", "size": 3 * 2**20})
        path = f"/-/uploads/{begun.json()['id']}"
        too_large = {"name": "b.csv", "size": 60 * 2**20}
        assert server.client.put(path, params={"at": 0}, content=bytes(2**20)).status_code == 200
        filler = server.data / "filler"
        free = os.statvfs(server.data)
        filler.write_bytes(bytes(free.f_bavail * free.f_frsize - 4 * 2**20))

        eventually(lambda: server.client.get("/-/status").json()["disk"]["full"])
        refused = server.client.put(path, params={"at": 2**20}, content=bytes(2**20))
        assert (refused.status_code, refused.json()["code"]) == (507, "53100")
        filler.unlink()
        at = server.client.get(path).json()["received"]
        rest = bytes(3 * 2**20 - at)
        eventually(lambda: server.client.put(path, params={"at": at}, content=rest).status_code == 200)
        assert server.client.post("/-/uploads", json=too_large).status_code == 507
