"""Instants as DuckDB's `epoch_us` gives them."""

from datetime import UTC, datetime


def moment(microseconds: int) -> datetime:
    """Give the instant of an `epoch_us`."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


def instant(microseconds: int | None) -> datetime | None:
    """Give the instant of an `epoch_us`, or None."""
    return None if microseconds is None else moment(microseconds)
