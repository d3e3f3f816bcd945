"""Instants: from seconds since 1970, and as text of RFC 3339 in UTC, with `Z`."""

from datetime import UTC, datetime


def utc(seconds: float) -> datetime:
    """Return the instant of a number of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def rfc3339(moment: datetime, *, timespec: str = "auto") -> str:
    """Return an instant as text, such as `2026-01-31T12:00:00Z`.

    Args:
        moment: With a time zone, whichever.
        timespec: The smallest part, as `datetime.isoformat` names it; `auto` leaves out a fraction of zero.
    """
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
