"""Conditions that a request sets on the body it asks for: If-Match, If-None-Match and If-Range (RFC 9110 section 13)."""

from gateway.errors import Code, GatewayError


def names(if_none_match: str | None, etag: str | None) -> bool:
    """Tell whether an If-None-Match header names an ETag; the comparison is the weak one."""
    if if_none_match is None or etag is None:
        return False
    given = [each.removeprefix("W/") for each in _listed(if_none_match)]
    return etag in given or "*" in given


def wanted(if_match: str | None) -> list[str]:
    """Give the ETags that an If-Match header names, `*` left out; the comparison is the strong one."""
    return [each for each in _listed(if_match or "") if each.startswith('"')]


def require(if_match: str | None, etag: str | None) -> None:
    """Let a request have a body, or raise.

    Raises:
        GatewayError: 412 where If-Match names others.
    """
    if if_match is None or "*" in _listed(if_match) or etag in wanted(if_match):
        return
    raise GatewayError(
        Code.PRECONDITION_FAILED,
        f"If-Match names {if_match[:200]}, and the rows have another ETag now",
        hint="read them again from the beginning, without If-Match",
    )


def changed() -> GatewayError:
    """Say that a reader cannot go on with what it has begun."""
    return GatewayError(
        Code.PRECONDITION_FAILED,
        "the rows have changed since this body was begun, and the rest of it is not kept any more",
        hint="read it again from the beginning; parts of two bodies do not fit together",
    )


def _listed(header: str) -> list[str]:
    return [each.strip() for each in header.split(",")]
