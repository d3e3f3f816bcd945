"""The batches of an upload: cut where the upload begins, and where an unanswered batch ended."""

from collections.abc import Callable

from gateway.commands.support.earlier_load import UploadStart
from gateway.rowfile.chunk import Chunk, joined
from gateway.rowfile.fingerprint import RowDigest, RowSample


class UploadFingerprint:
    """The chain of a file while it is posted, and the marks that are not in the record yet."""

    def __init__(self, header: bytes, sample: RowSample) -> None:
        self._chain = RowDigest(header)
        self._marks: dict[int, str] = {}
        self.sample = sample

    @property
    def rows(self) -> int:
        """The number of rows so far."""
        return self._chain.rows

    @property
    def digest(self) -> str:
        """The digest of the rows so far."""
        return self._chain.digest

    @property
    def mark(self) -> str:
        """The mark of the rows so far."""
        return self._marks[self.rows]

    def add(self, rows: list[bytes], *, is_stored: bool) -> None:
        """Add rows; those that are stored are in the record already."""
        marks = self._chain.add(rows, [self._chain.rows + len(rows)])
        if not is_stored:
            self._marks |= marks
            self.sample = self.sample.with_rows(rows)

    def take_marks(self, until: int) -> dict[int, str]:
        """Remove and return the marks of up to `until` rows."""
        taken = {rows: mark for rows, mark in self._marks.items() if rows <= until}
        self._marks = {rows: mark for rows, mark in self._marks.items() if rows > until}
        return taken


#: Stores rows: the rows, how many rows of the file are stored then, their key where they have one, the digest of the
#: rows before them, and the chain.
StoreBatch = Callable[[Chunk, int, str | None, str, UploadFingerprint], None]


class BatchCutter:
    """Cuts chunks where loading begins and where an unanswered batch ended, and posts what lies behind."""

    def __init__(self, store: StoreBatch, start: UploadStart) -> None:
        self._store = store
        self._start = start
        self._sample = start.load.sample if start.load else RowSample()
        self._chain: UploadFingerprint | None = None
        self._waiting: list[Chunk] = []
        self._before = ""

    def add(self, chunk: Chunk) -> None:
        """Post the rows of a chunk that are to be posted."""
        chain = self._chain = self._chain or UploadFingerprint(chunk.header, self._sample)
        rows, begin = chunk.rows(), chain.rows
        end = begin + len(rows)
        pending = self._start.pending
        cuts = {self._start.rows, pending.until if pending else end, end}
        while chain.rows < end:
            here = chain.rows
            stop = min(cut for cut in cuts if here < cut <= end)
            is_stored = stop <= self._start.rows
            before = chain.digest
            chain.add(rows[here - begin : stop - begin], is_stored=is_stored)
            if not is_stored:
                is_all = (here, stop) == (begin, end)
                body = chunk.with_line_end() if is_all else chunk.slice(here - begin, stop - begin)
                self._post(body, stop, before)

    def _post(self, body: Chunk, until: int, before: str) -> None:
        assert self._chain is not None
        self._before = self._before or before
        self._waiting.append(body)
        pending = self._start.pending
        if pending is None or until >= pending.until:
            key = pending.key if pending and until == pending.until else None
            waiting, self._waiting, since, self._before = self._waiting, [], self._before, ""
            self._store(joined(waiting), until, key, since, self._chain)

    def end(self) -> None:
        """Note that the file has ended.

        Raises:
            ValueError: Where it has fewer rows than a moment ago.
        """
        if self._waiting or (self._chain and self._chain.rows < self._start.rows):
            raise ValueError("the file has become shorter while it was being loaded; type this again")
