"""Tokens: their digests, expiry, and limits; and the generation of their secrets."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.connectors import literals
from gateway.connectors.connector import PUBLIC
from gateway.connectors.name_patterns import TOKEN_NAME
from gateway.connectors.policy import NO_LIMITS, Limits
from gateway.instants import rfc3339

#: The prefix of every secret.
PREFIX = "gw_"


@dataclass(frozen=True, slots=True)
class TokenDigest:
    """The SHA-256 of a secret that proves a token's name.

    Attributes:
        sha256: The digest of the secret.
        expires: The instant from which it proves nothing, or None.
        line: Its line in the tokens file, or None.
    """

    sha256: bytes
    expires: datetime | None = None
    line: int | None = None

    def has_expired(self, now: datetime) -> bool:
        """Return whether it has expired."""
        return self.expires is not None and self.expires <= now


@dataclass(frozen=True, slots=True)
class Token:
    """An entry of the tokens file.

    Attributes:
        digests: What proves its name.
        limits: Its limits over all connectors together.
        views: Whether it may see the state of every connector, see `permissions.Asker`.
    """

    digests: tuple[TokenDigest, ...]
    limits: Limits = NO_LIMITS
    views: bool = False


def is_token_name(name: str) -> bool:
    """Return whether a name is valid for a token. `public` is reserved, and a name with the prefix may be a secret."""
    return name != PUBLIC and not name.startswith(PREFIX) and TOKEN_NAME.fullmatch(name) is not None


def make_token(name: str, expires: datetime | None = None, *, views: bool = False) -> tuple[str, str]:
    """Generate a secret for a token; return it and its line for the tokens file.

    Args:
        name: The name of the token.
        expires: The instant from which the secret proves nothing, or None.
        views: Whether the token may see the state of every connector.
    """
    secret = f"{PREFIX}{secrets.token_urlsafe(32)}"
    digest = f"sha256:{hashlib.sha256(secret.encode()).hexdigest()}"
    entry = (
        digest
        if expires is None
        else f"{{digest: {digest}, expires: {rfc3339(expires, timespec='seconds')}}}"
    )
    return secret, f"{name}: {{digests: [{entry}], view: true}}" if views else f"{name}: [{entry}]"


def parse_instant(text: str) -> datetime:
    """Parse an instant, or a day, which means its start in UTC.

    Raises:
        ValueError: The text is neither.
    """
    return datetime.fromisoformat(literals.instant(text)).astimezone(UTC)
