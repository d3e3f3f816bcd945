"""The batches of a load, cut where the load begins and where each unanswered batch ended."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.rowfile.batches import key_of
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.column_chunk import ColumnChunk
from gateway.rowfile.earlier_load import LoadStart
from gateway.rowfile.fingerprint import RowDigest, RowSample


@dataclass(frozen=True, slots=True)
class LoadBatch:
    """Rows of a file that are not stored yet.

    Attributes:
        body: The rows.
        key: Their idempotency key.
        before: The number of rows of the file before them.
        until: The number of first rows of the file that are stored once they are.
        marks: The marks of the file at these rows; there is one at `until`.
        sample: The sample of the rows that were sent, with these.
    """

    body: Chunk | ColumnChunk
    key: str
    before: int
    until: int
    marks: Mapping[int, str]
    sample: RowSample


class _LoadFingerprint:
    """The fingerprint of a file during its load, with the marks that are not in the progress file yet."""

    def __init__(self, header: bytes, sample: RowSample) -> None:
        self._digest = RowDigest(header)
        self._marks: dict[int, str] = {}
        self.sample = sample

    @property
    def rows(self) -> int:
        """The number of rows so far."""
        return self._digest.rows

    @property
    def digest(self) -> str:
        """The digest of the rows so far."""
        return self._digest.digest

    def add(self, rows: Sequence[bytes], *, is_stored: bool) -> None:
        """Add rows. The progress file already has the marks of rows with `is_stored`."""
        marks = self._digest.add(rows, [self._digest.rows + len(rows)])
        if not is_stored:
            self._marks |= marks
            self.sample = self.sample.with_rows(rows)

    def take_marks(self) -> Mapping[int, str]:
        """Remove and return the marks."""
        taken, self._marks = self._marks, {}
        return taken


class BatchCutter:
    """Cuts the chunks of a file into batches, and passes over the rows that are stored already."""

    def __init__(self, start: LoadStart, seed: str) -> None:
        """Prepare; the idempotency keys have the seed."""
        self._start = start
        self._seed = seed
        #: The keys of unanswered batches, by the number of first rows that are stored once they are.
        self._keys = {sent.until: sent.key for sent in start.pending}
        self._sample = start.load.sample if start.load else RowSample()
        self._fingerprint: _LoadFingerprint | None = None
        self._waiting: list[Any] = []  # all of one class
        #: The number and the digest of the rows before those that wait.
        self._before = (0, "")

    def cut(self, chunk: Chunk | ColumnChunk) -> Iterator[LoadBatch]:
        """Yield the batches that end in a chunk."""
        fingerprint = self._fingerprint = self._fingerprint or _LoadFingerprint(chunk.header, self._sample)
        rows, begin = chunk.rows(), fingerprint.rows
        end = begin + len(rows)
        cuts = {self._start.rows, *self._keys, end}
        while fingerprint.rows < end:
            here, digest = fingerprint.rows, fingerprint.digest
            stop = min(cut for cut in cuts if here < cut <= end)
            is_stored = stop <= self._start.rows
            fingerprint.add(rows[here - begin : stop - begin], is_stored=is_stored)
            if is_stored:
                continue
            if not self._waiting:
                self._before = (here, digest)
            is_all = (here, stop) == (begin, end)
            self._waiting.append(chunk.with_line_end() if is_all else chunk.slice(here - begin, stop - begin))
            if stop in self._keys or all(until < stop for until in self._keys):
                yield self._batch(stop, fingerprint)

    def _batch(self, until: int, fingerprint: _LoadFingerprint) -> LoadBatch:
        """Return the batch of the chunks that wait."""
        first, *others = self._waiting
        body, self._waiting = first.joined(others) if others else first, []
        before, digest = self._before
        _ = body.data  # Columns are written to bytes here, ahead of their request.
        key = self._keys.get(until) or key_of(self._seed, digest, body.identity(fingerprint.digest))
        return LoadBatch(body, key, before, until, fingerprint.take_marks(), fingerprint.sample)

    def end(self) -> None:
        """Check that the file did not become shorter during the load.

        Raises:
            ValueError: It has fewer rows than before.
        """
        if self._waiting or (self._fingerprint and self._fingerprint.rows < self._start.rows):
            raise ValueError("the file became shorter during the load; load it again")
