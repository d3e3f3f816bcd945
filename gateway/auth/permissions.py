"""Permissions: the connectors and operations that a token is allowed to use."""

from typing import Literal

from gateway.auth.authorization_header import CHALLENGE, HINT
from gateway.connectors.connector import ADMIN, PUBLIC, Access, Connector
from gateway.errors import Code, GatewayError

Verb = Literal["ingest", "read", "change"]

ADMIN_FILE = "admin-token"


def can_see(token: str | None, access: Access) -> bool:
    """Return whether a token has any permission on a connector, and so may know that it exists."""
    return any(can(token, access, verb) for verb in ("ingest", "read", "change"))


def can(token: str | None, access: Access, verb: Verb) -> bool:
    """Return whether a token has one permission."""
    allowed: frozenset[str] = getattr(access, verb)
    return token == ADMIN or PUBLIC in allowed or (token is not None and token in allowed)


def require(token: str | None, connector: Connector, verb: Verb) -> None:
    """Check that a token has one permission on a connector.

    Raises:
        GatewayError: 404 if the token must not know that the connector exists, else 401 or 403.
    """
    if can(token, connector.access, verb):
        return
    if not can_see(token, connector.access):
        raise unknown_endpoint(connector.path)
    if token is None:
        raise GatewayError(
            Code.TOKEN_REQUIRED, f"a token is required to {verb} here", hint=HINT, headers=CHALLENGE
        )
    raise GatewayError(
        Code.ACCESS_DENIED,
        f"the token '{token}' may not {verb} here",
        hint=f"add it to access.{verb} in the connector's file",
    )


def require_admin(token: str | None) -> None:
    """Check that a token is the admin token.

    Raises:
        GatewayError: 401 without a token, 403 with another one.
    """
    if token is None:
        hint = f"send the header Authorization: Bearer and the admin token, from DATA/{ADMIN_FILE}"
        raise GatewayError(
            Code.TOKEN_REQUIRED,
            "the admin token is required to operate the gateway",
            hint=hint,
            headers=CHALLENGE,
        )
    if token != ADMIN:
        raise GatewayError(Code.ACCESS_DENIED, f"the token '{token}' may not operate the gateway")


def unknown_endpoint(path: str) -> GatewayError:
    """Build the error for a path without an endpoint, and for an endpoint that the token must not know about."""
    hint = "check the path, and send a token if the endpoint requires one"
    return GatewayError(
        Code.ENDPOINT_UNKNOWN, f"there is no endpoint {path[:200]!r} that you may see", hint=hint
    )
