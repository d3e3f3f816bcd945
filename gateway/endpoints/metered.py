"""Rate limits around the responders of a connector."""

from collections.abc import Awaitable, Callable, Iterable, Iterator

from falcon.asgi import Request, Response

from gateway.auth.permissions import can_see
from gateway.connectors.connector import Connector
from gateway.endpoints.services import Auth
from gateway.ingest.rows import Rows
from gateway.request_context import RequestContext, current

#: The methods whose bodies hold rows.
_BRINGS_ROWS = frozenset({"POST", "PUT"})

Responder = Callable[[Request, Response], Awaitable[None]]


def metered(connector: Connector, responder: Responder, auth: Auth) -> Responder:
    """Return a responder that counts requests against the rate limits of a connector and a token.

    Requests of tokens that must not know the connector are not counted. The next version of a connector keeps the
    counts while its limits are the same, and so does a token.
    """
    rate_limits = auth.rate_limits

    async def respond_within(req: Request, resp: Response) -> None:
        token = auth.credentials.authenticate(req.auth)
        limits = rate_limits.of(connector, token, req.remote_addr) if can_see(token, connector.access) else []
        try:
            for rate_limit in limits:
                rate_limit.admit(rate_limits.now(), brings_rows=req.method in _BRINGS_ROWS)
            await responder(req, resp)
        finally:
            now, rows = rate_limits.now(), current.get().rows
            for rate_limit in limits:
                rate_limit.charge(rows, now)
            if limits:
                resp.set_headers(min(limits, key=lambda rate_limit: rate_limit.share_left(now)).headers(now))

    def respond(req: Request, resp: Response) -> Awaitable[None]:
        return respond_within(req, resp) if rate_limits.applies_to(connector) else responder(req, resp)

    return respond


def counted(rows: Iterable[Rows], context: RequestContext) -> Iterator[Rows]:
    """Yield parsed rows, and count valid and invalid ones in the request context."""
    context.rows = 0
    for group in rows:
        context.rows += len(group.values) + len(group.errors)
        yield group
