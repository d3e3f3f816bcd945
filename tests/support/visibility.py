"""Every route of a gateway, asked for as each kind of asker."""

import contextlib
import functools
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import falcon.asgi
import falcon.inspect
import httpx

from gateway.auth.tokens import make_token
from gateway.console.static_files import StaticFiles
from gateway.console.swagger import SwaggerFiles
from gateway.threads import ContextThreadPool
from tests.support.in_process import inside
from tests.support.server import Server, serving

#: The askers of the matrix, with what they are.
ASKERS = {
    None: "no token, `read: [public]`",
    "reader": "`read`",
    "etl": "`ingest`",
    "ops": "`change`",
    "auditor": "`view: true`",
    "admin": "admin",
}
#: Tokens that no connector names.
STRANGER = "stranger"
ORDERS = """
fields: {order_id: integer, note: {type: string, nullable: true}}
on_invalid: keep
access: {ingest: [etl, loader], read: [reader], change: [ops]}
"""
OPEN = ORDERS.replace("[reader]", "[public]")
#: The values of the parameters in the templates of routes, except that of a connector's name.
VALUES = {
    "{page}": "design",
    "/-/docs/images/{file}": "/-/docs/images/console-rows.png",
    "/-/files/{file}": "/-/files/orders.yaml",
    "{upload}": "AAAAAAAAAAAAAAAAAAAAAA",
    "{id}": "1",
    "-/console/files/{file}": "-/console/files/orders.yaml",
    "-/console/static/{file}": StaticFiles().url("console.css"),
    "-/console/swagger/{file}": SwaggerFiles(ContextThreadPool(1, "page")).url(".css"),
}
#: The routes that change what the others show, at the end.
_LAST = ("reload", "replay", "discard", "copy", "purge")


class Route(NamedTuple):
    method: str
    template: str

    def path(self, connector: str) -> str:
        path = self.template.replace("{name}", connector).replace("{path:path}", connector)
        if path == "/-/resolve":
            path += f"?connector={connector}"
        for name, value in VALUES.items():
            path = path.replace(name, value)
        return path


class Place:
    """A gateway with connectors and askers: `orders`, the same for everyone to read as `open`, and `hidden`."""

    def __init__(self, server: Server, secrets: dict[str | None, str]) -> None:
        self.server = server
        self.secrets = secrets | {"admin": server.admin["Authorization"].removeprefix("Bearer ")}
        self._numbers = itertools.count(1)

    def ask(
        self, asker: str | None, method: str, path: str, json: object = None, **headers: str
    ) -> httpx.Response:
        headers |= {"X-Request-Id": "the-same", "Sec-Fetch-Site": "same-origin"}
        if asker is not None:
            headers["Authorization"] = f"Bearer {self.secrets[asker]}"
        return httpx.request(method, self.server.url + path, headers=headers, json=json)

    def post_some(self, name: str) -> None:
        """Post a good and a bad row with each token that may."""
        for asker in ("etl", "loader", "admin"):
            rows = [{"order_id": next(self._numbers)}, {"order_id": f"of {asker}"}]
            assert self.ask(asker, "POST", f"/{name}", rows).status_code == 207


@contextlib.contextmanager
def place(directory: Path) -> Iterator[Place]:
    secrets: dict[str | None, str] = {}
    lines = []
    for name in ("etl", "loader", "reader", "ops", STRANGER, "auditor"):
        secrets[name], line = make_token(name, views=name == "auditor")
        lines.append(line)
    tokens = directory / "tokens.yaml"
    tokens.write_text("\n".join(lines))
    with serving(directory, GATEWAY_TOKENS=str(tokens)) as server:
        server.declare("orders", ORDERS)
        server.declare("open", OPEN)
        server.declare("hidden", ORDERS.partition("access")[0])
        found = Place(server, secrets)
        for name in ("orders", "open"):
            found.post_some(name)
        found.ask("admin", "POST", "/hidden", [{"order_id": 1}, {"order_id": "x"}])
        yield found


def routes(directory: Path) -> list[Route]:
    """Return every fixed route of the gateway; those that change something are at the end."""
    with inside(directory, {"orders": ORDERS}) as gateway:
        found = falcon.inspect.inspect_compiled_router(gateway.layer(falcon.asgi.App)._router._fixed)
        all_ = [
            Route(method.method, route.path)
            for route in found
            for method in route.methods
            if not method.internal
        ]
    order = {route: (route.template.endswith(_LAST), *reversed(route)) for route in all_}
    return sorted(all_, key=order.__getitem__)


def _cell(answer: httpx.Response) -> str:
    if answer.status_code in (401, 403, 404):
        return str(answer.status_code)
    is_json = answer.content and answer.headers.get("Content-Type", "").startswith("application/json")
    listed = answer.json() if is_json else None
    if isinstance(listed, list) and listed and "token" in listed[0]:
        return "own" if {each["token"] for each in listed} == {"etl"} else "yes"
    return "yes"


def matrix(found: Place, all_: list[Route]) -> list[tuple[str, ...]]:
    """Return a row for each route: its method and template, and the answer for each asker. HEAD answers as GET."""
    return [
        (
            f"`{route.method} {route.template}`",
            *(
                _cell(found.ask(asker, route.method, route.path("orders" if asker else "open")))
                for asker in ASKERS
            ),
        )
        for route in all_
        if route.method != "HEAD"
    ]


@functools.cache
def matrix_table() -> tuple[list[str], list[tuple[str, ...]]]:
    """Walk a new gateway, and return the head and the rows of the matrix."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        all_ = routes(Path(first))
        with place(Path(second)) as found:
            return ["route", *ASKERS.values()], matrix(found, all_)
