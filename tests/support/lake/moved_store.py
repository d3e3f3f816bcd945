"""A store of one machine with all that a store can have, and its answers at the front door."""

from pathlib import Path
from typing import Any

import httpx

from tests.support.server import Server, eventually, put

EVERY_TYPE = """
on_invalid: keep
fields:
  a: {type: string, nullable: true}
  b: {type: integer, nullable: true}
  c: {type: number, nullable: true}
  d: {type: "decimal(12, 2)", nullable: true}
  e: {type: boolean, nullable: true}
  f: {type: date, nullable: true}
  g: {type: time, nullable: true}
  h: {type: timestamp, nullable: true}
  i: {type: datetime, nullable: true}
  j: {type: uuid, nullable: true}
  k: {type: json, nullable: true}
  l: {type: "string[]", nullable: true}
  m: {type: "decimal(4, 4)[]", nullable: true}
  n: {type: "datetime[]", nullable: true}
  p: {type: "number[]", nullable: true}
"""
ROWS: list[dict[str, Any]] = [
    {},
    {
        "a": 'it\'s "quoted", 🙂\n',
        "b": -(2**63),
        "c": -0.0,
        "d": -9999999999.99,
        "e": True,
        "f": "0001-01-01",
        "g": "23:59:59.999999",
        "h": "1969-12-31T23:59:59.999999Z",
        "i": "9999-12-31T23:59:59",
        "j": "00000000-0000-0000-0000-000000000001",
        "k": {"a": [1, None, "\\", {"deep": 1e300}]},
        "l": ["", "a,b", "}'"],
        "m": [0.9999, -0.0001],
        "n": ["2024-02-29T12:00:00"],
        "p": [5e-324, 1.7e308],
    },
    {"a": "", "b": 2**63 - 1, "c": 5e-324, "e": False, "l": [], "k": "", "p": [-0.0]},
]
_ORDERS = "access: {change: [admin]}\nprimary_key: [id]\non_conflict: replace\non_invalid: keep\nfields: "
#: The versions of one connector: a field goes and stays hidden, another changes its type and keeps the old one hidden.
ORDERS = (
    "{id: integer, note: {type: string, nullable: true}, price: integer}\n",
    "{id: integer, price: number}\n",
    "{id: integer, price: {type: string, using: CAST(price AS VARCHAR)}, who: {type: string, nullable: true}}\n",
)
KEY = {"Idempotency-Key": "sent-once"}
#: The last `_id` of orders, and the last batch of all, which was one of the purged connector.
LAST_ID, LAST_BATCH = 47, 11
#: The connectors that are served.
LIVE = ("types", "orders", "empty")
KEYED = [{"id": 50, "price": "5"}]


def fill(server: Server) -> None:
    """Store all of it through a gateway."""
    types = server.declare("types", EVERY_TYPE)
    ok(server.client.post(types, json=ROWS))
    ok(server.client.post(types, json=[{"b": "x"}, {"a": "good"}, {"f": "2024-02-30"}]), 207)
    orders = server.declare("orders", _ORDERS + ORDERS[0])
    ok(server.client.post(orders, json=[{"id": n, "note": f"n{n}", "price": n} for n in range(40)]))
    for fields in ORDERS[1:]:
        server.declare("orders", _ORDERS + fields)
        ok(server.client.post(orders, json=[{"id": 7, "price": "7" if "VARCHAR" in fields else 7}]))
    ok(server.client.patch(f"{orders}?id=lt.3", json={"who": "patched"}), 204)
    ok(server.client.delete(f"{orders}?id=eq.39"), 204)
    ok(server.client.post(orders, json=KEYED, headers=KEY))
    ok(server.client.post(orders, json=[{"id": 60, "price": "1.5"}, {"id": "none"}]), 207)
    for name in ("gone", "purged"):
        path = server.declare(name, "on_invalid: keep\nfields: {s: string}\n")
        ok(server.client.post(path, json=[{"s": name}, {"s": "again"}, {"s": 1}]), 207)
        (server.connectors / f"{name}.yaml").unlink()
        server.reload()
    eventually(lambda: server.client.post("/-/connectors/purged/purge").is_success)
    server.declare("empty", "fields: {s: string}\n")


def ok(answer: httpx.Response, status: int = 201) -> httpx.Response:
    assert answer.status_code == status, answer.text
    return answer


def copy_connectors(source: Server, target: Path) -> None:
    """Give another gateway the same connector files."""
    for file in source.connectors.glob("*.yaml"):
        put(target / "connectors.d" / file.name, file.read_text())


def answers(server: Server) -> dict[str, Any]:
    """What the gateway says of everything in its store, byte for byte."""
    said: dict[str, Any] = {}
    for name in LIVE:
        path = ok(server.client.get(f"/-/connectors/{name}"), 200).json()["path"]
        for asked in ("", "?select=*,_id,_ingested_at,_batch", "?select=count()", "?order=_id.desc&limit=3"):
            for accept in ("application/json", "text/csv", "application/x-ndjson"):
                answer = ok(server.client.get(f"{path}{asked}", headers={"Accept": accept}), 200)
                said[f"{path}{asked} {accept}"] = answer.content
    for name in (*LIVE, "gone", "purged"):
        for asked in ("history", "batches", "rejected"):
            answer = server.client.get(f"/-/connectors/{name}/{asked}")
            said[f"{name} {asked}"] = (answer.status_code, answer.content)
    return said
