"""The methods of a connector, and their visibility."""

from falcon.asgi import Request, Response

from gateway.auth import permissions
from gateway.auth.credentials import Credentials
from gateway.connectors.connector import Connector
from gateway.endpoints.endpoint import Endpoint
from gateway.errors import Code, GatewayError

METHODS = ("OPTIONS", "GET", "HEAD", "POST")
#: Additional methods of connectors with `access.change`.
CHANGES = ("PUT", "PATCH", "DELETE")


def require_changes(req: Request, connector: Connector, credentials: Credentials) -> None:
    """Check that a connector has the methods of `CHANGES`; its next version may lack them.

    Raises:
        GatewayError: It has not, or the request may not know that.
    """
    if not connector.access.change:
        raise _no_such_method(req, connector, credentials.authenticate(req.auth))


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
