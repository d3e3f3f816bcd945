"""Cached responses for identical requests, served before Falcon parses the request.

Most of the cost of a cached response is to recognize the request: to route, to negotiate, and to parse the query.
Identical headers give identical results of all that. Four things may change and are checked each time: the endpoint
at the path, the token, the rate limits, and the version of the rows.
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

#: Requests that are remembered of each connector, and the maximum size of one: its path, query string, and headers.
MAX_REQUESTS, MAX_REQUEST_BYTES = 64, 2048

#: Headers that no response depends on, although they differ from request to request.
_IGNORED_HEADERS = (b"x-request-id", b"traceparent", b"tracestate", b"x-forwarded-for")


class RequestKey(NamedTuple):
    """The parts of a GET that its response depends on.

    Attributes:
        authorization_hash: A hash of the Authorization header. It may collide and need not be secret, because the
            cache checks that the header proves the cached token.
    """

    path: str
    query_string: bytes
    authorization_hash: int
    headers: tuple[tuple[bytes, bytes], ...]

    @property
    def is_short(self) -> bool:
        """True if it is short enough to be cached."""
        header_bytes = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.path) + len(self.query_string) + header_bytes <= MAX_REQUEST_BYTES


@dataclass(frozen=True, slots=True)
class Validity:
    """The values that a cached response depends on; it is valid while they are unchanged.

    Attributes:
        request_cache: The cache of the endpoint that answered.
        token: The name of the request's token, None without one.
        version: The version of the rows.
        etag: The key of the response in the ETag cache.
    """

    request_cache: "RequestCache"
    token: str | None
    version: Version
    etag: str


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """A response that is ready to be sent again.

    Attributes:
        token: The name of the request's token, None without one.
        start: The ASGI event with its status and headers.
        body: The whole body.
        rows: The number of rows in it.
    """

    token: str | None
    start: Event
    body: bytes
    rows: int


class RequestCache:
    """The cached responses of one endpoint, discarded with it. Belongs to the event loop."""

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
        self._etag_cache = cache
        self._credentials = credentials
        self._rate_limits = rate_limits
        self._responses: OrderedDict[RequestKey, tuple[Validity, Event]] = OrderedDict()

    def mark_cacheable(self, token: str | None, version: Version, etag: str) -> None:
        """Record on the request context that its response may be cached; its headers are stored when they are sent."""
        if not self._rate_limits.applies_to(self.connector):
            current.get().cache_basis = Validity(self, token, version, etag)

    def store(self, request_key: RequestKey, validity: Validity, start: Event) -> None:
        """Cache the start event of a response, and evict the least recently used request."""
        tagged = self._etag_cache.find(validity.etag)
        if tagged is None or tagged.status != start["status"] or not request_key.is_short:
            return  # The response was replaced after its lookup, for example by an error.
        self._responses[request_key] = validity, start
        if len(self._responses) > MAX_REQUESTS:
            self._responses.popitem(last=False)

    def find(self, request_key: RequestKey, authorization: str | None) -> CachedResponse | None:
        """Return the cached response to a request, None if any value it depends on has changed."""
        cached = self._responses.get(request_key)
        if cached is None:
            return None
        validity, start = cached
        if (
            self._store.version(self.connector.name) == validity.version
            and (tagged := self._etag_cache.find(validity.etag))
            and self._credentials.proves(authorization, validity.token)
            and not self._rate_limits.applies_to(self.connector)
        ):
            self._responses.move_to_end(request_key)
            self._etag_cache.repeats += 1
            return CachedResponse(validity.token, start, tagged.body, tagged.rows)
        return None


class RequestCacheMiddleware:
    """ASGI middleware that answers repeated requests from the cache. Belongs to the event loop."""

    def __init__(self, app: Asgi, request_cache_at: Callable[[str], RequestCache | None]) -> None:
        """Wrap an application; `request_cache_at` returns the cache of the endpoint that is live at a path."""
        self._app = app
        self._request_cache_at = request_cache_at

    def __call__(self, scope: Event, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request."""
        request_cache = self._request_cache_at(scope["path"]) if scope["method"] == "GET" else None
        parsed = _request_key_of(scope) if request_cache else None
        if request_cache is None or parsed is None:
            return self._app(scope, receive, send)
        request_key, authorization = parsed
        if response := request_cache.find(request_key, authorization):
            context = current.get()
            context.path, context.connector = request_key.path, request_cache.connector.name
            context.token, context.served_rows = response.token, response.rows
            if context.stages is not None:
                context.stages.begin("cache")
            return _send_cached(response, send)

        async def send_and_store(event: Event) -> None:
            await send(event)
            if event["type"] == "http.response.start" and isinstance(
                validity := current.get().cache_basis, Validity
            ):
                validity.request_cache.store(request_key, validity, event)

        return self._app(scope, receive, send_and_store)


async def _send_cached(response: CachedResponse, send: Send) -> None:
    await send(response.start)
    await send({"type": "http.response.body", "body": response.body})


def _request_key_of(scope: Event) -> tuple[RequestKey, str | None] | None:
    """Return the key of a request and its Authorization header; None if a header occurs twice."""
    headers = scope["headers"]
    fields = dict(headers)
    if len(fields) != len(headers):
        return None
    for name in _IGNORED_HEADERS:
        fields.pop(name, None)
    authorization = fields.pop(b"authorization", None)
    request_key = RequestKey(scope["path"], scope["query_string"], hash(authorization), tuple(fields.items()))
    return request_key, authorization.decode("latin-1") if authorization else None
