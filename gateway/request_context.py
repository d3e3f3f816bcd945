"""The context of the request that is being answered: its identity, its client and what the log says about it.

Every record that is logged while the context is current carries its ids.
"""

import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any, Self

from gateway.errors import RowErrors
from gateway.stage_times import StageTimes

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
#: Version, trace, parent and flags; a later version may append more fields.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

Headers = Sequence[tuple[bytes, bytes]]
#: Header values by name in lower case, see `fields_of`.
HeaderFields = Mapping[bytes, bytes]


def fields_of(headers: Headers) -> HeaderFields:
    """Return headers by name; values of one name are joined with commas (RFC 9110 section 5.3).

    Args:
        headers: Pairs whose names are in lower case.
    """
    fields = dict(headers)
    if len(fields) != len(headers):
        fields = {}
        for name, value in headers:
            fields[name] = fields[name] + b"," + value if name in fields else value
    return fields


def never_left() -> bool:
    """Report that a client is connected, where the server has no way to find out."""
    return False


async def no_body() -> dict[str, Any]:
    """Return the ASGI event of a request whose body cannot be read."""
    return {"type": "http.disconnect"}


@dataclass(slots=True)
class RequestContext:
    """One request and its answer.

    The event loop fills it in, except `rows`, which the thread that parses the body counts, and `stages`, which any
    thread appends to. The event loop reads `rows` after that thread has finished. It holds no exception, whose
    traceback would refer to it in turn.

    Attributes:
        request_id: The client's own id if it is well formed, else a generated one.
        traceparent: The W3C trace context that the client sent, or None.
        remote: The client's address behind the trusted proxies, or None.
        receive: Returns the next ASGI event of the body. Falcon's own stream hides that a body broke off.
        has_left: Whether the client has disconnected. Any thread may call it.
        path: The path, once a resource is known to be there. An unknown path may hold a secret.
        connector: The connector's name, once it is known.
        token: The token's name, once it is known.
        notes: The result, for the access log: an error code, or the numbers of a receipt. Never a value of a row.
        rows: How many rows of the body were parsed; rate limits charge them.
        is_download: Whether a page gives the rows of an endpoint as a file, which counts as a read of it.
        served_rows: How many rows of a connector the response has; of a stream, those that were sent.
        row_errors: The errors of single rows that the response lists, or None.
        stages: When its stages began, if the request is traced; else None.
        cache_basis: The state that the response depends on, set by the request cache; None if it is not cached.
    """

    request_id: str
    traceparent: str | None = None
    remote: str | None = None
    receive: Callable[[], Awaitable[dict[str, Any]]] = no_body
    has_left: Callable[[], bool] = never_left
    path: str | None = None
    connector: str | None = None
    token: str | None = None
    notes: Mapping[str, str | int | None] = field(default_factory=dict)
    rows: int = 0
    is_download: bool = False
    served_rows: int = 0
    row_errors: RowErrors | None = None
    stages: StageTimes | None = None
    cache_basis: object = None
    _before: "Token[RequestContext] | None" = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, fields: HeaderFields, remote: str | None = None) -> "RequestContext":
        """Build the context of a request from its headers and its client's address."""
        given = _text(fields.get(b"x-request-id"))
        request_id = given if given and _REQUEST_ID.fullmatch(given) else _new_id()
        return cls(request_id, parse_traceparent(_text(fields.get(b"traceparent"))), remote)

    def __enter__(self) -> Self:
        """Set this as the current context; leaving the block resets it. It is entered once at a time."""
        self._before = current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        # PERF: the token refers to this context in turn, and only the garbage collector would free the two.
        before, self._before = self._before, None
        assert before is not None
        current.reset(before)


#: The context of the request that this task, or the thread that works for it, belongs to. It is unset outside of one.
current: ContextVar[RequestContext] = ContextVar("request_context")


def note(**notes: str | int | None) -> None:
    """Replace the notes of the current request with numbers and codes for its line in the access log."""
    if context := current.get(None):
        context.notes = notes


def current_stages() -> StageTimes | None:
    """Return the stages of the current request, if it is traced."""
    context = current.get(None)
    return None if context is None else context.stages


def begin_stage(name: str) -> None:
    """Begin a stage of the current request, if it is traced; it ends where the next one begins."""
    if (stages := current_stages()) is not None:
        stages.begin(name)


def end_stage() -> None:
    """End the stage of the current request that runs, if it is traced."""
    if (stages := current_stages()) is not None:
        stages.end()


def parse_traceparent(header: str | None) -> str | None:
    """Parse a traceparent header; return None if it is invalid.

    https://www.w3.org/TR/trace-context/#traceparent-header
    """
    found = _TRACEPARENT.match(header) if header else None
    if found is None or header is None:
        return None
    rest = header[found.end() :]
    # Only the fields of version 00 are passed on. A comma would begin a second value.
    is_later = found[1] != "00" and rest.startswith("-") and len(rest) < 200 and "," not in rest
    is_valid = not rest or is_later
    return found[0] if is_valid else None


def _new_id() -> str:
    # Ids must be unique, not secret, so they cost no system call.
    return f"{random.getrandbits(128):032x}"


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1").strip()
