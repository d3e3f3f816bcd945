"""Readings: which body a reader goes on with, who comes again for another part of it.

A reader that seeks comes several times, and must find the same bytes each time, whatever has been stored in between:
bytes of two bodies make a file that never was. HTTP does not say who comes again. So a reading belongs to an address,
a program's name for itself, an Authorization header and a question. Two processes of one program share all four. Of
several readings the latest goes on: a program that begins another one has ended the one before, and it may use its
connections in any order. An earlier one goes on only with a part that more likely belongs to it:

- a part that begins and ends where only the earlier body is cut: at its end, or between the pieces of a Parquet file,
- the first part on the connection on which its length was asked for,
- the part that follows its last one on the same connection.

A connection that asks for the same part again never gets an earlier body than before. Whoever names an ETag in If-Match
or If-Range needs none of that.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.endpoints.ranges import ByteRange
from gateway.endpoints.spooled_body import SpooledBody

#: How long a reading lasts: so many seconds, and as long as it takes to read the body at so many bytes a second.
READING_SECONDS, READING_RATE = 60.0, 2**20
#: How many readers are remembered between their requests, and how many readings of each.
_MAX_READERS, _MAX_READINGS = 1000, 16
#: How many different beginnings and tails a reading may have; a reader that asks for more beginnings begins anew.
_MAX_BEGINNINGS = 64
#: How many beginnings and ends of parts are remembered of a reading.
_MAX_ENDS = 1000


class RangeClient(NamedTuple):
    """Who reads what.

    Attributes:
        address: The client's address.
        agent: Its name for itself.
        asker: A hash of its Authorization header, which only tells readers apart.
        question: What is asked.
    """

    address: str
    agent: str | None
    asker: int
    question: bytes


@dataclass(slots=True)
class RangeSession:
    """A body that a reader was told of.

    Attributes:
        etag: Which body it is; None where nobody can say.
        size: How many bytes it has, None where they were not told.
        began: The moment.
        is_measured: Whether the reader began by asking for the length, with HEAD or for the last bytes. Such a reader
            may go on with any part.
        connection: The client's port when it began, None where a whole body was sent.
        borders: Where its body is cut by readers who know what is in it.
        beginnings: The parts from the first byte, or of the last bytes, with the client's port that each went to last.
        firsts: The first bytes of its other parts, and how often each was asked for.
        ends: The last bytes of its parts, with the client's port that each went to.
        tails: The first bytes of those of its parts that end where the body does.
    """

    etag: str | None
    size: int | None
    began: float
    is_measured: bool
    connection: int | None = None
    borders: frozenset[int] = frozenset()
    beginnings: dict[ByteRange, int] = field(default_factory=dict)
    firsts: Counter[int] = field(default_factory=Counter)
    ends: dict[int, int] = field(default_factory=dict)
    tails: set[int] = field(default_factory=set)

    def is_over(self, now: float) -> bool:
        """Tell whether it has lasted as long as it may."""
        return now - self.began > READING_SECONDS + (self.size or 0) / READING_RATE

    def has(self, part: ByteRange) -> bool:
        """Tell whether its body is long enough for a part."""
        last = part.last if part.first is not None else None
        return self.size is None or last is None or last < self.size

    def is_cut_at(self, part: ByteRange) -> bool:
        """Tell whether a part ends where only one who knows the body would end it.

        That is at the end of the body; or, in a Parquet file, behind a piece of it or before the last bytes that were
        asked for, where the part begins with a piece as well.
        """
        if part.first is None or part.last is None:
            return False
        behind = part.last + 1
        if behind == self.size:
            return True
        begins_a_piece = part.first == 0 or part.first in self.borders
        return begins_a_piece and (behind in self.borders or (bool(self.borders) and behind in self.tails))

    def times_asked(self, part: ByteRange) -> int:
        """Return how often a part of it was asked for."""
        return self.firsts[part.first] if part.first else int(part in self.beginnings)

    def was_asked_on(self, connection: int, part: ByteRange) -> bool:
        """Tell whether a connection was the last that asked for a part of it."""
        if not part.first:
            return self.beginnings.get(part) == connection
        return part.last is not None and part.first in self.firsts and self.ends.get(part.last) == connection

    def awaits(self, connection: int) -> bool:
        """Tell whether its first part is to come, on the connection on which its length was asked for."""
        return self.connection == connection and not (self.beginnings or self.firsts or self.ends)

    def is_followed_by(self, part: ByteRange, connection: int) -> bool:
        """Tell whether a part is the one behind a part that went to the same connection, and was not asked for before."""
        if not part.first or part.first in self.firsts or not self.has(part):
            return False
        return self.ends.get(part.first - 1) == connection

    def _tail(self, part: ByteRange) -> set[int]:
        """Return the first byte of a part that is known to end where its body does."""
        ends_it = part.first is None or (part.last is not None and part.last + 1 == self.size)
        return {part.of(self.size)[0]} if self.size is not None and ends_it else set()

    def goes_on_with(self, part: ByteRange, now: float) -> bool:
        """Tell whether a part is one more of it, and not the first of another reading.

        A part that begins at the first byte begins another reading, unless the reader has asked for the length before:
        then it does where it comes a second time, or is open at its end and not the first part. So does one of the
        last bytes.
        """
        if part.first:
            return True
        if not self.is_measured or self.is_over(now) or len(self.beginnings) >= _MAX_BEGINNINGS:
            return False
        is_whole = part.first == 0 and part.last is None
        return not self.beginnings if is_whole else part not in self.beginnings

    def take(self, part: ByteRange, connection: int) -> None:
        """Note a part of it that is asked for."""
        if part.first:
            self.firsts[part.first] += 1
        elif len(self.beginnings) < _MAX_BEGINNINGS:
            self.beginnings[part] = connection
        if part.first is not None and part.last is not None:
            self.ends[part.last] = connection
        if len(self.tails) < _MAX_BEGINNINGS:
            self.tails |= self._tail(part)
        if len(self.firsts) > _MAX_ENDS:
            self.firsts.clear()
        while len(self.ends) > _MAX_ENDS:
            self.ends.pop(next(iter(self.ends)))


class RangeSessions:
    """What readers were told of, the latest of them. Belongs to the event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with none; the clock must never go back."""
        self._clock = clock
        self._begun: OrderedDict[RangeClient, list[RangeSession]] = OrderedDict()
        self._told: OrderedDict[RangeClient, RangeSession] = OrderedDict()

    def tell(self, reader: RangeClient, etag: str | None) -> None:
        """Note that a reader is sent a whole body: it may come again for what it did not get of it."""
        self._told[reader] = RangeSession(etag, None, self._clock(), is_measured=False)
        _bound(self._told, reader)

    def begin(self, reader: RangeClient, connection: int, kept: SpooledBody, part: ByteRange | None) -> None:
        """Note that a reader begins to read a body: with a part, or with HEAD, where there is none."""
        is_measured = part is None or part.first is None
        reading = RangeSession(kept.etag, kept.size, self._clock(), is_measured, connection, kept.borders)
        # Who asks for the length again on one connection goes on with what it is told now.
        known = [each for each in self._begun.get(reader, ()) if not each.awaits(connection)]
        self._begun[reader] = known
        if part:
            reading.take(part, connection)
        known[: 1 - _MAX_READINGS] = []
        known.append(reading)
        _bound(self._begun, reader)

    def going_on(self, reader: RangeClient, connection: int, part: ByteRange) -> RangeSession | None:
        """Give the reading that a part is one more of; None where it begins another one."""
        known = sorted([*self._begun.get(reader, ()), *self._of_told(reader)], key=lambda each: each.began)
        if not known:
            return None
        reading = _of_part(part, connection, known)
        return reading if reading.goes_on_with(part, self._clock()) else None

    def is_over(self, reading: RangeSession) -> bool:
        """Tell whether a reading has lasted as long as it may."""
        return reading.is_over(self._clock())

    def forget(self, reader: RangeClient) -> None:
        """Forget all readings of a reader."""
        self._begun.pop(reader, None)
        self._told.pop(reader, None)

    def in_use(self) -> set[str | None]:
        """Give the ETags of the bodies that readers go on with now."""
        return {each.etag for each in self._all() if not each.is_over(self._clock())}

    def _all(self) -> Iterator[RangeSession]:
        for range_sessions in self._begun.values():
            yield from range_sessions

    def _of_told(self, reader: RangeClient) -> Iterator[RangeSession]:
        if told := self._told.get(reader):
            yield told


def _of_part(part: ByteRange, connection: int, known: list[RangeSession]) -> RangeSession:
    """Return the one of a reader's readings, the latest last, that a part is most likely one of.

    Of equal bodies the one goes first that was asked for the part the fewest times. DuckDB sees a wrong ETag, asks
    again, and gets the next.
    """
    asked_here = [number for number, each in enumerate(known) if each.was_asked_on(connection, part)]
    known = known[asked_here[-1] :] if asked_here else known
    long_enough = [each for each in known if each.has(part)] or known[-1:]
    cut_there = [each for each in long_enough if each.is_cut_at(part)]

    def likelihood(number: int) -> tuple[bool, bool, int, int]:
        reading = candidates[number]
        times = reading.times_asked(part) if cut_there else 0
        return reading.awaits(connection), reading.is_followed_by(part, connection), -times, number

    candidates = cut_there or long_enough
    return candidates[max(range(len(candidates)), key=likelihood)]


def _bound(
    readers: OrderedDict[RangeClient, list[RangeSession]] | OrderedDict[RangeClient, RangeSession],
    latest: RangeClient,
) -> None:
    """Move a reader to the end, and forget those who have not come for the longest."""
    readers.move_to_end(latest)
    while len(readers) > _MAX_READERS:
        readers.popitem(last=False)
