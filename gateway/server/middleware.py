"""The outermost ASGI middleware, around every request.

It builds the request context, rejects requests for unknown hosts, reads the rest of rejected bodies, and hands each
finished request to its observers: the access log and the counters. It also records traced requests.
"""

import logging
from collections.abc import Sequence

from gateway import percent
from gateway.errors import GatewayError
from gateway.request_context import HeaderFields, RequestContext, fields_of, never_left, no_body
from gateway.server import error_response, forwarded
from gateway.server.observed_request import ClientDisconnected, ObservedRequest, Observer
from gateway.server.scope import HAS_LEFT, Asgi, Event, Receive, Send
from gateway.server.tracing import Tracing
from gateway.setting_values import Network

_log = logging.getLogger(__name__)


class RequestMiddleware:
    """ASGI middleware around an application. Belongs to the event loop."""

    def __init__(
        self,
        app: Asgi,
        allowed: Sequence[str] = (),
        proxies: Sequence[Network] = (),
        observers: Sequence[Observer] = (),
        start_observers: Sequence[Observer] = (),
        tracing: Tracing | None = None,
    ) -> None:
        """Wrap an application.

        Args:
            app: The application.
            allowed: The hosts that requests may name; empty for any host.
            proxies: The trusted proxies.
            observers: Called with each finished request.
            start_observers: Called with each request before it is served.
            tracing: Decides which requests are traced; None traces none.
        """
        self._app = app
        self._allowed = tuple(allowed)
        self._proxies = proxies
        self._observers, self._start_observers = tuple(observers), tuple(start_observers)
        self._tracing = tracing or Tracing()

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        fields = fields_of(scope["headers"])
        context = RequestContext.of(
            fields, forwarded.client_address(scope.get("client"), fields, self._proxies)
        )
        if context.traceparent is not None:
            context.stages = self._tracing.stages_of(context.traceparent)
        request = ObservedRequest(context, scope, receive, send)
        context.receive, context.has_left = request.receive, scope.get(HAS_LEFT, never_left)
        with context:
            for observe in self._start_observers:
                observe(request)
            try:
                await self._serve(context, scope, fields, request)
            finally:
                request.end()
                for observe in self._observers:
                    observe(request)
                if context.stages is not None:
                    self._tracing.record(request, scope, fields)
                # PERF: the request refers to the context in turn, and only the garbage collector would free the two.
                context.receive = no_body

    async def _serve(
        self, context: RequestContext, scope: Event, fields: HeaderFields, request: ObservedRequest
    ) -> None:
        try:
            scope, host = forwarded.to_origin_form(scope, fields)
            forwarded.require_allowed_host(host, scope["http_version"], self._allowed)
            if (
                "\ufffd" in scope["path"]
            ):  # The server's decoder puts it in place of bytes that are not UTF-8.
                percent.require_utf8_path(scope.get("raw_path", b""))
            await self._app(_with_client(context.remote, scope), request.receive, request.send)
        except ClientDisconnected:
            return
        except Exception as error:
            if request.status is not None:
                if isinstance(error, GatewayError):
                    _log.warning("the response breaks off: %s, %s", error.code.code, error.code.title)
                raise  # The connection breaks, so that an incomplete response does not look complete.
            failure = error if isinstance(error, GatewayError) else error_response.unexpected_error(error)
            await error_response.send(failure, request.send)
        if not request.has_ended and _has_body(fields):
            await request.linger()


def _with_client(remote: str | None, scope: Event) -> Event:
    """Return the scope with the client's address, which differs from the peer's behind a trusted proxy."""
    client = scope.get("client")
    if remote == (client[0] if client else None):
        return scope
    return {**scope, "client": (remote, client[1] if client else 0) if remote else None}


def _has_body(fields: HeaderFields) -> bool:
    return b"transfer-encoding" in fields or fields.get(b"content-length", b"0").strip() != b"0"
