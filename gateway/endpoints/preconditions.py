"""Preconditions of a request: If-Match, If-None-Match, and If-Range (RFC 9110 section 13)."""

from gateway.errors import Code, GatewayError


def matches(if_none_match: str | None, etag: str | None) -> bool:
    """Return whether an If-None-Match header names an ETag, by weak comparison."""
    if if_none_match is None or etag is None:
        return False
    tags = [tag.removeprefix("W/") for tag in _entity_tags(if_none_match)]
    return etag in tags or "*" in tags


def if_match_etags(if_match: str | None) -> list[str]:
    """Return the ETags that an If-Match header names, without `*`, for strong comparison."""
    return [tag for tag in _entity_tags(if_match or "") if tag.startswith('"')]


def require(if_match: str | None, etag: str | None) -> None:
    """Check that If-Match allows a body.

    Raises:
        GatewayError: 412, If-Match names other ETags.
    """
    if if_match is None or "*" in _entity_tags(if_match) or etag in if_match_etags(if_match):
        return
    raise GatewayError(
        Code.PRECONDITION_FAILED,
        f"If-Match names {if_match[:200]}, and the rows have another ETag now",
        hint="read them again from the beginning, without If-Match",
    )


def body_changed() -> GatewayError:
    """Return the error for a client that cannot continue the body it began to read."""
    return GatewayError(
        Code.PRECONDITION_FAILED,
        "the rows have changed since this body was begun, and the rest of it is no longer spooled",
        hint="read it again from the beginning; parts of two bodies do not fit together",
    )


def _entity_tags(header: str) -> list[str]:
    return [tag.strip() for tag in header.split(",")]
