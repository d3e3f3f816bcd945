"""Plots of one line for a terminal."""

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
#: Stands for a value of 0, and for one that is unknown.
_ZERO, _UNKNOWN = "·", " "


def sparkline(values: Sequence[int | None], width: int) -> str:
    """Return a plot of at most `width` characters; each is the sum of as many values as it takes.

    The highest bar is the largest sum. A value above 0 is always visible, and None is a blank.
    """
    together = -(-len(values) // width) or 1
    sums = [_sum(values[place : place + together]) for place in range(0, len(values), together)]
    largest = max((value for value in sums if value is not None), default=0)
    return "".join(_bar(value, largest) for value in sums)


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _bar(value: int | None, largest: int) -> str:
    if value is None:
        return _UNKNOWN
    return _BARS[-(-value * len(_BARS) // largest) - 1] if value > 0 else _ZERO
