"""What the rows of a file are, whatever the file is called: digests of its first rows, and a sample of all.

A file that was loaded is remembered by these, so that the next one can be compared with it row by row.
"""

import hashlib
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import pairwise

from gateway.rowfile.chunk import Chunk

#: Up to so many rows each has a mark; of the rows behind them, a thousandth.
_DENSE_BITS = 11
#: How many hexadecimal digits of a SHA-256 a mark has.
_MARK_DIGITS = 16
#: How many rows a sample has.
_SAMPLE_ROWS = 512


def next_mark(rows: int) -> int:
    """Return the next number of rows that has a mark."""
    step = 1 << max(rows.bit_length() - _DENSE_BITS, 0)
    return (rows // step + 1) * step


class RowDigest:
    """The digest of a file's header and its rows so far. The line ends of the rows are not part of it."""

    def __init__(self, header: bytes) -> None:
        self.rows = 0
        self._hash = hashlib.sha256(header.strip())

    @property
    def digest(self) -> str:
        """The digest of the rows so far."""
        return self._hash.hexdigest()

    def add(self, rows: Sequence[bytes], wanted: Sequence[int] = ()) -> dict[int, str]:
        """Add rows, and return the marks of those numbers of rows that have one or are wanted, in order."""
        begin, end = self.rows, self.rows + len(rows)
        places = {
            *wanted[bisect_right(wanted, begin) : bisect_right(wanted, end)],
            *_marks_between(begin, end),
        }
        marks = {}
        for start, stop in pairwise(sorted({begin, end} | places)):
            self._hash.update(b"".join(row + b"\n" for row in rows[start - begin : stop - begin]))
            if stop in places:
                marks[stop] = self._hash.hexdigest()[:_MARK_DIGITS]
        self.rows = end
        return marks


def _marks_between(begin: int, end: int) -> Iterator[int]:
    place = next_mark(begin)
    while place <= end:
        yield place
        place = next_mark(place)


@dataclass(frozen=True, slots=True)
class RowSample:
    """Hashes of some rows, the same ones in whichever file they stand: the smallest hashes of all.

    Attributes:
        hashes: The hashes.
    """

    hashes: frozenset[int] = frozenset()

    @property
    def limit(self) -> int:
        """All hashes of the file below it are in the sample."""
        return max(self.hashes) if len(self.hashes) == _SAMPLE_ROWS else 2**32

    def with_rows(self, rows: Iterable[bytes]) -> "RowSample":
        """Return the sample with the rows of one more chunk."""
        limit = self.limit
        return self.with_hashes(value for value in map(zlib.crc32, rows) if value < limit)

    def with_hashes(self, hashes: Iterable[int]) -> "RowSample":
        """Return the sample with more hashes."""
        joined = self.hashes.union(hashes)
        return RowSample(frozenset(nsmallest(_SAMPLE_ROWS, joined)) if len(joined) > _SAMPLE_ROWS else joined)

    def share_in(self, other: "RowSample") -> float:
        """Estimate which share of this file's different rows the other file has too."""
        limit = min(self.limit, other.limit)
        own = {value for value in self.hashes if value < limit}
        return len(own & other.hashes) / len(own) if own else 0.0


@dataclass(slots=True)
class PrefixMatch:
    """How many of a file's first rows are those of a file that was loaded, found chunk by chunk.

    Attributes:
        marks: The marks of the loaded file.
        rows: So many are the same for certain.
        is_exact: Whether the row behind them is certainly not the same, or one of the files ends there.
        ended: Whether there is nothing left to compare.
    """

    marks: Mapping[int, str]
    rows: int = 0
    is_exact: bool = True
    ended: bool = False
    _open: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._open = sorted(self.marks, reverse=True)

    def compare(self, marks: Mapping[int, str], end: int) -> None:
        """Compare the marks of one more chunk, which ends behind `end` rows."""
        while self._open and self._open[-1] <= end and not self.ended:
            place = self._open.pop()
            if marks.get(place) != self.marks[place]:
                self.ended = True
                self.is_exact = place == self.rows + 1
            else:
                self.rows = place
        self.ended = self.ended or not self._open

    def close(self, total: int) -> None:
        """Note that the file ends behind `total` rows."""
        if not self.ended:
            self.is_exact = self.rows == total
            self.ended = True


def compare(
    chunks: Iterable[Chunk], agreements: Sequence[PrefixMatch], *, to_the_end: bool
) -> tuple[int, RowSample]:
    """Compare a file with loaded ones, whose agreements are filled in; return its number of rows and its sample.

    Where it begins like none of them, the rest is only read `to_the_end`; else both are of the first chunk.
    """
    wanted = sorted({place for each in agreements for place in each.marks})
    chain, sample, has_ended = None, RowSample(), True
    for chunk in chunks:
        chain = chain or RowDigest(chunk.header)
        rows = chunk.rows()
        marks = chain.add(rows, wanted)
        sample = sample.with_rows(rows)
        for each in agreements:
            each.compare(marks, chain.rows)
        if not (to_the_end or any(each.rows or not each.ended for each in agreements)):
            has_ended = False
            break
    total = chain.rows if chain else 0
    for each in agreements if has_ended else ():
        each.close(total)
    return total, sample
