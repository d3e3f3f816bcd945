"""What is known of the request that is being answered; every line that is logged meanwhile carries it."""

import random
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass, field

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")
#: Version, trace, parent and flags; a version to come may have more behind them.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

Headers = Sequence[tuple[bytes, bytes]]
#: The headers by their names in lower case, see `fields_of`.
HeaderFields = Mapping[bytes, bytes]


def fields_of(headers: Headers) -> HeaderFields:
    """Give headers by their names, which are in lower case: of those of one name the values with commas between.

    That is what several mean where several may be (RFC 9110 section 5.3); no id has a comma.
    """
    fields = dict(headers)
    if len(fields) != len(headers):
        fields = {}
        for name, value in headers:
            fields[name] = fields[name] + b"," + value if name in fields else value
    return fields


@dataclass(slots=True)
class RequestContext:
    """One request and its answer. It is filled in by those who find something out, on the event loop.

    Attributes:
        request_id: The client's own where it is sane, else one that was made.
        traceparent: The W3C trace context that the client sent, or None.
        remote: The client's address, behind the proxies that are trusted; None where there is none.
        path: The path, once something is known to be served there. Another may hold anything, a secret too.
        connector: The connector's name, once it is known.
        token: The token's name, once it is known.
        outcome: What became of it: the code of an error, or the numbers of a receipt.
    """

    request_id: str
    traceparent: str | None = None
    remote: str | None = None
    path: str | None = None
    connector: str | None = None
    token: str | None = None
    outcome: Mapping[str, str | int | None] = field(default_factory=dict)

    @classmethod
    def of(cls, fields: HeaderFields, remote: str | None = None) -> "RequestContext":
        """Begin one with what the client says in its headers."""
        given = _text(fields.get(b"x-request-id"))
        request_id = given if given and _REQUEST_ID.fullmatch(given) else _new_id()
        return cls(request_id, parse_traceparent(_text(fields.get(b"traceparent"))), remote)

    def as_current(self) -> "_AsCurrent":
        """Make it the one that what is logged inside a block belongs to."""
        return _AsCurrent(self)


#: The context that this task, or the thread that works for it, belongs to.
current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


class _AsCurrent:
    """The block in which a context is the current one."""

    __slots__ = ("_before", "_context")

    def __init__(self, context: RequestContext) -> None:
        self._context = context

    def __enter__(self) -> None:
        self._before: Token[RequestContext | None] = current.set(self._context)

    def __exit__(self, *_: object) -> None:
        current.reset(self._before)


def note(**outcome: str | int | None) -> None:
    """Note what became of the request, for its line in the log: numbers and codes, never a value."""
    if context := current.get():
        context.outcome = outcome


def parse_traceparent(header: str | None) -> str | None:
    """Read a traceparent header (https://www.w3.org/TR/trace-context/#traceparent-header); None where it is not one."""
    found = _TRACEPARENT.match(header) if header else None
    if found is None or header is None:
        return None
    rest = header[found.end() :]
    # Of a later version only what version 00 has is understood, and passed on; behind a comma there is another one.
    is_later = found[1] != "00" and rest.startswith("-") and len(rest) < 200 and "," not in rest
    is_sound = not rest or is_later
    return found[0] if is_sound else None


def never_left() -> bool:
    """Say that a client has not left, where nothing else can tell."""
    return False


def _new_id() -> str:
    """Make an id. It only has to be another one each time, so it need not cost a call of the system."""
    return f"{random.getrandbits(128):032x}"  # no secret


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1").strip()
