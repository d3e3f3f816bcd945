"""Permissions: what a token may see and do. `sight_of` alone decides it for JSON, documents, and pages."""

from dataclasses import dataclass
from typing import Literal

from gateway.auth.authorization_header import CHALLENGE, HINT
from gateway.auth.data_files import ADMIN_FILE
from gateway.connectors.connector import ADMIN, PUBLIC, Access, Connector
from gateway.errors import Code, GatewayError

Verb = Literal["ingest", "read", "change"]

#: A choice of batches or rejected rows: none, those of the asker's own token, or all.
Extent = Literal["none", "own", "all"]

VERBS: tuple[Verb, ...] = ("ingest", "read", "change")


@dataclass(frozen=True, slots=True)
class Asker:
    """The sender of a request.

    Attributes:
        token: The name of its token, None without one.
        views: Whether it may see the state of every connector: the admin token, or one with `view: true`.
    """

    token: str | None = None
    views: bool = False

    @property
    def is_admin(self) -> bool:
        """True if it may operate the gateway."""
        return self.token == ADMIN


@dataclass(frozen=True, slots=True)
class Sight:
    """The parts of one connector that an asker may see, and its permissions.

    Attributes:
        verbs: What it may do with rows, `access` permitting.
        is_visible: Whether it may know that the connector exists: its path, its fields, and its documents.
        has_state: Whether it may see the file, state, permissions, history, and activity.
        has_row_count: Whether it may see how many rows there are.
        batches: The batches that it may see.
        rejected_counts: The rejected rows that are counted for it.
        rejected: The rejected rows whose texts it may read.
        settles: The rejected rows that it may replay and discard.
    """

    verbs: frozenset[Verb]
    is_visible: bool
    has_state: bool
    has_row_count: bool
    batches: Extent
    rejected_counts: Extent
    rejected: Extent
    settles: Extent


def sight_of(asker: Asker, access: Access) -> Sight:
    """Return what an asker may see and do of a connector with these permissions."""
    # Where `change` is left out, no token may change rows, not even the admin token.
    possible = VERBS if access.change else ("ingest", "read")
    verbs = frozenset(verb for verb in possible if can(asker.token, access, verb))
    own: Extent = "own" if asker.token is not None and "ingest" in verbs else "none"
    viewed: Extent = "all" if asker.views else own
    return Sight(
        verbs=verbs,
        is_visible=asker.views or bool(verbs),
        has_state=asker.views,
        has_row_count=asker.views or "read" in verbs,
        batches=viewed,
        rejected_counts=viewed,
        rejected="all" if asker.views and "read" in verbs else own,
        settles="all" if asker.is_admin else own,
    )


def can_see(token: str | None, access: Access) -> bool:
    """Return whether a token has any permission on a connector, and so may know that it exists."""
    return any(can(token, access, verb) for verb in VERBS)


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
    raise denied(token, verb)


def denied(token: str | None, verb: Verb) -> GatewayError:
    """Build the error of a token without a permission on a connector that it may see."""
    if token is None:
        return _token_required(f"a token is required to {verb} here")
    return _access_denied(token, f"{verb} here", f"add it to access.{verb} in the connector's file")


def require_seen(seen: Extent | bool, asker: Asker, part: str) -> None:
    """Check that an asker may see one part of a connector that is visible to it.

    Args:
        seen: What its `Sight` says of the part.
        asker: The sender of the request.
        part: The part in the words of the error, such as "the batches of 'orders'".

    Raises:
        GatewayError: 401 without a token, 403 with another one.
    """
    if seen not in (False, "none"):
        return
    if asker.token is None:
        raise _token_required(f"a token is required for {part}")
    hint = "use a token that access permits, one with view: true in the tokens file, or the admin token"
    raise _access_denied(asker.token, f"see {part}", hint)


def require_token(token: str | None, action: str) -> None:
    """Check that an asker has any token.

    Raises:
        GatewayError: 401, it has none.
    """
    if token is None:
        raise _token_required(f"a token is required to {action}")


def require_view(asker: Asker) -> None:
    """Check that an asker may see the state of the gateway.

    Raises:
        GatewayError: 401 without a token, 403 with one that neither views nor is the admin token.
    """
    if not asker.views:
        who = "the admin token, or one with view: true in the tokens file,"
        raise _operators_only(asker.token, "see the state of the gateway", who)


def require_admin(token: str | None) -> None:
    """Check that a token is the admin token.

    Raises:
        GatewayError: 401 without a token, 403 with another one.
    """
    if token != ADMIN:
        raise _operators_only(token, "operate the gateway", "the admin token")


def _operators_only(token: str | None, action: str, who: str) -> GatewayError:
    """Build the error of an asker other than those who may: without a token it needs one, with another it may not."""
    if token is not None:
        return _access_denied(token, action, f"use {who.rstrip(',')}")
    hint = f"send it in the header Authorization: Bearer gw_…; the admin token is in DATA/{ADMIN_FILE}"
    return _token_required(f"{who} is required to {action}", hint)


def _token_required(message: str, hint: str = HINT) -> GatewayError:
    return GatewayError(Code.TOKEN_REQUIRED, message, hint=hint, headers=CHALLENGE)


def _access_denied(token: str, action: str, hint: str) -> GatewayError:
    return GatewayError(Code.ACCESS_DENIED, f"the token '{token}' may not {action}", hint=hint)


def unknown_endpoint(path: str) -> GatewayError:
    """Build the error for a path without an endpoint, and for an endpoint that the token must not know about."""
    hint = "check the path, and send a token if the endpoint requires one"
    return GatewayError(
        Code.ENDPOINT_UNKNOWN, f"there is no endpoint {path[:200]!r} that you may see", hint=hint
    )
