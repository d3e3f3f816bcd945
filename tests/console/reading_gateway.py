"""A gateway with everything that the reading pages show: every state, trouble of each kind, and hostile texts."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.console.conftest import Portal, opened
from tests.support.server import put

#: Markup that a page must show as text.
EVIL = '<img src=x onerror="alert(1)">'
ORDERS = f"""# {EVIL} in a comment
description: '{EVIL} of orders'
fields:
  id: {{type: integer, description: '{EVIL} of id'}}
  amount: {{type: "decimal(12, 2)", nullable: true, minimum: 0, default: 1.5}}
  note: {{type: string, nullable: true, default: '{EVIL}'}}
primary_key: [id]
on_conflict: replace
on_invalid: keep
access: {{read: [guest], ingest: [etl]}}
"""
#: The same with a field less, which hides a column, and an access that no token has.
CHANGED = (
    ORDERS.replace(f"  note: {{type: string, nullable: true, default: '{EVIL}'}}\n", "").replace(
        "[guest]", "[guest, nobody]"
    )
    + "# <b>added</b>\n"
)
FLIGHTS = "path: /air/flights\nfields: {id: integer}\naccess: {read: [public]}\n"
REMOVED = f"description: '{EVIL} of old'\nfields: {{id: integer}}\naccess: {{read: [guest]}}\n"
#: A file that is refused, with markup in its name and in the message of its finding.
BROKEN_NAME = f"broken{EVIL.replace('/', '')}.yaml"
BROKEN = f"fields:\n  id: {{type: '{EVIL}'}}\n"
TIGHT = "fields: {id: integer, name: {type: string, nullable: true}}\non_invalid: keep\n"


@contextlib.contextmanager
def reading_gateway(directory: Path) -> Iterator[Portal]:
    """Serve it: `orders` was changed, `old` was removed, `tight` is last good, and one file was never good."""
    connectors = {"orders": ORDERS, "flights": FLIGHTS, "old": REMOVED, "tight": TIGHT}
    with opened(directory, connectors) as portal:
        folder = portal.server.connectors
        post(portal, "etl", "orders", [{"id": 1, "amount": 2, "note": "secret-note"}, {"id": "secret-value"}])
        post(portal, "admin", "orders", [{"id": 2}, {"id": 3}])
        post(portal, "etl", "orders", {EVIL: 1}, status=207)
        post(portal, "admin", "old", [{"id": 1}])
        post(portal, "admin", "tight", [{"id": 1}])
        post(portal, "admin", "flights", [{"id": 1}, {"id": "secret-value"}], status=422)
        put(folder / "orders.yaml", CHANGED)
        put(folder / "tight.yaml", TIGHT.replace("name: {type: string, nullable: true}", "name: string"))
        put(folder / BROKEN_NAME, BROKEN)
        (folder / "old.yaml").unlink()
        states = {file: each["state"] for file, each in portal.server.reload().items()}
        assert states == {
            "orders.yaml": "live",
            "flights.yaml": "live",
            "old.yaml": "removed",
            "tight.yaml": "last good",
            BROKEN_NAME: "refused",
        }
        yield portal


def post(portal: Portal, name: str, connector: str, rows: object, *, status: int | None = None) -> None:
    path = "air/flights" if connector == "flights" else connector
    answer = httpx.post(
        f"{portal.server.url}/{path}", json=rows, headers={"Authorization": f"Bearer {portal.secret(name)}"}
    )
    assert answer.status_code == (status or answer.status_code), answer.text
    assert status or answer.is_success, answer.text
