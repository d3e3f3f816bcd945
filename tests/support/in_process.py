"""A gateway inside the test's own process, for faults that no client and no file can provoke."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from gateway.app import Gateway
from gateway.server.access_log import log_request
from gateway.server.lifespan import Lifespan
from gateway.server.middleware import RequestMiddleware
from gateway.server.scope import HAS_LEFT
from gateway.server.tracing import SpanRecorder, Tracing
from gateway.server.traffic import Traffic
from gateway.settings import Settings
from tests.support.server import FAST, put
from tests.support.tested_store import store_settings

L = TypeVar("L")


@contextlib.contextmanager
def inside(
    directory: Path, connectors: dict[str, str], recorder: SpanRecorder | None = None, **environment: str
) -> Iterator["Inside"]:
    for name, text in connectors.items():
        put(directory / "connectors.d" / f"{name}.yaml", text)
    settings = Settings.read(
        {
            "GATEWAY_CONNECTORS": str(directory / "connectors.d"),
            "GATEWAY_DATA": str(directory / "data"),
            "GATEWAY_FAST": FAST,
            **store_settings(directory / "data"),
            **environment,
        }
    )
    fatal: list[bool] = []
    traffic, tracing = Traffic(), Tracing(recorder)
    gateway = Gateway(settings, lambda: fatal.append(True), traffic, tracing)
    try:
        yield Inside(
            gateway, traffic, tracing, (directory / "data" / "admin-token").read_text().strip(), fatal
        )
    finally:
        gateway.close()


class Inside:
    def __init__(
        self, gateway: Gateway, traffic: Traffic, tracing: Tracing, token: str, fatal: list[bool]
    ) -> None:
        self.gateway = gateway
        self.store = gateway.store
        self.traffic = traffic
        self.fatal = fatal
        self.host = "test"
        self.lifespan = Lifespan(lambda: gateway)
        self.lifespan.application = gateway
        self._middleware = RequestMiddleware(
            self.lifespan,
            observers=[log_request, traffic.observe],
            start_observers=[traffic.observe_start],
            tracing=tracing,
        )
        self._authorization = f"Bearer {token}".encode()

    def layer(self, kind: type[L]) -> L:
        """The middleware of a class, or Falcon's application inside of all: a lake has one more around the others."""
        found: Any = self.gateway.app
        while not isinstance(found, kind):
            found = found._app
        return found

    def request(
        self,
        method: str,
        path: str,
        *events: dict,
        query: str = "",
        headers: dict[str, str] | None = None,
        has_left: bool | Callable[[], bool] = False,
    ) -> tuple[int, dict[str, str], bytes]:
        """Drive one request of a client, which may have gone, through the edge; without events, an empty body."""
        return asyncio.run(self._request(method, path, list(events), query, headers or {}, has_left))

    async def _request(self, method, path, events, query, headers, has_left):
        events = events or [{"type": "http.request", "body": b"", "more_body": False}]
        sent = []

        async def receive():
            return events.pop(0) if events else {"type": "http.disconnect"}

        async def send(event):
            sent.append(event)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "headers": [
                (b"authorization", self._authorization),
                (b"host", self.host.encode()),
                (b"x-request-id", b"test"),
                *((name.lower().encode(), value.encode()) for name, value in headers.items()),
            ],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
            HAS_LEFT: has_left if callable(has_left) else lambda: has_left,
        }
        await self._middleware(scope, receive, send)
        start = sent[0]
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, b"".join(each.get("body", b"") for each in sent[1:])


def body(text: bytes, *, more: bool = False) -> dict:
    return {"type": "http.request", "body": text, "more_body": more}
