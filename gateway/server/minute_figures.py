"""The figures of each connector by minute, over the last day; the counters of the traffic are read once a minute."""

import threading
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import astuple

from gateway.figures import FIGURES, NO_FIGURES, RequestFigures
from gateway.server.traffic import ConnectorTraffic, Traffic

#: How many minutes are kept.
MINUTES = 1440
_HOUR = 3600
#: By how many minutes a clock may be set back, and the later minutes stay. Beyond it was wrong before, and they go.
_SET_BACK_MAX = 60


class MinuteFigures:
    """Rings of figures by minute, one for each connector with requests, and the figures that no store has yet.

    Any thread may call it. The figures of a minute are what the counters of `Traffic` grew by; so requests pay nothing
    for them.
    """

    def __init__(self, traffic: Traffic, clock: Callable[[], float] = time.time) -> None:
        """Begin with the present minute; the clock returns seconds since 1970."""
        self._traffic = traffic
        self._clock = clock
        # The lock guards the others.
        self._lock = threading.Lock()
        self._first = self._minute = self._now()
        self._seen: dict[str, RequestFigures] = {}
        self._rings: dict[str, array[int]] = {}
        self._unstored: dict[tuple[str, int], RequestFigures] = {}
        self._being_stored: dict[tuple[str, int], RequestFigures] = {}

    def roll(self) -> None:
        """Add what came since the last call to the minute of that call, and begin the present minute."""
        with self._lock:
            self._roll()

    def by_minute(self, connector: str) -> Mapping[int, RequestFigures]:
        """Return the figures of a connector by the start of the minute, in seconds since 1970; those of 0 are left out."""
        with self._lock:
            self._roll()
            ring = self._rings.get(connector)
            minutes = range(max(self._first, self._minute - MINUTES + 1), self._minute + 1) if ring else ()
            found = {minute * 60: self._at(connector, minute) for minute in minutes}
            return {start: figures for start, figures in found.items() if figures}

    @property
    def first(self) -> int:
        """The start of the first minute that is known, in seconds since 1970."""
        return max(self._first, self._now() - MINUTES + 1) * 60

    def unstored(self) -> Mapping[tuple[str, int], RequestFigures]:
        """Return the figures that may not be in the store, by connector and start of the hour in seconds since 1970.

        They include those that are being stored, so that no reader misses them meanwhile.
        """
        with self._lock:
            self._roll()
            return _sum(self._unstored, self._being_stored)

    def begin_storing(self) -> Mapping[tuple[str, int], RequestFigures]:
        """Return what is not in the store, for the caller to store; `end_storing` must follow."""
        with self._lock:
            self._roll()
            self._being_stored, self._unstored = self._unstored, {}
            return dict(self._being_stored)

    def end_storing(self, *, is_stored: bool) -> None:
        """Drop the figures of `begin_storing` if they are stored, else keep them for the next time."""
        with self._lock:
            if not is_stored:
                self._unstored = _sum(self._unstored, self._being_stored)
            self._being_stored = {}

    def forget(self, connector: str) -> None:
        """Forget the counts and figures of a connector that was purged. It belongs to the event loop."""
        with self._lock:
            self._roll()
            self._traffic.forget(connector)
            self._seen.pop(connector, None)
            self._rings.pop(connector, None)
            for figures in (self._unstored, self._being_stored):
                for key in [key for key in figures if key[0] == connector]:
                    del figures[key]

    def _now(self) -> int:
        return int(self._clock() // 60)

    def _roll(self) -> None:
        if self._now() < self._minute - _SET_BACK_MAX:
            self._rings.clear()
            self._first = self._minute = self._now()
        for name, traffic in self._traffic.all().items():
            counted = _figures_of(traffic)
            added = counted - self._seen.get(name, NO_FIGURES)
            if name and added:
                self._seen[name] = counted
                self._add(name, added)
        minute = max(self._minute, self._now())  # A clock that is set back does not write over later minutes.
        for passed in range(max(self._minute + 1, minute - MINUTES + 1), minute + 1):
            for name, ring in self._rings.items():
                if self._at(name, passed):
                    _put(ring, passed, NO_FIGURES)
        self._minute = minute

    def _add(self, name: str, added: RequestFigures) -> None:
        ring = self._rings.setdefault(name, array("q", bytes(8 * MINUTES * len(FIGURES))))
        _put(ring, self._minute, self._at(name, self._minute) + added)
        hour = name, self._minute * 60 // _HOUR * _HOUR
        self._unstored[hour] = self._unstored.get(hour, NO_FIGURES) + added

    def _at(self, name: str, minute: int) -> RequestFigures:
        place = minute % MINUTES * len(FIGURES)
        return RequestFigures(*self._rings[name][place : place + len(FIGURES)])


def _put(ring: "array[int]", minute: int, figures: RequestFigures) -> None:
    place = minute % MINUTES * len(FIGURES)
    ring[place : place + len(FIGURES)] = array("q", astuple(figures))


def _figures_of(traffic: ConnectorTraffic) -> RequestFigures:
    return RequestFigures(*(getattr(traffic, name) for name in FIGURES))


def _sum(
    some: Mapping[tuple[str, int], RequestFigures], others: Mapping[tuple[str, int], RequestFigures]
) -> dict[tuple[str, int], RequestFigures]:
    return {**some, **{key: some.get(key, NO_FIGURES) + figures for key, figures in others.items()}}
