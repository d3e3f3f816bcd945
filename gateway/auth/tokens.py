"""A token: its name, what proves it and until when, how much it may do; and the making of its secret."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.connectors import literals
from gateway.connectors.connector import PUBLIC
from gateway.connectors.connector_file import TOKEN_NAME
from gateway.connectors.policy import NO_LIMITS, Limits
from gateway.instants import rfc3339

#: What secrets begin with.
PREFIX = "gw_"


@dataclass(frozen=True, slots=True)
class TokenDigest:
    """What proves a name: the SHA-256 of a secret, until it expires, if it does; and its line in the file."""

    digest: bytes
    expires: datetime | None = None
    line: int | None = None

    def has_expired(self, now: datetime) -> bool:
        """Tell whether it proves nothing any more."""
        return self.expires is not None and self.expires <= now


@dataclass(frozen=True, slots=True)
class Token:
    """A name of the tokens file: what proves it, and how much it may do at all connectors together."""

    proofs: tuple[TokenDigest, ...]
    limits: Limits = NO_LIMITS


def is_token_name(name: str) -> bool:
    """Tell whether a token may be called that; `public` means anyone, and what begins like a secret may be one."""
    return name != PUBLIC and not name.startswith(PREFIX) and TOKEN_NAME.fullmatch(name) is not None


def make_token(name: str, expires: datetime | None = None) -> tuple[str, str]:
    """Make a secret for a token name: the secret itself, and the line of the tokens file that proves it."""
    secret = f"{PREFIX}{secrets.token_urlsafe(32)}"
    digest = f"sha256:{hashlib.sha256(secret.encode()).hexdigest()}"
    proof = (
        digest
        if expires is None
        else f"{{digest: {digest}, expires: {rfc3339(expires, timespec='seconds')}}}"
    )
    return secret, f"{name}: [{proof}]"


def parse_instant(text: str) -> datetime:
    """Read an instant, or a day, which stands for its start in UTC.

    Raises:
        ValueError: Where it is neither.
    """
    return datetime.fromisoformat(literals.instant(text)).astimezone(UTC)
