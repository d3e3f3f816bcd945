"""Counts of reloads by result, for the metrics."""

import time
from collections.abc import Iterable
from typing import Literal

from gateway.connectors.plan import FileState, Outcome

#: The results of a reload: every file is live; a file was refused; the directory could not be read or applied.
RESULTS: tuple["Result", ...] = ("success", "refused", "failed")
Result = Literal["success", "refused", "failed"]

_NOT_APPLIED = frozenset((FileState.REFUSED, FileState.LAST_GOOD))


class ReloadCounts:
    """The reloads of this process. The thread that reloads counts, and any thread may read.

    Attributes:
        by_result: How many there were, by result.
        last_applied: When the last one ended that was not `failed`, in seconds since 1970.
        last_result: The result of the last one, None before the first.
    """

    def __init__(self) -> None:
        self.by_result: dict[Result, int] = dict.fromkeys(RESULTS, 0)
        self.last_applied = 0.0
        self.last_result: Result | None = None

    def count(self, result: Result) -> None:
        """Count a reload."""
        self.by_result[result] += 1
        self.last_result = result
        if result != "failed":
            self.last_applied = time.time()


def result_of(problem: str | None, outcomes: Iterable[Outcome]) -> Result:
    """Return the result of a reload from the problem of its directory and the outcomes of its files."""
    if problem is not None:
        return "failed"
    return "refused" if any(each.state in _NOT_APPLIED for each in outcomes) else "success"
