"""Parses the Authorization header: `Bearer TOKEN` (RFC 6750), or `Basic` with the token as the password (RFC 7617).

The user name of `Basic` is ignored: many programs must send one, but the token has a name already.
"""

import base64
import binascii
from collections.abc import Mapping

_BEARER, _BASIC = 'Bearer realm="gateway"', 'Basic realm="gateway", charset="UTF-8"'
#: The challenge to a request without a valid token.
CHALLENGE: Mapping[str, str] = {"WWW-Authenticate": f"{_BEARER}, {_BASIC}"}
#: The challenge to a request with an expired token (RFC 6750 section 3.1).
EXPIRED: Mapping[str, str] = {
    "WWW-Authenticate": f'{_BEARER}, error="invalid_token", error_description="expired", {_BASIC}'
}
HINT = "send the header Authorization: Bearer gw_…, or the token as a password: curl -u NAME:gw_…"


def parse_secret(authorization: str) -> bytes | None:
    """Parse the secret out of an Authorization header; return None if the header is malformed."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip().encode("utf-8", "surrogateescape")
    decoded = _decoded(rest) if scheme.lower() == "basic" else None
    if decoded is None or b":" not in decoded:
        return None
    return decoded.partition(b":")[2].strip()


def hint_for(authorization: str) -> str:
    """Return the hint for a header without a known token; the hint quotes nothing of it."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return HINT
    if scheme.lower() != "basic":
        return f"use the scheme Bearer or Basic; {HINT}"
    decoded = _decoded(rest)
    if decoded is None or b":" not in decoded:
        return "send base64 of NAME:TOKEN after Basic; curl -u NAME:TOKEN does that"
    if not decoded.partition(b":")[2]:
        return "send the token as the password, after the colon: curl -u NAME:TOKEN"
    return "send the token as the password: curl -u NAME:TOKEN; any NAME works"


def without_basic(challenge: str) -> str:
    """Return a challenge without the scheme Basic."""
    return challenge.removesuffix(f", {_BASIC}")


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
