"""Readings: which body a reader goes on with, who comes again for another part of it.

A reader that seeks comes several times, and must find the same bytes each time, whatever has been stored in between:
bytes of two bodies make a file that never was. HTTP does not say who comes again. So a reading belongs to an address,
a program's name for itself, an Authorization header and a question. Of several readings the latest goes on: a program
that begins another one has ended the one before, and it may use its connections in any order. An earlier one goes on
only with a part that ends where its body does, or just before the last bytes that were asked for, or that follows the
part before it on the same connection. Whoever names an ETag in If-Match or If-Range needs none of that.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.serve.parts import Part

#: How long a reading lasts: so many seconds, and as long as it takes to read the body at so many bytes a second.
READING_SECONDS, READING_RATE = 60.0, 2**20
#: How many readers are remembered between their requests, and how many readings of each.
_MAX_READERS, _MAX_READINGS = 1000, 8
#: How many different beginnings and tails a reading may have; a reader that asks for more beginnings begins anew.
_MAX_BEGINNINGS = 64
#: How many ends of parts are remembered of a reading.
_MAX_ENDS = 1000


class Reader(NamedTuple):
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
class Reading:
    """A body that a reader was told of.

    Attributes:
        etag: Which body it is; None where nobody can say.
        size: How many bytes it has, None where they were not told.
        began: The moment.
        is_measured: Whether the reader began by asking for the length, with HEAD or for the last bytes. Such a reader
            may go on with any part.
        beginnings: The parts from the first byte, or of the last bytes, that it has had.
        firsts: The first bytes of its other parts.
        ends: The last bytes of its parts, with the client's port that each went to.
        tails: The first bytes of those of its parts that end where the body does.
    """

    etag: str | None
    size: int | None
    began: float
    is_measured: bool
    beginnings: set[Part] = field(default_factory=set)
    firsts: set[int] = field(default_factory=set)
    ends: dict[int, int] = field(default_factory=dict)
    tails: set[int] = field(default_factory=set)

    def is_over(self, now: float) -> bool:
        """Tell whether it has lasted as long as it may."""
        return now - self.began > READING_SECONDS + (self.size or 0) / READING_RATE

    def has(self, part: Part) -> bool:
        """Tell whether its body is long enough for a part."""
        last = part.last if part.first is not None else None
        return self.size is None or last is None or last < self.size

    def ends_with(self, part: Part) -> bool:
        """Tell whether a part ends just where its body does: who asks for that knows the length."""
        return part.first is not None and part.last is not None and part.last + 1 == self.size

    def ends_before_tail(self, part: Part) -> bool:
        """Tell whether a part ends just before the last bytes, which were asked for first: DuckDB reads Parquet so."""
        return part.first is not None and part.last is not None and part.last + 1 in self.tails

    def _tail(self, part: Part) -> set[int]:
        """Give the first byte of a part that is known to end where its body does."""
        if self.size is None or not (part.first is None or self.ends_with(part)):
            return set()
        return {part.of(self.size)[0]}

    def leaves(self, other: "Reading", part: Part) -> bool:
        """Tell whether the part before the tail of another reading is that one's, though this one began later.

        A program that reads in blocks asks for its tail last, and a block may end where the tail of its reading before
        began. So this one must have a tail of its own, or have had no part yet, and the other not this part.
        """
        is_new = not (self.firsts or self.beginnings)
        return bool(self.tails) or (is_new and part.last not in other.ends)

    def is_followed_by(self, part: Part, connection: int) -> bool:
        """Tell whether a part is the one behind a part that went to the same connection, and was not asked for before."""
        if not part.first or part.first in self.firsts or not self.has(part):
            return False
        return self.ends.get(part.first - 1) == connection

    def goes_on_with(self, part: Part, now: float) -> bool:
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

    def take(self, part: Part, connection: int) -> None:
        """Note a part of it that is asked for."""
        if part.first:
            self.firsts.add(part.first)
        elif len(self.beginnings) < _MAX_BEGINNINGS:
            self.beginnings.add(part)
        if part.first is not None and part.last is not None:
            self.ends[part.last] = connection
        if len(self.tails) < _MAX_BEGINNINGS:
            self.tails |= self._tail(part)
        while len(self.ends) > _MAX_ENDS:
            self.ends.pop(next(iter(self.ends)))
            self.firsts.clear()


class Readings:
    """What readers were told of, the latest of them. Belongs to the event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with none; the clock must never go back."""
        self._clock = clock
        self._begun: OrderedDict[Reader, list[Reading]] = OrderedDict()
        self._told: OrderedDict[Reader, Reading] = OrderedDict()

    def tell(self, reader: Reader, etag: str | None) -> None:
        """Note that a reader is sent a whole body: it may come again for what it did not get of it."""
        self._told[reader] = Reading(etag, None, self._clock(), is_measured=False)
        _bound(self._told, reader)

    def begin(self, reader: Reader, connection: int, etag: str, size: int, part: Part | None) -> None:
        """Note that a reader begins to read a body: with a part, or with HEAD, where there is none."""
        is_measured = part is None or part.first is None
        reading = Reading(etag, size, self._clock(), is_measured)
        if part:
            reading.take(part, connection)
        known = self._begun.setdefault(reader, [])
        known[: 1 - _MAX_READINGS] = []
        known.append(reading)
        _bound(self._begun, reader)

    def going_on(self, reader: Reader, connection: int, part: Part) -> Reading | None:
        """Give the reading that a part is one more of; None where it begins another one."""
        known = sorted([*self._begun.get(reader, ()), *self._of_told(reader)], key=lambda each: each.began)
        if not known:
            return None
        reading = _of_part(part, connection, known)
        return reading if reading.goes_on_with(part, self._clock()) else None

    def is_over(self, reading: Reading) -> bool:
        """Tell whether a reading has lasted as long as it may."""
        return reading.is_over(self._clock())

    def forget(self, reader: Reader) -> None:
        """Forget all readings of a reader."""
        self._begun.pop(reader, None)
        self._told.pop(reader, None)

    def in_use(self) -> set[str | None]:
        """Give the ETags of the bodies that readers go on with now."""
        return {each.etag for each in self._all() if not each.is_over(self._clock())}

    def _all(self) -> Iterator[Reading]:
        for readings in self._begun.values():
            yield from readings

    def _of_told(self, reader: Reader) -> Iterator[Reading]:
        if told := self._told.get(reader):
            yield told


def _of_part(part: Part, connection: int, known: list[Reading]) -> Reading:
    """Give the one of a reader's readings, the latest last, that a part is most likely one of."""
    if ending := [each for each in known if each.ends_with(part)]:
        return ending[-1]
    latest = next((each for each in reversed(known) if each.has(part)), known[-1])
    if before := [each for each in known if each.ends_before_tail(part) and latest.leaves(each, part)]:
        # Of bodies of one length the latest goes first; DuckDB sees a wrong ETag, asks again, and gets the next.
        return ([each for each in before if part.last not in each.ends] or before)[-1]
    followed = [each for each in known if each.is_followed_by(part, connection)]
    follows_latest = part.first and part.first - 1 in latest.ends
    return followed[-1] if followed and not follows_latest else latest


def _bound(
    readers: OrderedDict[Reader, list[Reading]] | OrderedDict[Reader, Reading], latest: Reader
) -> None:
    """Move a reader to the end, and forget those who have not come for the longest."""
    readers.move_to_end(latest)
    while len(readers) > _MAX_READERS:
        readers.popitem(last=False)
