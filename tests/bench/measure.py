"""Measures: what is done to a contestant for some seconds, and the Sample that comes of it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: its figure, in the workload's unit, and the rows that a contestant said it stored.

    Attributes:
        in_flight: Rows that were sent and not answered before the end; they may have been stored or not.
        worst: Of a figure that is the median of some, the worst of them.
    """

    value: float
    stored: int = 0
    in_flight: int = 0
    worst: float | None = None


#: Works for so many seconds, and at least until there is a figure.
Measure = Callable[[float], Sample]


class WrongAnswerError(Exception):
    """A contestant did not do what it was asked, so that its figure means nothing."""
