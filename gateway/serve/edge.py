"""The edge: what happens to every request and every answer, whatever becomes of them.

A request gets its id and its client's address, and is refused where it is for another host; an answer gets the
headers that all have; and what happened is logged in a line.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPMethod
from typing import Any

from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.logs import ACCESS, FIELDS
from gateway.serve import hosts, refusal
from gateway.settings import Network

_log = logging.getLogger(__name__)
_access = logging.getLogger(ACCESS)

#: Where the server keeps in a scope what tells whether the client has gone. It takes what is sent all the same.
HAS_GONE = "gateway.has_gone"

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Asgi = Callable[[Event, Receive, Send], Awaitable[None]]


class Edge:
    """An ASGI application around another."""

    def __init__(self, app: Asgi, allowed: Sequence[str] = (), proxies: Sequence[Network] = ()) -> None:
        """Take the hosts that requests may be for, any where there are none, and the proxies that are believed."""
        self._app = app
        self._allowed = allowed
        self._proxies = proxies

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange.of(scope["headers"], hosts.remote_of(scope, self._proxies))
        passage = _Passage(exchange, scope, receive, send)
        with exchange.is_current():
            try:
                await self._serve(exchange, scope, passage)
            finally:
                log_access(exchange, scope["method"], passage.status, **passage.figures())

    async def _serve(self, exchange: Exchange, scope: Event, passage: "_Passage") -> None:
        try:
            scope, host = hosts.in_origin_form(scope)
            hosts.require(host, scope["http_version"], self._allowed)
        except GatewayError as error:
            await refusal.send(error, passage.send)
            return
        port = scope["client"][1] if scope.get("client") else 0
        scope = {**scope, "client": (exchange.remote, port) if exchange.remote else None}
        try:
            await self._app(scope, passage.receive, passage.send)
        except _Gone:
            return
        except Exception as error:
            if passage.status is not None:
                if isinstance(error, GatewayError):
                    _log.warning("the answer breaks off: %s, %s", error.code.code, error.code.title)
                raise  # The connection breaks: an answer cut short must not look whole.
            await refusal.send(refusal.internal(error), passage.send)


class _Gone(OSError):  # noqa: N818  # it is no error
    """There is nobody to send to any more; it ends the making of what would be sent."""


class _Passage:
    """What goes in and out of one exchange, counted."""

    def __init__(self, exchange: Exchange, scope: Event, receive: Receive, send: Send) -> None:
        self._exchange, self._scope = exchange, scope
        self._receive, self._send = receive, send
        self._has_gone: Callable[[], bool] = scope.get(HAS_GONE, lambda: False)
        self._began = time.monotonic()
        self._bytes_in = self._bytes_out = 0
        self._is_complete = False
        self.status: int | None = None

    def figures(self) -> dict[str, Any]:
        duration = round((time.monotonic() - self._began) * 1000, 1)
        figures = {"duration_ms": duration, "bytes_in": self._bytes_in, "bytes_out": self._bytes_out}
        return figures if self._is_complete else {**figures, "complete": False}

    async def receive(self) -> Event:
        event = await self._receive()
        self._bytes_in += len(event.get("body", b""))
        return event

    async def send(self, event: Event) -> None:
        if self._has_gone():
            raise _Gone
        if event["type"] == "http.response.start":
            self.status = event["status"]
            event = {**event, "headers": [*event.get("headers", ()), *self._headers(event)]}
        await self._send(event)
        if event["type"] == "http.response.body":
            self._bytes_out += len(event.get("body", b""))
            self._is_complete = not event.get("more_body", False) and not self._has_gone()

    def _headers(self, event: Event) -> list[tuple[bytes, bytes]]:
        headers = refusal.standing(self._exchange)
        is_fleeting = event["status"] >= 400 or self._scope["path"].startswith("/-/")
        if is_fleeting and not any(name.lower() == b"cache-control" for name, _ in event.get("headers", ())):
            headers["Cache-Control"] = "no-store"
        return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def log_access(exchange: Exchange, method: str | None, status: int | None, **figures: Any) -> None:
    """Log what became of a request: never its query, its body or its headers, which hold values and secrets."""
    method = method if method in HTTPMethod.__members__ else None  # Another may be anything, as a path may.
    fields = {
        "method": method,
        "path": exchange.path,
        "status": status,
        **figures,
        **exchange.outcome,
        "token": exchange.token,
        "connector": exchange.connector,
        "remote": exchange.remote,
    }
    told = (method or "-", exchange.path or "-", status or "-")
    # Not by `info`, which first looks for the line of code that calls it.
    if _access.isEnabledFor(logging.INFO):
        _access.handle(
            _access.makeRecord(
                _access.name, logging.INFO, __file__, 0, "%s %s %s", told, None, extra={FIELDS: fields}
            )
        )
