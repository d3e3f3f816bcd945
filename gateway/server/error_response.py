"""A GatewayError to the status, headers and bytes of an answer, for whoever has to give one.

The arbiter imports this by way of the worker class, so nothing here may lead to duckdb: a process that forks
after importing it aborts at exit once it has started a thread.
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

#: What Falcon, and gunicorn before it, refuse by themselves.
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
    """Give the headers of an error."""
    return {**error.headers, "Content-Type": JSON, "Proxy-Status": f"PostgREST; error={error.code.code}"}


def body(error: GatewayError) -> bytes:
    """Give the one JSON object that every error is; its code goes into the log."""
    note(code=error.code.code)
    return strictjson.write(error.body())


def error_of_status(status: int) -> GatewayError:
    """Give the error for a status that something below the gateway's own code decided on."""
    code = _BY_STATUS.get(status, Code.REQUEST_MALFORMED if status < 500 else Code.INTERNAL)
    return GatewayError(code)


def common_headers(context: RequestContext) -> list[tuple[bytes, bytes]]:
    """Give the headers that every answer has, an error or not."""
    request_id = (b"x-request-id", context.request_id.encode())
    if context.traceparent is None:
        return [request_id, _NO_SNIFFING]
    return [request_id, (b"traceparent", context.traceparent.encode()), _NO_SNIFFING]


def unexpected_error(error: BaseException) -> GatewayError:
    """Give the error for what nobody foresaw; only the log learns what it was, under the request's id."""
    context = current.get(None) or RequestContext.of({})
    _log.error("request %s failed: %s", context.request_id, trace(error))
    hint = "give the id to whoever runs the gateway"
    return GatewayError(Code.INTERNAL, details=f"The id of the request is {context.request_id}", hint=hint)


async def send(error: GatewayError, to: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Answer an ASGI request with an error."""
    text = body(error)
    lines = [(name.lower().encode(), value.encode()) for name, value in headers(error).items()]
    lines.append((b"content-length", str(len(text)).encode()))
    await to({"type": "http.response.start", "status": error.status, "headers": lines})
    await to({"type": "http.response.body", "body": text})
