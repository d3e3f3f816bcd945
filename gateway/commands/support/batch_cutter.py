"""The batches of an upload, cut where the upload begins and where an unanswered batch ended."""

from collections.abc import Callable

from gateway.commands.support.earlier_load import UploadStart
from gateway.rowfile.chunk import Chunk, joined
from gateway.rowfile.fingerprint import RowDigest, RowSample


class UploadFingerprint:
    """The fingerprint of a file during its upload, with the marks that are not in the progress file yet."""

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

    @property
    def mark(self) -> str:
        """The mark of the rows so far."""
        return self._marks[self.rows]

    def add(self, rows: list[bytes], *, is_stored: bool) -> None:
        """Add rows. The progress file already has the marks of rows with `is_stored`."""
        marks = self._digest.add(rows, [self._digest.rows + len(rows)])
        if not is_stored:
            self._marks |= marks
            self.sample = self.sample.with_rows(rows)

    def take_marks(self, until: int) -> dict[int, str]:
        """Remove and return the marks at up to `until` rows."""
        taken = {rows: mark for rows, mark in self._marks.items() if rows <= until}
        self._marks = {rows: mark for rows, mark in self._marks.items() if rows > until}
        return taken


#: Stores a batch. Its arguments: the rows, and the number of first rows of the file that are stored afterwards.
#: Then the idempotency key or None for a new one, the digest of the rows before, and the fingerprint.
StoreBatch = Callable[[Chunk, int, str | None, str, UploadFingerprint], None]


class BatchCutter:
    """Cuts the chunks of a file into batches, and stores those that are not stored yet."""

    def __init__(self, store: StoreBatch, start: UploadStart) -> None:
        self._store = store
        self._start = start
        self._sample = start.load.sample if start.load else RowSample()
        self._fingerprint: UploadFingerprint | None = None
        self._waiting: list[Chunk] = []
        self._before = ""

    def add(self, chunk: Chunk) -> None:
        """Store the rows of a chunk, except for those that are stored already."""
        fingerprint = self._fingerprint = self._fingerprint or UploadFingerprint(chunk.header, self._sample)
        rows, begin = chunk.rows(), fingerprint.rows
        end = begin + len(rows)
        pending = self._start.pending
        cuts = {self._start.rows, pending.until if pending else end, end}
        while fingerprint.rows < end:
            here = fingerprint.rows
            stop = min(cut for cut in cuts if here < cut <= end)
            is_stored = stop <= self._start.rows
            before = fingerprint.digest
            fingerprint.add(rows[here - begin : stop - begin], is_stored=is_stored)
            if not is_stored:
                is_all = (here, stop) == (begin, end)
                body = chunk.with_line_end() if is_all else chunk.slice(here - begin, stop - begin)
                self._post(body, stop, before)

    def _post(self, body: Chunk, until: int, before: str) -> None:
        assert self._fingerprint is not None
        self._before = self._before or before
        self._waiting.append(body)
        pending = self._start.pending
        if pending is None or until >= pending.until:
            key = pending.key if pending and until == pending.until else None
            waiting, self._waiting, since, self._before = self._waiting, [], self._before, ""
            self._store(joined(waiting), until, key, since, self._fingerprint)

    def end(self) -> None:
        """Check that the file did not become shorter during the upload.

        Raises:
            ValueError: It has fewer rows than before.
        """
        if self._waiting or (self._fingerprint and self._fingerprint.rows < self._start.rows):
            raise ValueError("the file became shorter during the upload; run this command again")
