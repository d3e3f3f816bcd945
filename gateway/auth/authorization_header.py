"""The Authorization header to the secret in it: `Bearer TOKEN` (RFC 6750), or `Basic` with the token as the password (RFC 7617).

The user name of `Basic` says nothing: many programs have to send one, and the token has a name already.
"""

import base64
import binascii
from collections.abc import Mapping

_BEARER, _BASIC = 'Bearer realm="gateway"', 'Basic realm="gateway", charset="UTF-8"'
#: What a request that has no token, or not a right one, may answer with.
CHALLENGE: Mapping[str, str] = {"WWW-Authenticate": f"{_BEARER}, {_BASIC}"}
#: RFC 6750 section 3.1.
EXPIRED: Mapping[str, str] = {
    "WWW-Authenticate": f'{_BEARER}, error="invalid_token", error_description="expired", {_BASIC}'
}
HINT = "send the header Authorization: Bearer gw_…, or the token as a password: curl -u NAME:gw_…"


def parse_secret(authorization: str) -> bytes | None:
    """Give the secret that an Authorization header carries; None where it cannot be read."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip().encode("utf-8", "surrogateescape")
    decoded = _decoded(rest) if scheme.lower() == "basic" else None
    if decoded is None or b":" not in decoded:
        return None
    return decoded.partition(b":")[2].strip()


def hint_for(authorization: str) -> str:
    """Say what is wrong with a header whose token is not known, without a word of it."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return HINT
    if scheme.lower() != "basic":
        return f"the schemes are Bearer and Basic; {HINT}"
    decoded = _decoded(rest)
    if decoded is None or b":" not in decoded:
        return "what follows Basic is base64 of NAME:TOKEN; curl -u NAME:TOKEN writes it"
    if not decoded.partition(b":")[2]:
        return "the token is the password, and there is none; write it behind the colon: curl -u NAME:TOKEN"
    return "the token is the password: curl -u NAME:TOKEN, where NAME may be anything"


def without_basic(challenge: str) -> str:
    """Give a challenge that does not offer Basic."""
    return challenge.removesuffix(f", {_BASIC}")


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
