"""The edge: what happens to every request and every answer, whatever becomes of them.

A request gets its id and its client's address, and is refused where it is for another host; an answer gets the
headers that all have, and a body that was not read to its end is; and what happened is logged in a line.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

from gateway import percent
from gateway.errors import GatewayError
from gateway.request_context import HeaderFields, RequestContext, fields_of, never_left
from gateway.server import error_response, forwarded
from gateway.server.access_log import log_access
from gateway.server.scope import HAS_LEFT, Asgi, Event, Receive, Send
from gateway.settings import Network

_log = logging.getLogger(__name__)

#: How long the rest of a refused body is read, so that the client sees the answer and not a reset; and how
#: long without a byte of it.
LINGER_SECONDS, LINGER_IDLE_SECONDS = 10.0, 1.0


class RequestMiddleware:
    """An ASGI application around another."""

    def __init__(self, app: Asgi, allowed: Sequence[str] = (), proxies: Sequence[Network] = ()) -> None:
        """Take the hosts that requests may be for, any where there are none, and the proxies that are believed."""
        self._app = app
        self._allowed = tuple(allowed)
        self._proxies = proxies

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fields = fields_of(scope["headers"])
        context = RequestContext.of(
            fields, forwarded.client_address(scope.get("client"), fields, self._proxies)
        )
        counters = _RequestCounters(context, scope, receive, send)
        context.receive, context.has_left = counters.receive, scope.get(HAS_LEFT, never_left)
        with context.as_current():
            try:
                await self._serve(context, scope, fields, counters)
            finally:
                log_access(context, scope["method"], counters.status, counters.figures())

    async def _serve(
        self, context: RequestContext, scope: Event, fields: HeaderFields, counters: "_RequestCounters"
    ) -> None:
        try:
            scope, host = forwarded.to_origin_form(scope, fields)
            forwarded.require_allowed_host(host, scope["http_version"], self._allowed)
            if "\ufffd" in scope["path"]:  # The server's own decoder puts it where bytes are not UTF-8.
                percent.require_utf8_path(scope.get("raw_path", b""))
            await self._app(_from(context.remote, scope), counters.receive, counters.send)
        except _ClientDisconnected:
            return
        except Exception as error:
            if counters.status is not None:
                if isinstance(error, GatewayError):
                    _log.warning("the answer breaks off: %s, %s", error.code.code, error.code.title)
                raise  # The connection breaks: an answer cut short must not look whole.
            told = error if isinstance(error, GatewayError) else error_response.unexpected_error(error)
            await error_response.send(told, counters.send)
        if not counters.has_ended and _has_body(fields):
            await counters.linger()


def _from(remote: str | None, scope: Event) -> Event:
    """Give a request as one from the client's address, which may be another than the one that has connected."""
    client = scope.get("client")
    if remote == (client[0] if client else None):
        return scope
    return {**scope, "client": (remote, client[1] if client else 0) if remote else None}


def _has_body(fields: HeaderFields) -> bool:
    return b"transfer-encoding" in fields or fields.get(b"content-length", b"0").strip() != b"0"


class _ClientDisconnected(OSError):  # noqa: N818  # it is no error
    """There is nobody to send to any more; it ends the making of what would be sent."""


class _RequestCounters:
    """What goes in and out of one exchange, counted."""

    __slots__ = (
        "_began",
        "_bytes_in",
        "_bytes_out",
        "_context",
        "_is_complete",
        "_receive",
        "_scope",
        "_send",
        "has_ended",
        "status",
    )

    def __init__(self, context: RequestContext, scope: Event, receive: Receive, send: Send) -> None:
        self._context, self._scope = context, scope
        self._receive, self._send = receive, send
        self._began = time.monotonic()
        self._bytes_in = self._bytes_out = 0
        self._is_complete = False
        #: Whether the end of the body has come, or of the connection.
        self.has_ended = False
        self.status: int | None = None

    def figures(self) -> dict[str, Any]:
        duration = round((time.monotonic() - self._began) * 1000, 1)
        figures = {"duration_ms": duration, "bytes_in": self._bytes_in, "bytes_out": self._bytes_out}
        return figures if self._is_complete else {**figures, "complete": False}

    async def receive(self) -> Event:
        event = await self._receive()
        self.has_ended = event["type"] != "http.request" or not event.get("more_body", False)
        self._bytes_in += len(event.get("body", b""))
        return event

    async def linger(self) -> None:
        """Read what is left of a body that was refused before its end (as in nginx's lingering_close)."""
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while not self.has_ended:
                    async with asyncio.timeout(LINGER_IDLE_SECONDS):
                        await self.receive()
        except TimeoutError:
            pass

    async def send(self, event: Event) -> None:
        begins = event["type"] == "http.response.start"
        # Not before it has begun: Falcon lets go of an answer that streams only from then on.
        if not begins and self._context.has_left():
            raise _ClientDisconnected
        if begins:
            self.status = event["status"]
            event = {**event, "headers": self._headers(event)}
        await self._send(event)
        if event["type"] == "http.response.body":
            self._bytes_out += len(event.get("body", b""))
            self._is_complete = not event.get("more_body", False) and not self._context.has_left()

    def _headers(self, event: Event) -> list[tuple[bytes, bytes]]:
        headers = [*event.get("headers", ()), *error_response.common_headers(self._context)]
        is_fleeting = event["status"] >= 400 or self._scope["path"].startswith("/-/")
        if is_fleeting and not any(name.lower() == b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"no-store"))
        return headers
