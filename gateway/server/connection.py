"""gunicorn's HTTP connection with the deadlines it lacks.

It builds on private names of gunicorn 27.0, which pyproject.toml therefore pins; `tests/server/test_server.py`
holds it to every one of them.
"""

import asyncio
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn_h1c import H1CProtocol

from gateway import percent
from gateway.errors import Code, GatewayError
from gateway.request_context import RequestContext, fields_of
from gateway.server import error_response, parser_errors
from gateway.server.access_log import log_access
from gateway.server.connection_counts import CONNECTIONS
from gateway.server.forwarded import client_address
from gateway.server.scope import HAS_LEFT
from gateway.settings import Settings

#: The target of a request line.
_TARGET = re.compile(rb"^[A-Z]+ ([^\r\n]*) HTTP/1", re.MULTILINE)

#: The most bytes that uvloop or asyncio read from a connection at once.
CONNECTION_READ_BYTES_MAX = 2**20

#: The time in which the event loop reads and sends what has waited, even if the process got no processor for a while.
LOOK_SECONDS = 0.02
#: How often in a row, once every `LOOK_SECONDS`, a connection must be found idle before the shutdown closes it. A busy
#: client learns before that from its next response that the connection closes, instead of finding it closed.
_IDLE_LOOKS = 50


class _Deadline:
    """A timer that gives the event loop one more look before it blames the client."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, react: Callable[[], None]) -> None:
        self._loop, self._react = loop, react
        self._timer = loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = self._loop.call_later(LOOK_SECONDS, self._react)

    def cancel(self) -> None:
        """Stop the timer."""
        self._timer.cancel()


class RequestParser(H1CProtocol):  # type: ignore[misc]  # it has no types
    """gunicorn's parser in C, with room for all bytes that are read at once after the end of a request."""

    def __init__(self, **options: Any) -> None:
        super().__init__(limit_remaining=CONNECTION_READ_BYTES_MAX, **options)


class Connection(ASGIProtocol):  # type: ignore[misc]  # gunicorn has no types
    """One connection, with deadlines for reads and writes, a limit on their number, and the gateway's errors."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Accept the connection, or reject it if there are too many."""
        self._settings: Settings = self.worker.gateway_settings
        self._header_deadline: _Deadline | None = None
        self._unread_deadline: _Deadline | None = None
        self._fed = b""  # The bytes that the parser is reading.
        self._idle_looks = 0
        #: The current request, and whether it is the last one.
        self._ending: tuple[object, bool] = (None, False)
        super().connection_made(transport)
        self.worker.connections.add(self)
        CONNECTIONS.opened = self.worker.nr_conns
        self._expect_headers()
        if self.worker.nr_conns > self._settings.max_connections:
            CONNECTIONS.refused += 1
            message = f"the gateway has {self.worker.nr_conns - 1} connections already"
            self._refuse(GatewayError(Code.QUEUE_FULL, message, headers={"Retry-After": "1"}))

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the connection."""
        self._cancel_header_deadline()
        self._cancel_unread_deadline()
        self.worker.connections.discard(self)
        super().connection_lost(exc)
        CONNECTIONS.opened = self.worker.nr_conns
        self.resume_writing()  # A task that waits for the client to read would wait forever.

    @property
    def _is_idle(self) -> bool:
        """Return whether no request is being served."""
        return self._current_request is None and not self._finishing_calls

    def end_if_idle(self) -> None:
        """Close the connection if it was idle at the last `_IDLE_LOOKS` calls, and at this one.

        The event loop reads what the client has sent between two calls. So no connection closes whose next request has
        come, even if the process got no processor for a while.
        """
        self._idle_looks = self._idle_looks + 1 if self._is_idle else 0
        if self._idle_looks > _IDLE_LOOKS:
            self.end()

    def end(self) -> None:
        """Close the connection, and wake the task that waits for its next request."""
        self._close_transport()
        if self._request_ready is not None:
            self._request_ready.set()

    def _will_close(self, request: object, response_requires_close: bool) -> bool:
        # gunicorn asks for the head of a response, and again after its end. Both answers must be the same, or a
        # connection would close whose client expects it to stay open.
        if self._ending[0] is not request:
            self._ending = (request, self.worker.is_stopping)
        is_last: bool = self._ending[1] or super()._will_close(request, response_requires_close)
        return is_last

    def _deadline(self, seconds: float, react: Callable[[], None]) -> _Deadline:
        return _Deadline(self.worker.loop, seconds, react)

    # -- the deadline for headers: it starts with the connection for the first request, with the first byte for others

    def _feed_callback_parser(self, data: bytes) -> bool:
        self._fed = data
        has_more: bool = super()._feed_callback_parser(data)
        self._fed = b""
        if self._is_followed:
            self._pause_reading()
        else:
            self._resume_reading()
        # With a current request the headers are complete.
        if has_more and self._current_request is None:
            self._expect_headers()
        return has_more

    def _resume_reading(self) -> None:
        # The bytes after a request stay in the client until that request ends. The parser keeps only a part of them,
        # and gunicorn would then close the connection.
        if self._reading_paused and not self._is_followed:
            super()._resume_reading()

    @property
    def _is_followed(self) -> bool:
        """Return whether a request is complete and the parser has bytes after it."""
        parser = self._callback_parser
        return parser is not None and parser.is_complete and bool(parser.remaining())

    def _on_headers_complete(self) -> bool:
        self._cancel_header_deadline()
        is_complete: bool = super()._on_headers_complete()
        return is_complete

    def _arm_keepalive_timer(self) -> None:
        if self._header_deadline is None:  # With a deadline, the next request has begun.
            super()._arm_keepalive_timer()

    def _keepalive_timeout(self) -> None:
        # gunicorn's own timer has run out; as for the other deadlines, one look follows.
        self._keepalive_handle = self.worker.loop.call_later(LOOK_SECONDS, super()._keepalive_timeout)

    def _expect_headers(self) -> None:
        if self._header_deadline is None:
            self._cancel_keepalive_timer()
            self._header_deadline = self._deadline(self._settings.header_timeout, self._headers_too_slow)

    def _cancel_header_deadline(self) -> None:
        if self._header_deadline is not None:
            self._header_deadline.cancel()
            self._header_deadline = None

    def _headers_too_slow(self) -> None:
        if self._current_request is None and not self._closed:
            self._refuse(GatewayError(Code.HEADERS_TOO_SLOW))

    # -- the deadline for writes: the client must read what is buffered, also after the connection is closed

    def pause_writing(self) -> None:
        """Start the deadline for a client that reads slower than the gateway sends."""
        super().pause_writing()
        self._expect_reads()

    def resume_writing(self) -> None:
        """Stop the deadline; the client has read enough."""
        super().resume_writing()
        if not self._closed:
            self._cancel_unread_deadline()

    def _close_transport(self) -> None:
        super()._close_transport()
        # The transport stays open until the buffer is sent. If the client does not read, that is forever.
        if self._unread_deadline is None and self.transport.get_write_buffer_size():
            self._expect_reads()

    def _expect_reads(self) -> None:
        self._unread: int = self.transport.get_write_buffer_size()
        self._unread_deadline = self._deadline(self._settings.send_timeout, self._reads_too_slowly)

    def _cancel_unread_deadline(self) -> None:
        if self._unread_deadline is not None:
            self._unread_deadline.cancel()
            self._unread_deadline = None

    def _reads_too_slowly(self) -> None:
        read = self._unread - self.transport.get_write_buffer_size()
        if read < self._settings.body_rate * self._settings.send_timeout:
            self.transport.abort()
        else:
            self._expect_reads()

    # -- responses that do not come from the application

    def _is_websocket_upgrade(self, request: object) -> bool:
        # A server may ignore an Upgrade (RFC 9110 section 7.8); the request is served as usual.
        return False

    def _build_http_scope(self, *args: Any) -> dict[str, Any]:
        scope: dict[str, Any] = super()._build_http_scope(*args)
        scope[HAS_LEFT] = self._has_left
        return scope

    def _has_left(self) -> bool:
        return bool(self._closed)

    def _refuse(self, error: GatewayError) -> None:
        self._send_error(error)
        self.end()

    def _send_error_response(self, status: int, message: str, extra_headers: Any = ()) -> None:
        # gunicorn answers 501 to an unknown transfer coding; here it is a fault of the client.
        status = 400 if status == 501 else status
        target = _TARGET.search(self._fed) if status == 400 else None
        error = percent.not_encoded(target[1]) if target else None
        fault = (
            parser_errors.error_for(message, self._fed)
            if status == 400
            else error_response.error_of_status(status)
        )
        self._send_error(error or fault)

    def _get_reason_phrase(self, status: int) -> str:
        # gunicorn's own table is incomplete.
        return HTTPStatus(status).phrase

    def _send_error(self, error: GatewayError) -> None:
        CONNECTIONS.responses[error.status] += 1
        context = self._context()
        body = error_response.body(error)
        head = {**error_response.headers(error), "Cache-Control": "no-store"}
        head |= {"Content-Length": str(len(body)), "Connection": "close"}
        lines = [f"HTTP/1.1 {error.status} {self._get_reason_phrase(error.status)}"]
        lines += [f"{name}: {value}" for name, value in head.items()]
        common = [b"%b: %b" % header for header in error_response.common_headers(context)]
        self._safe_write(b"\r\n".join(["\r\n".join(lines).encode("latin-1"), *common, b"", body]))
        with context:
            log_access(context, None, error.status, {"bytes_out": len(body)})

    def _context(self) -> RequestContext:
        """Build the context of a request that did not reach the application; its headers may be missing."""
        fields = fields_of(list(getattr(self._callback_parser, "headers", ())))
        client = self.transport.get_extra_info("peername") or None
        return RequestContext.of(fields, client_address(client, fields, self._settings.proxies))
