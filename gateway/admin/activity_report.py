"""The activity of connectors by period: batches of the ledger, and figures of the store and of the last day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.figures import NO_FIGURES, RequestFigures
from gateway.instants import utc
from gateway.server.minute_figures import MinuteFigures
from gateway.store.activity import BatchCounts
from gateway.store.interface import StoreReader

HOUR = 3600
#: Periods of a length that no report exceeds.
_ALL = HOUR * 24 * 366


@dataclass(frozen=True, slots=True)
class Period:
    """The activity of one connector in a period.

    Attributes:
        start: The start in seconds since 1970.
        figures: None if the gateway does not know them: for periods of minutes that ended before `figures_since`.
    """

    start: int
    counts: BatchCounts
    figures: RequestFigures | None


class ActivityReports:
    """Reads the activity of connectors. Any thread may call it; it reads the store."""

    def __init__(self, reader: StoreReader, figures: MinuteFigures) -> None:
        self._reader = reader
        self._figures = figures

    @property
    def figures_since(self) -> int:
        """The instant since which figures by minute are known: the start of the gateway, or a day ago."""
        return self._figures.first

    def periods(self, name: str, since: int, until: int, step: int, token: str | None = None) -> list[Period]:
        """Return the periods of a connector, oldest first.

        Args:
            name: The connector.
            since: The start of the first period in seconds since 1970, a multiple of `step`.
            until: The end in seconds since 1970, which the last period contains.
            step: The seconds of a period: a divisor of an hour, or a multiple of one.
            token: Only the batches of this token are counted, and no figures; None counts all.
        """
        starts = range(since, until, step)
        counts = self._reader.activity.batches([name], utc(since), utc(until), step, token)
        figures: Mapping[int, RequestFigures | None]
        if token is not None:
            figures = dict.fromkeys(starts)
        elif step < HOUR:
            figures = self._by_minutes(name, starts, step)
        else:
            hours = self._by_hours([name], since, until, step)
            figures = {start: hours.get((name, start), NO_FIGURES) for start in starts}
        return [Period(start, counts.get((name, start), BatchCounts()), figures[start]) for start in starts]

    def totals(
        self, names: Sequence[str], since: int, until: int
    ) -> Mapping[str, tuple[BatchCounts, RequestFigures]]:
        """Return the activity of connectors from one hour to an instant, by name."""
        totals = dict.fromkeys(names, (BatchCounts(), NO_FIGURES))
        for (name, _), more in self.batches(names, since, until, _ALL).items():
            totals[name] = totals[name][0] + more, totals[name][1]
        for name, added in self.figures(names, since, until).items():
            totals[name] = totals[name][0], added
        return totals

    def batches(
        self, names: Sequence[str], since: int, until: int, step: int
    ) -> Mapping[tuple[str, int], BatchCounts]:
        """Return the batches of connectors by name and start of the period; periods without any are left out."""
        return self._reader.activity.batches(names, utc(since), utc(until), step)

    def figures(self, names: Sequence[str], since: int, until: int) -> Mapping[str, RequestFigures]:
        """Return the figures of connectors from one hour to an instant, by name."""
        found: dict[str, RequestFigures] = {}
        for (name, _), added in self._by_hours(names, since, until, _ALL).items():
            found[name] = found.get(name, NO_FIGURES) + added
        return found

    def _by_minutes(self, name: str, starts: range, step: int) -> Mapping[int, RequestFigures | None]:
        first = self._figures.first
        found: dict[int, RequestFigures | None] = {
            start: NO_FIGURES if start + step > first else None for start in starts
        }
        for minute, figures in self._figures.by_minute(name).items():
            start = minute // step * step
            if (before := found.get(start)) is not None:
                found[start] = before + figures
        return found

    def _by_hours(
        self, names: Sequence[str], since: int, until: int, step: int
    ) -> Mapping[tuple[str, int], RequestFigures]:
        """Return stored and unstored figures by name and start of the period."""
        # First what is not stored: figures that are stored in between are counted twice for a moment, and never lost.
        unstored = self._figures.unstored()
        found = dict(self._reader.activity.figures(names, utc(since), utc(until), step))
        for (name, hour), figures in unstored.items():
            key = name, hour // step * step
            if name in names and since <= hour < until:
                found[key] = found.get(key, NO_FIGURES) + figures
        return found
