"""Connector files are saved over HTTP: planned, written, and live at once; and nothing else is touched."""

import hashlib

import httpx

from tests.support.server import Server

GOOD = "# kept\nfields: {n: integer}\naccess: {read: [public]}\n"
MORE = GOOD.replace("{n: integer}", "{n: integer, note: {type: string, nullable: true}}")
BROKEN = "fields: {n: integr}\n"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def save(server: Server, file: str, text: str, old: str | None = None, **headers: str) -> httpx.Response:
    condition = {"If-None-Match": "*"} if old is None else {"If-Match": f'"{digest(old)}"'}
    sent = {"Content-Type": "text/yaml", **condition, **headers}
    return server.client.put(f"/-/files/{file}", content=text.encode(), headers=sent)


def delete(server: Server, file: str, old: str) -> httpx.Response:
    return server.client.delete(f"/-/files/{file}", headers={"If-Match": f'"{digest(old)}"'})


def history(server: Server, name: str) -> list[tuple[str, str | None]]:
    events = server.client.get(f"/-/connectors/{name}/history").json()
    return [(each["action"], each["by"]) for each in events]


def test_saved_file_is_live_at_once(server, name):
    """Check the walk of a connector whose files nobody writes: new, changed, deleted, and new again."""
    file = f"{name}.yaml"
    created = save(server, file, GOOD)
    assert created.status_code == 201, created.text
    assert created.headers["ETag"] == f'"{digest(GOOD)}"'
    assert (created.json()["state"], created.json()["path"], created.json()["applied"]) == (
        "live",
        f"/{name}",
        True,
    )
    assert created.json()["plan"]["connectors"][0]["action"] == "create"
    assert server.client.post(f"/{name}", json={"n": 1}).status_code == 201

    changed = save(server, file, MORE, GOOD)
    assert (changed.status_code, changed.json()["state"]) == (200, "live")
    assert server.client.get(f"/{name}").json() == [{"n": 1, "note": None}]
    assert (server.connectors / file).read_text() == MORE

    deleted = delete(server, file, MORE)
    assert (deleted.status_code, deleted.json()["state"], deleted.json()["digest"]) == (200, "removed", None)
    assert server.client.get(f"/{name}").status_code == 410
    assert not (server.connectors / file).exists()

    assert save(server, file, MORE).json()["plan"]["connectors"][0]["action"] == "restore"
    assert server.client.get(f"/{name}").json() == [{"n": 1, "note": None}]
    by = "api, admin"
    assert history(server, name) == [("restored", by), ("removed", by), ("changed", by), ("created", by)]
