"""Instants from the microseconds that DuckDB's `epoch_us` returns, and back."""

from datetime import UTC, datetime, timedelta


def moment(microseconds: int) -> datetime:
    """Convert an `epoch_us` into an instant."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


def instant(microseconds: int | None) -> datetime | None:
    """Convert an `epoch_us` into an instant; None stays None."""
    return None if microseconds is None else moment(microseconds)


def microseconds(moment: datetime) -> int:
    """Convert an instant into an `epoch_us`, exactly."""
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
