"""A request as the outermost middleware sees it: its bytes, its status, and its duration, for those that observe it."""

import asyncio
import time
from collections.abc import Callable
from http import HTTPMethod

from gateway.request_context import RequestContext
from gateway.server import error_response
from gateway.server.operations import operation_of
from gateway.server.scope import Event, Receive, Send

#: How long the rest of a rejected body is read, so that the client sees the response and not a reset; and how long it
#: may pause.
LINGER_SECONDS, LINGER_IDLE_SECONDS = 10.0, 1.0

#: The methods of HTTP; a client may send any other word.
METHODS = frozenset(HTTPMethod.__members__)
#: The operations under `/-/`, whose responses must not be cached.
_OPERATING = frozenset(("operate", "console"))


class ClientDisconnected(OSError):  # noqa: N818  # it reports no error
    """The client has disconnected; it stops the application from producing more of the response."""


class ObservedRequest:
    """One request between the server and the application: it counts bytes, and adds the common headers to the response.

    Belongs to the event loop. PERF: observers get this object itself, so that a request costs no other one.

    Attributes:
        context: What the stages found out about the request.
        method: The method as the client sent it, which may be anything.
        operation: The kind of the request.
        began: The time of the monotonic clock at which it began, in seconds.
        seconds: Its duration, once it has ended.
        status: The status of the response, None before it starts.
        received_bytes: The bytes of the body that were received.
        sent_bytes: The bytes of the response's body.
        is_complete: Whether the whole response was sent.
        has_ended: Whether the body or the connection has ended.
    """

    __slots__ = (
        "_receive",
        "_send",
        "began",
        "context",
        "has_ended",
        "is_complete",
        "method",
        "operation",
        "received_bytes",
        "seconds",
        "sent_bytes",
        "status",
    )

    def __init__(self, context: RequestContext, scope: Event, receive: Receive, send: Send) -> None:
        self.context = context
        self.method: str = scope["method"]
        self.operation = operation_of(self.method, scope["path"])
        self._receive, self._send = receive, send
        self.began = time.monotonic()
        self.seconds = 0.0
        self.received_bytes = self.sent_bytes = 0
        self.is_complete = self.has_ended = False
        self.status: int | None = None

    def end(self) -> None:
        """Record its duration, before its observers are called."""
        self.seconds = time.monotonic() - self.began

    async def receive(self) -> Event:
        """Receive the next ASGI event of the body."""
        event = await self._receive()
        self.has_ended = event["type"] != "http.request" or not event.get("more_body", False)
        self.received_bytes += len(event.get("body", b""))
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
        """Send an ASGI event of the response.

        Raises:
            ClientDisconnected: The client has left, and more of the response would follow.
        """
        if event["type"] == "http.response.start":
            self.status = event["status"]
            await self._send({**event, "headers": self._headers(event)})
            return
        has_more = event.get("more_body", False)
        # Not before the response starts: only then does Falcon close the stream of a response.
        if has_more and self.context.has_left():
            raise ClientDisconnected
        await self._send(event)
        if event["type"] == "http.response.body":
            self.sent_bytes += len(event.get("body", b""))
            self.is_complete = not has_more and not self.context.has_left()

    def _headers(self, event: Event) -> list[tuple[bytes, bytes]]:
        headers = [*event.get("headers", ()), *error_response.common_headers(self.context)]
        is_uncacheable = event["status"] >= 400 or self.operation in _OPERATING
        if is_uncacheable and not any(name.lower() == b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"no-store"))
        return headers


#: Called once for each request, before its application or after its response. It belongs to the event loop and must
#: not raise.
Observer = Callable[[ObservedRequest], None]
