"""The batches between two changes of a connector, summed up, for a timeline of both."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.store.batch import StoredBatch


@dataclass(frozen=True, slots=True)
class BatchSum:
    """The batches after one change, up to the next one.

    Attributes:
        batches: The number of them.
        stored: Their rows that were stored.
        rejected: Their rows that were rejected.
        deleted: The rows that they deleted.
        is_whole: Whether none is missing.
    """

    batches: int = 0
    stored: int = 0
    rejected: int = 0
    deleted: int = 0
    is_whole: bool = True


def sums_between(
    changes: Sequence[datetime], batches: Sequence[StoredBatch], *, is_whole: bool
) -> list[BatchSum]:
    """Return the sum of the batches after each change, up to the next one.

    Args:
        changes: When changes were applied, newest first.
        batches: The last batches, newest first.
        is_whole: Whether these are all; else the sums up to the oldest one are incomplete.
    """
    sums = [BatchSum() for _ in changes]
    place = 0
    for batch in batches:
        while place < len(changes) and batch.committed_at < changes[place]:
            place += 1
        if place == len(changes):
            break
        so_far = sums[place]
        sums[place] = BatchSum(
            so_far.batches + 1,
            so_far.stored + batch.rows,
            so_far.rejected + batch.rejected,
            so_far.deleted + batch.deleted,
        )
    if is_whole:
        return sums
    return [each if number < place else replace(each, is_whole=False) for number, each in enumerate(sums)]
