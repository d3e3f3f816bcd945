"""What a token may do."""

from typing import Literal

from gateway.auth.authorization_header import CHALLENGE, HINT
from gateway.connectors.connector import ADMIN, PUBLIC, Access, Connector
from gateway.errors import Code, GatewayError

Verb = Literal["ingest", "read", "change"]

ADMIN_FILE = "admin-token"


def can_see(token: str | None, access: Access) -> bool:
    """Tell whether a token can do anything at all with a connector."""
    return any(can(token, access, verb) for verb in ("ingest", "read", "change"))


def can(token: str | None, access: Access, verb: Verb) -> bool:
    """Tell whether a token can do one thing."""
    allowed: frozenset[str] = getattr(access, verb)
    return token == ADMIN or PUBLIC in allowed or (token is not None and token in allowed)


def require(token: str | None, connector: Connector, verb: Verb) -> None:
    """Let a token do one thing, or raise.

    Raises:
        GatewayError: 404 where it may not even know that the connector exists, else 401 or 403.
    """
    if can(token, connector.access, verb):
        return
    if not can_see(token, connector.access):
        raise unknown_endpoint(connector.path)
    if token is None:
        raise GatewayError(Code.TOKEN_REQUIRED, f"to {verb} here takes a token", hint=HINT, headers=CHALLENGE)
    raise GatewayError(
        Code.ACCESS_DENIED,
        f"the token '{token}' may not {verb} here",
        hint=f"add it to access.{verb} in the connector's file",
    )


def require_admin(token: str | None) -> None:
    """Let the admin token operate the gateway, or raise."""
    if token is None:
        hint = f"send the header Authorization: Bearer and the admin token, from DATA/{ADMIN_FILE}"
        raise GatewayError(
            Code.TOKEN_REQUIRED, "operating the gateway takes the admin token", hint=hint, headers=CHALLENGE
        )
    if token != ADMIN:
        raise GatewayError(Code.ACCESS_DENIED, f"the token '{token}' may not operate the gateway")


def unknown_endpoint(path: str) -> GatewayError:
    """Say that there is nothing at a path, in the same words whether or not that is the whole truth."""
    hint = "look at the path, and send the token if the endpoint needs one"
    return GatewayError(
        Code.ENDPOINT_UNKNOWN, f"there is no endpoint {path[:200]!r} that you may see", hint=hint
    )
