"""The outermost ASGI middleware, around every request.

It builds the request context, rejects requests for unknown hosts, adds the common headers to each response, reads the
rest of rejected bodies, and writes the access log.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

from gateway import percent
from gateway.errors import GatewayError
from gateway.request_context import HeaderFields, RequestContext, fields_of, never_left, no_body
from gateway.server import error_response, forwarded
from gateway.server.access_log import log_access
from gateway.server.scope import HAS_LEFT, Asgi, Event, Receive, Send
from gateway.settings import Network

_log = logging.getLogger(__name__)

#: How long the rest of a rejected body is read, so that the client sees the response and not a reset; and how long it
#: may pause.
LINGER_SECONDS, LINGER_IDLE_SECONDS = 10.0, 1.0


class RequestMiddleware:
    """ASGI middleware around an application. Belongs to the event loop."""

    def __init__(self, app: Asgi, allowed: Sequence[str] = (), proxies: Sequence[Network] = ()) -> None:
        """Wrap an application.

        Args:
            app: The application.
            allowed: The hosts that requests may name; empty for any host.
            proxies: The trusted proxies.
        """
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
        with context:
            try:
                await self._serve(context, scope, fields, counters)
            finally:
                log_access(context, scope["method"], counters.status, counters.counts())
                # PERF: the counters refer to the context in turn, and only the garbage collector would free the two.
                context.receive = no_body

    async def _serve(
        self, context: RequestContext, scope: Event, fields: HeaderFields, counters: "_RequestCounters"
    ) -> None:
        try:
            scope, host = forwarded.to_origin_form(scope, fields)
            forwarded.require_allowed_host(host, scope["http_version"], self._allowed)
            if (
                "\ufffd" in scope["path"]
            ):  # The server's decoder puts it in place of bytes that are not UTF-8.
                percent.require_utf8_path(scope.get("raw_path", b""))
            await self._app(_with_client(context.remote, scope), counters.receive, counters.send)
        except _ClientDisconnected:
            return
        except Exception as error:
            if counters.status is not None:
                if isinstance(error, GatewayError):
                    _log.warning("the response breaks off: %s, %s", error.code.code, error.code.title)
                raise  # The connection breaks, so that an incomplete response does not look complete.
            failure = error if isinstance(error, GatewayError) else error_response.unexpected_error(error)
            await error_response.send(failure, counters.send)
        if not counters.has_ended and _has_body(fields):
            await counters.linger()


def _with_client(remote: str | None, scope: Event) -> Event:
    """Return the scope with the client's address, which differs from the peer's behind a trusted proxy."""
    client = scope.get("client")
    if remote == (client[0] if client else None):
        return scope
    return {**scope, "client": (remote, client[1] if client else 0) if remote else None}


def _has_body(fields: HeaderFields) -> bool:
    return b"transfer-encoding" in fields or fields.get(b"content-length", b"0").strip() != b"0"


class _ClientDisconnected(OSError):  # noqa: N818  # it reports no error
    """The client has disconnected; it stops the application from producing more of the response."""


class _RequestCounters:
    """Counts the bytes of a request and its response, and adds the common headers."""

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
        #: Whether the body or the connection has ended.
        self.has_ended = False
        self.status: int | None = None

    def counts(self) -> dict[str, Any]:
        duration = round((time.monotonic() - self._began) * 1000, 1)
        counts = {"duration_ms": duration, "bytes_in": self._bytes_in, "bytes_out": self._bytes_out}
        return counts if self._is_complete else {**counts, "complete": False}

    async def receive(self) -> Event:
        event = await self._receive()
        self.has_ended = event["type"] != "http.request" or not event.get("more_body", False)
        self._bytes_in += len(event.get("body", b""))
        return event

    async def linger(self) -> None:
        """Read the rest of a rejected body, as nginx does with lingering_close."""
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while not self.has_ended:
                    async with asyncio.timeout(LINGER_IDLE_SECONDS):
                        await self.receive()
        except TimeoutError:
            pass

    async def send(self, event: Event) -> None:
        if event["type"] == "http.response.start":
            self.status = event["status"]
            await self._send({**event, "headers": self._headers(event)})
            return
        has_more = event.get("more_body", False)
        # Not before the response starts: only then does Falcon close the stream of a response.
        if has_more and self._context.has_left():
            raise _ClientDisconnected
        await self._send(event)
        if event["type"] == "http.response.body":
            self._bytes_out += len(event.get("body", b""))
            self._is_complete = not has_more and not self._context.has_left()

    def _headers(self, event: Event) -> list[tuple[bytes, bytes]]:
        headers = [*event.get("headers", ()), *error_response.common_headers(self._context)]
        is_uncacheable = event["status"] >= 400 or self._scope["path"].startswith("/-/")
        if is_uncacheable and not any(name.lower() == b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"no-store"))
        return headers
