"""The access log: one line for every request."""

from collections.abc import Mapping
from http import HTTPMethod
from typing import Any

from gateway import logs
from gateway.request_context import RequestContext

_METHODS = frozenset(HTTPMethod.__members__)


def log_access(
    context: RequestContext, method: str | None, status: int | None, figures: Mapping[str, Any]
) -> None:
    """Log the result of a request, but never its query, body, or headers, which hold values and secrets."""
    method = method if method in _METHODS else None  # An unknown method may hold anything.
    fields = {
        "method": method,
        "path": context.path,
        "status": status,
        **figures,
        **context.notes,
        "token": context.token,
        "connector": context.connector,
        "remote": context.remote,
    }
    logs.log_access(f"{method or '-'} {context.path or '-'} {status or '-'}", fields)
