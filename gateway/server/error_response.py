"""Turns a GatewayError into the status, headers, and bytes of a response.

The arbiter imports this with the worker class, so it must not import duckdb: a process that forks after that import
aborts at exit once it has started a thread.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from gateway import strictjson
from gateway.errors import Code, GatewayError, trace
from gateway.request_context import RequestContext, current, note

_log = logging.getLogger(__name__)

JSON = "application/json; charset=utf-8"
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")

#: The errors that Falcon and gunicorn raise by themselves.
_BY_STATUS = {
    400: Code.REQUEST_MALFORMED,
    404: Code.ENDPOINT_UNKNOWN,
    405: Code.METHOD_NOT_ALLOWED,
    408: Code.HEADERS_TOO_SLOW,
    413: Code.BODY_TOO_LARGE,
    414: Code.URI_TOO_LONG,
    415: Code.MEDIA_TYPE_UNSUPPORTED,
    431: Code.HEADERS_TOO_LARGE,
}


def headers(error: GatewayError) -> dict[str, str]:
    """Return the headers of an error."""
    return {**error.headers, "Content-Type": JSON, "Proxy-Status": f"PostgREST; error={error.code.code}"}


def body(error: GatewayError) -> bytes:
    """Return the body of an error, a JSON object; note its code and its row errors for the observers of the request."""
    note(code=error.code.code)
    if context := current.get(None):
        context.row_errors = error.row_errors
    return strictjson.write(error.body())


def error_of_status(status: int) -> GatewayError:
    """Return the error for a status that Falcon or gunicorn chose."""
    code = _BY_STATUS.get(status, Code.REQUEST_MALFORMED if status < 500 else Code.INTERNAL)
    return GatewayError(code)


def common_headers(context: RequestContext) -> list[tuple[bytes, bytes]]:
    """Return the headers of every response."""
    request_id = (b"x-request-id", context.request_id.encode())
    if context.traceparent is None:
        return [request_id, _NO_SNIFFING]
    return [request_id, (b"traceparent", context.traceparent.encode()), _NO_SNIFFING]


def unexpected_error(error: BaseException) -> GatewayError:
    """Log an unexpected error under the request's id, and return the error for the client, which shows only the id."""
    context = current.get(None) or RequestContext.of({})
    _log.error("request %s failed: %s", context.request_id, trace(error))
    hint = "send the id to the operator of the gateway"
    return GatewayError(Code.INTERNAL, details=f"The id of the request is {context.request_id}", hint=hint)


async def send(error: GatewayError, to: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Send an error as the response to an ASGI request."""
    text = body(error)
    lines = [(name.lower().encode(), value.encode()) for name, value in headers(error).items()]
    lines.append((b"content-length", str(len(text)).encode()))
    await to({"type": "http.response.start", "status": error.status, "headers": lines})
    await to({"type": "http.response.body", "body": text})
