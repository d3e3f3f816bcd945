"""The access log: one line for every request."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from gateway.logs import ACCESS, Fields
from gateway.request_context import RequestContext
from gateway.server.observed_request import METHODS, ObservedRequest

#: The attributes of a record without a place in the code, a thread, and a process, which no line shows.
_BLANK = {
    **vars(logging.LogRecord(ACCESS, logging.INFO, "", 0, "", None, None)),
    **dict.fromkeys(("process", "processName", "thread", "threadName")),
}
_access = logging.getLogger(ACCESS)


class _Access(logging.LogRecord):
    """A record of the access log, built without the lookups of `logging.LogRecord`."""

    def __init__(self, message: str, fields: Fields) -> None:
        created = time.time()
        self.__dict__.update(_BLANK, msg=message, created=created, msecs=created % 1 * 1000, fields=fields)


def log_request(request: ObservedRequest) -> None:
    """Log a finished request."""
    figures = {
        "duration_ms": round(request.seconds * 1000, 1),
        "bytes_in": request.received_bytes,
        "bytes_out": request.sent_bytes,
    }
    if not request.is_complete:
        figures["complete"] = False
    log_access(request.context, request.method, request.status, figures)


def log_access(
    context: RequestContext, method: str | None, status: int | None, figures: Mapping[str, Any]
) -> None:
    """Log the result of a request, but never its query, body, or headers, which hold values and secrets."""
    # Not by `info`, which first looks for the line of code that calls it.
    if not _access.isEnabledFor(logging.INFO):
        return
    method = method if method in METHODS else None  # An unknown method may hold anything.
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
    _access.handle(_Access(f"{method or '-'} {context.path or '-'} {status or '-'}", fields))
