"""Rate limits around the responders of a connector."""

from collections.abc import Awaitable, Callable, Iterable, Iterator

from falcon.asgi import Request, Response

from gateway.auth.permissions import sees
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
    quotas = auth.rate_limits

    async def respond_within(req: Request, resp: Response) -> None:
        token = auth.credentials.name_of(req.auth)
        counting = quotas.of(connector, token, req.remote_addr) if sees(token, connector.access) else []
        try:
            for quota in counting:
                quota.enter(quotas.now(), brings_rows=req.method in _BRINGS_ROWS)
            await responder(req, resp)
        finally:
            now, rows = quotas.now(), current.get().rows
            for quota in counting:
                quota.charge(rows, now)
            if counting:
                resp.set_headers(min(counting, key=lambda quota: quota.share_left(now)).headers(now))

    def respond(req: Request, resp: Response) -> Awaitable[None]:
        return respond_within(req, resp) if quotas.limit(connector) else responder(req, resp)

    return respond


def counted(rows: Iterable[Rows], context: RequestContext) -> Iterator[Rows]:
    """Count rows as they are parsed, good and bad."""
    context.rows = 0
    for some in rows:
        context.rows += len(some.values) + len(some.errors)
        yield some
