"""The last day of many connectors for one page: what was stored by half hour, what was refused and served, and pauses."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.admin.activity_report import HOUR, ActivityReports
from gateway.endpoints.services import Storage
from gateway.figures import NO_FIGURES, RequestFigures
from gateway.store.activity import BatchCounts

#: How long the activity is kept before it is read again. Over 1,000,000 batches it takes some 100 ms, and the usual gaps,
#: which change slowly, 260 ms.
FRESH_SECONDS = 10.0
FRESH_GAPS_SECONDS = 600.0
HALF_HOUR = HOUR // 2
#: The days of batches by which the usual gap between them is judged.
GAP_DAYS = 21
#: A connector is late if there was no batch for longer than this many usual gaps.
_LATE_GAPS = 2


@dataclass(frozen=True, slots=True)
class RecentActivity:
    """The activity of one connector since 24 hours before the start of this hour.

    Attributes:
        stored: The rows stored in each half hour, oldest first.
        counts: The batches of all of them.
        figures: What was refused and served.
        last_sent: When a client sent the last batch, in seconds since 1970; None if none ever did.
        usual_gap: The usual seconds between two hours with batches, None if there are too few to know.
    """

    stored: tuple[int, ...]
    counts: BatchCounts
    figures: RequestFigures
    last_sent: float | None
    usual_gap: int | None

    def is_late(self, now: float) -> bool:
        """Return whether no batch came for longer than twice the usual gap."""
        if self.last_sent is None or self.usual_gap is None:
            return False
        return now - self.last_sent > _LATE_GAPS * self.usual_gap


class RecentActivities:
    """Reads the recent activity of all connectors with one query each for plots, figures, and gaps, and keeps it."""

    def __init__(
        self, storage: Storage, reports: ActivityReports, clock: Callable[[], float] = time.time
    ) -> None:
        self._storage = storage
        self._reports = reports
        self._clock = clock
        self._lock = asyncio.Lock()
        self._names: Sequence[str] = ()
        self._kept: Mapping[str, RecentActivity] = {}
        self._read_at = self._gaps_read_at = float("-inf")
        # The thread that reads changes it; the lock lets one read at a time.
        self._gaps: Mapping[str, int] = {}

    async def read(self, names: Sequence[str]) -> Mapping[str, RecentActivity]:
        """Return the activity of connectors by name. Pages that ask at the same time wait for one reading."""
        async with self._lock:
            if names != self._names or not 0 <= self._clock() - self._read_at < FRESH_SECONDS:
                now = self._clock()
                self._kept = await self._storage.read_pool.call(lambda: self._read(names, int(now)))
                self._names, self._read_at = names, now
            return self._kept

    def _read(self, names: Sequence[str], now: int) -> Mapping[str, RecentActivity]:
        if not names:
            return {}
        since = now // HOUR * HOUR - 24 * HOUR
        counts = self._reports.batches(names, since, now + 1, HALF_HOUR)
        figures = self._reports.figures(names, since, now + 1)
        gaps = self._usual_gaps(now)
        last_sent = self._storage.reader.commit_counts.last_sent
        starts = range(since, now + 1, HALF_HOUR)
        found = {}
        for name in names:
            halves = [counts.get((name, start), BatchCounts()) for start in starts]
            sent, gap = last_sent.get(name), gaps.get(name)
            found[name] = RecentActivity(
                tuple(each.stored for each in halves),
                sum(halves, BatchCounts()),
                figures.get(name, NO_FIGURES),
                None if sent is None else sent / 1e6,
                None if gap is None else gap * HOUR,
            )
        return found

    def _usual_gaps(self, now: int) -> Mapping[str, int]:
        if not 0 <= now - self._gaps_read_at < FRESH_GAPS_SECONDS:
            self._gaps, self._gaps_read_at = self._storage.reader.activity.usual_gaps(GAP_DAYS), now
        return self._gaps
