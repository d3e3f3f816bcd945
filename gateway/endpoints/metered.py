"""Rate limits around the responders of a connector."""

from collections.abc import Awaitable, Callable, Iterable, Iterator

from falcon.asgi import Request, Response

from gateway.auth.permissions import can_see
from gateway.connectors.connector import Connector
from gateway.endpoints.services import Auth
from gateway.ingest.rows import Rows
from gateway.request_context import RequestContext, current

#: The methods that bring rows.
_BRINGS_ROWS = frozenset({"POST", "PUT"})

Responder = Callable[[Request, Response], Awaitable[None]]


def metered(connector: Connector, responder: Responder, auth: Auth) -> Responder:
    """Give a responder that counts every request of those who may know of the connector.

    A connector of the same name goes on with what was counted while its limits are the same, as a token does.
    """
    rate_limits = auth.rate_limits

    async def respond_within(req: Request, resp: Response) -> None:
        token = auth.credentials.authenticate(req.auth)
        counting = (
            rate_limits.of(connector, token, req.remote_addr) if can_see(token, connector.access) else []
        )
        try:
            for rate_limit in counting:
                rate_limit.admit(rate_limits.now(), brings_rows=req.method in _BRINGS_ROWS)
            await responder(req, resp)
        finally:
            now, rows = rate_limits.now(), current.get().rows
            for rate_limit in counting:
                rate_limit.charge(rows, now)
            if counting:
                resp.set_headers(
                    min(counting, key=lambda rate_limit: rate_limit.share_left(now)).headers(now)
                )

    def respond(req: Request, resp: Response) -> Awaitable[None]:
        return respond_within(req, resp) if rate_limits.applies_to(connector) else responder(req, resp)

    return respond


def counted(rows: Iterable[Rows], context: RequestContext) -> Iterator[Rows]:
    """Count rows as they are parsed, good and bad."""
    context.rows = 0
    for some in rows:
        context.rows += len(some.values) + len(some.errors)
        yield some
