"""The methods of a connector, their visibility, and the authorization of writes."""

from falcon.asgi import Request, Response

from gateway.auth import permissions
from gateway.auth.credentials import Credentials
from gateway.auth.permissions import Verb
from gateway.connectors.connector import Connector
from gateway.endpoints.endpoint import Endpoint
from gateway.errors import Code, GatewayError, not_implemented

METHODS = ("OPTIONS", "GET", "HEAD", "POST")
#: Additional methods of connectors with `access.change`.
CHANGES = ("PUT", "PATCH", "DELETE")


def authorize_write(req: Request, connector: Connector, credentials: Credentials, verb: Verb) -> str | None:
    """Return the name of the request's token, None without one.

    Raises:
        GatewayError: The token is unknown or lacks the verb, the connector has no such method, or the request has
            an If-Match, which writes do not implement.
    """
    token = credentials.authenticate(req.auth)
    if verb == "change" and not connector.access.change:
        raise _no_such_method(req, connector, token)
    permissions.require(token, connector, verb)
    if req.get_header("If-Match"):
        hint = "leave it out, and filter on the values that were read instead, such as n=eq.3"
        raise not_implemented("If-Match on a write", hint)
    return token


class Methods:
    """Answers OPTIONS, and refuses methods that connectors do not have. Belongs to the event loop."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def options(self, endpoint: Endpoint, req: Request, resp: Response) -> None:
        """Answer OPTIONS with the list of methods."""
        _require_visible(endpoint.connector, self._credentials.authenticate(req.auth))
        resp.set_header("Allow", ", ".join(_methods_of(endpoint.connector)))

    async def refuse(self, endpoint: Endpoint, req: Request, resp: Response) -> None:
        """Refuse a method that connectors do not have."""
        raise _no_such_method(req, endpoint.connector, self._credentials.authenticate(req.auth))


def _methods_of(connector: Connector) -> tuple[str, ...]:
    return METHODS + (CHANGES if connector.access.change else ())


def _no_such_method(req: Request, connector: Connector, token: str | None) -> GatewayError:
    _require_visible(connector, token)
    allow = ", ".join(_methods_of(connector))
    hint = None
    if req.method in CHANGES:
        hint = "to allow changes and deletions, write access: {change: [NAME]} in the connector's file"
    message = f"{req.method} is not one of {allow}"
    return GatewayError(Code.METHOD_NOT_ALLOWED, message, hint=hint, headers={"Allow": allow})


def _require_visible(connector: Connector, token: str | None) -> None:
    if not permissions.can_see(token, connector.access):
        raise permissions.unknown_endpoint(connector.path)
