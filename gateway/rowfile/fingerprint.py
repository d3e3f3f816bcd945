"""Fingerprints of files, independent of their names: digests of their first rows, and a sample of all rows.

The fingerprint of a loaded file is stored, so that the next file can be compared with it row by row.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import pairwise

from isal import isal_zlib

from gateway.rowfile.chunk import Chunk
from gateway.rowfile.column_chunk import ColumnChunk

#: Each of the first 2 ** 11 rows has a mark; after them, about one row in a thousand has.
_DENSE_BITS = 11
#: The number of hexadecimal digits of a SHA-256 in a mark.
_MARK_DIGITS = 16
#: The number of rows in a sample.
_SAMPLE_ROWS = 512


def next_mark(rows: int) -> int:
    """Return the next number of rows after which a mark is taken."""
    step = 1 << max(rows.bit_length() - _DENSE_BITS, 0)
    return (rows // step + 1) * step


class RowDigest:
    """The digest of the header and the first rows of a file. It ignores the line ends of rows."""

    def __init__(self, header: bytes) -> None:
        self.rows = 0
        self._hash = hashlib.sha256(header.strip())

    @property
    def digest(self) -> str:
        """The digest of the rows so far."""
        return self._hash.hexdigest()

    def add(self, rows: Sequence[bytes], wanted: Sequence[int] = ()) -> dict[int, str]:
        """Add rows; return the marks at the numbers of rows that have one by rule or are in the sorted `wanted`."""
        begin, end = self.rows, self.rows + len(rows)
        places = {
            *wanted[bisect_right(wanted, begin) : bisect_right(wanted, end)],
            *_marks_between(begin, end),
        }
        marks = {}
        for start, stop in pairwise(sorted({begin, end} | places)):
            if start < stop:
                self._hash.update(b"\n".join(rows[start - begin : stop - begin]))
                self._hash.update(b"\n")
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
    """A sample of rows: the smallest of their hashes, so that two files with the same rows have the same sample.

    Attributes:
        hashes: The CRC-32 of each row in the sample.
    """

    hashes: frozenset[int] = frozenset()

    @property
    def limit(self) -> int:
        """The bound below which the sample holds the hashes of all rows of the file."""
        return max(self.hashes) if len(self.hashes) == _SAMPLE_ROWS else 2**32

    def with_rows(self, rows: Iterable[bytes]) -> "RowSample":
        """Return the sample extended by the rows of the next chunk."""
        limit = self.limit
        return self.with_hashes([value for value in map(isal_zlib.crc32, rows) if value < limit])

    def with_hashes(self, hashes: Iterable[int]) -> "RowSample":
        """Return the sample extended by hashes."""
        joined = self.hashes.union(hashes)
        return RowSample(frozenset(nsmallest(_SAMPLE_ROWS, joined)) if len(joined) > _SAMPLE_ROWS else joined)

    def share_in(self, other: "RowSample") -> float:
        """Estimate the share of this file's distinct rows that the other file also contains."""
        limit = min(self.limit, other.limit)
        own = {value for value in self.hashes if value < limit}
        return len(own & other.hashes) / len(own) if own else 0.0


@dataclass(slots=True)
class PrefixMatch:
    """The number of first rows that a file has in common with a loaded file. It grows chunk by chunk.

    Attributes:
        marks: The marks of the loaded file.
        rows: The number of first rows that are known to be equal.
        is_exact: Whether the next row is known to differ, or one of the files ends there.
        is_done: Whether the comparison is complete.
    """

    marks: Mapping[int, str]
    rows: int = 0
    is_exact: bool = True
    is_done: bool = False
    _remaining: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._remaining = sorted(self.marks, reverse=True)

    def compare(self, marks: Mapping[int, str], end: int) -> None:
        """Compare the marks of the next chunk, which ends after `end` rows."""
        while self._remaining and self._remaining[-1] <= end and not self.is_done:
            place = self._remaining.pop()
            if marks.get(place) != self.marks[place]:
                self.is_done = True
                self.is_exact = place == self.rows + 1
            else:
                self.rows = place
        self.is_done = self.is_done or not self._remaining

    def close(self, total: int) -> None:
        """Record that the file ends after `total` rows."""
        if not self.is_done:
            self.is_exact = self.rows == total
            self.is_done = True


def compare(
    chunks: Iterable[Chunk | ColumnChunk], matches: Sequence[PrefixMatch], *, to_the_end: bool
) -> tuple[int, RowSample]:
    """Compare a file with loaded files, and update their matches; return its number of rows and its sample.

    If the first row matches no loaded file, the rest is read only with `to_the_end`; otherwise number and sample are
    those of the first chunk.
    """
    wanted = sorted({place for match in matches for place in match.marks})
    digest, sample, has_ended = None, RowSample(), True
    for chunk in chunks:
        digest = digest or RowDigest(chunk.header)
        rows = chunk.rows()
        marks = digest.add(rows, wanted)
        sample = sample.with_rows(rows)
        for match in matches:
            match.compare(marks, digest.rows)
        if not (to_the_end or any(match.rows or not match.is_done for match in matches)):
            has_ended = False
            break
    total = digest.rows if digest else 0
    for match in matches if has_ended else ():
        match.close(total)
    return total, sample
