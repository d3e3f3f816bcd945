"""Repeats: the answers of the cache, given again to who asks the very same, before Falcon makes a request of it.

Most of what a repeated answer costs is to find out that it is one: to route, to negotiate, to understand the query.
The same headers make the same of all that. What may have become another since is asked each time: which endpoint is
at the path, whose token it is, whether limits hold, and which rows there are.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from gateway.auth.credentials import Credentials
from gateway.auth.rate_limit import RateLimits
from gateway.connectors.connector import Connector
from gateway.endpoints.etag_cache import EtagCache
from gateway.request_context import current
from gateway.server.scope import Asgi, Event, Receive, Send
from gateway.store.interface import StoreReader, Version

#: How many questions of a connector are remembered with the answers' headers, and how long their headers may be.
MAX_QUESTIONS, MAX_QUESTION_BYTES = 64, 2048

#: The headers that no answer depends on. They differ from one request to the next.
_ASIDE = (b"x-request-id", b"traceparent", b"tracestate", b"x-forwarded-for")


class RequestKey(NamedTuple):
    """All that a GET says.

    Attributes:
        asker: A hash of the Authorization header. It only tells askers apart, and need not be secret nor without
            collisions: that the header proves the token's name is asked anyway.
    """

    path: str
    query_string: bytes
    asker: int
    headers: tuple[tuple[bytes, bytes], ...]

    @property
    def is_short(self) -> bool:
        """Whether it may be remembered."""
        told = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.path) + len(self.query_string) + told <= MAX_QUESTION_BYTES


@dataclass(frozen=True, slots=True)
class Validity:
    """What an answer goes by: while it is the same, so is the answer.

    Attributes:
        repeats: Those of the endpoint that answers.
        token: The name of the asker's token.
        version: That of the rows.
        etag: What the answer is kept under in the cache.
    """

    request_cache: "RequestCache"
    token: str | None
    version: Version
    etag: str


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """An answer that is ready to be sent once more.

    Attributes:
        start: The event that it began with.
        body: The whole body.
    """

    token: str | None
    start: Event
    body: bytes


class RequestCache:
    """The answers of one endpoint that were asked for again. They go with it. Belongs to the event loop."""

    def __init__(
        self,
        connector: Connector,
        store: StoreReader,
        cache: EtagCache,
        credentials: Credentials,
        rate_limits: RateLimits,
    ) -> None:
        self.connector = connector
        self._store = store
        self._cache = cache
        self._credentials = credentials
        self._rate_limits = rate_limits
        self._kept: OrderedDict[RequestKey, tuple[Validity, Event]] = OrderedDict()

    def note(self, token: str | None, version: Version, etag: str) -> None:
        """Note on a request that it is answered with what the cache has; the headers show when they are sent."""
        if not self._rate_limits.applies_to(self.connector):
            current.get().cache_basis = Validity(self, token, version, etag)

    def keep(self, question: RequestKey, basis: Validity, start: Event) -> None:
        """Keep what an answer began with, and forget the question that was not asked for the longest."""
        answer = self._cache.find(basis.etag)
        if answer is None or answer.status != start["status"] or not question.is_short:
            return  # It became another answer on its way out, such as that of a fault.
        self._kept[question] = basis, start
        if len(self._kept) > MAX_QUESTIONS:
            self._kept.popitem(last=False)

    def find(self, question: RequestKey, authorization: str | None) -> CachedResponse | None:
        """Give the answer to a question where nothing that it went by is another now."""
        kept = self._kept.get(question)
        if kept is None:
            return None
        basis, start = kept
        if (
            self._store.version(self.connector.name) == basis.version
            and (answer := self._cache.find(basis.etag))
            and self._credentials.proves(authorization, basis.token)
            and not self._rate_limits.applies_to(self.connector)
        ):
            self._kept.move_to_end(question)
            return CachedResponse(basis.token, start, answer.body)
        return None


class RequestCacheMiddleware:
    """An ASGI application that gives answers again, around the one that gives them first."""

    def __init__(self, app: Asgi, request_cache_at: Callable[[str], RequestCache | None]) -> None:
        """Take what answers, and what tells the repeats of the endpoint that is at a path now."""
        self._app = app
        self._repeats_at = request_cache_at

    def __call__(self, scope: Event, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        request_cache = self._repeats_at(scope["path"]) if scope["method"] == "GET" else None
        asked = _question_of(scope) if request_cache else None
        if request_cache is None or asked is None:
            return self._app(scope, receive, send)
        question, authorization = asked
        if repeat := request_cache.find(question, authorization):
            context = current.get()
            context.path, context.connector = question.path, request_cache.connector.name
            context.token = repeat.token
            return _send_again(repeat, send)

        async def send_and_keep(event: Event) -> None:
            await send(event)
            if event["type"] == "http.response.start" and isinstance(
                basis := current.get().cache_basis, Validity
            ):
                basis.request_cache.keep(question, basis, event)

        return self._app(scope, receive, send_and_keep)


async def _send_again(repeat: CachedResponse, send: Send) -> None:
    await send(repeat.start)
    await send({"type": "http.response.body", "body": repeat.body})


def _question_of(scope: Event) -> tuple[RequestKey, str | None] | None:
    """Give a question and its Authorization header; None where a header stands there twice."""
    headers = scope["headers"]
    fields = dict(headers)
    if len(fields) != len(headers):
        return None
    for name in _ASIDE:
        fields.pop(name, None)
    asker = fields.pop(b"authorization", None)
    question = RequestKey(scope["path"], scope["query_string"], hash(asker), tuple(fields.items()))
    return question, asker.decode("latin-1") if asker else None
