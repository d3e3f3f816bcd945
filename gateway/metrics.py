"""Histograms of plain integers, which the metrics read. Counters need no class: each owner has its own integers."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

#: Upper bounds of durations, in seconds: from an answer of the cache to a query at its timeout.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
#: Upper bounds of the number of batches in one commit.
BATCHES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class HistogramCounts(NamedTuple):
    """A histogram at one moment.

    Attributes:
        bounds: The upper bounds of all buckets but the last, which has none.
        counts: How many values each bucket and those below it have, the last one included.
        total: The sum of all values.
    """

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float


class Histogram:
    """Counts values by bucket. One thread observes, and any thread may read.

    A reader may see a value in the counts that the sum does not have yet.
    """

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Build an empty histogram; `bounds` are the upper bounds of its buckets, and rise."""
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def read(self) -> HistogramCounts:
        """Return the counts of this moment."""
        return HistogramCounts(self._bounds, list(accumulate(self._counts)), self._total)
