"""Numbers, sizes, and times as pages write them."""

from datetime import datetime

from gateway.instants import rfc3339

_UNITS = (("day", 86400), ("h", 3600), ("min", 60), ("s", 1))
_SIZES = ("B", "kB", "MB", "GB", "TB")
_THOUSAND, _HUNDRED = 1000, 100


def number(value: int | None) -> str:
    """Return a number with its thousands apart; a dash where there is none."""
    return "–" if value is None else f"{value:,}"


def size(count: float) -> str:
    """Return a number of bytes in the unit that makes it short."""
    units = iter(_SIZES)
    unit = next(units)
    while count >= _THOUSAND and (larger := next(units, None)):
        count, unit = count / _THOUSAND, larger
    return f"{count:,.0f} {unit}" if unit == _SIZES[0] or count >= _HUNDRED else f"{count:.3g} {unit}"


def duration(seconds: float) -> str:
    """Return a time span in its largest unit, such as `3 min`."""
    for unit, length in _UNITS:
        if seconds >= length:
            whole = int(seconds // length)
            return f"{whole:,} {unit}{'s' if unit == 'day' and whole > 1 else ''}"
    return "0 s"


def ago(at: datetime, now: float) -> str:
    """Return how long ago an instant was, such as `3 min ago`."""
    return f"{duration(max(now - at.timestamp(), 0))} ago"


def instant(at: datetime) -> str:
    """Return an instant in UTC, to the second."""
    return rfc3339(at.replace(microsecond=0))
