"""The record of a load in its progress file, with which it goes on where it stopped."""

import time

from gateway.rowfile import progress_files
from gateway.rowfile.batch_cutter import LoadBatch
from gateway.rowfile.earlier_load import LoadStart
from gateway.rowfile.load_options import LoadFile, LoadOptions
from gateway.rowfile.progress import LoadProgress, PendingRows, StoredPart
from gateway.rowfile.progress_files import ProgressFiles


class LoadRecord:
    """Records the batches of one load.

    Attributes:
        load: The progress, None before the first batch of a new load.
        seed: A part of the idempotency keys.
    """

    def __init__(self, files: ProgressFiles, file: LoadFile, options: LoadOptions, seed: str) -> None:
        self.load: LoadProgress | None = None
        self.seed = seed
        self._files = files
        self._file = file
        self._options = options
        self._pending_key: str | None = None
        self._is_columnar = False

    def begin(self, start: LoadStart) -> None:
        """Record that a load is resumed or copied."""
        self._is_columnar = start.is_columnar
        self._pending_key = start.pending.key if start.pending else None
        if start.load is not None:
            self.seed = start.load.seed
            self.load = self._new(start.load) if start.is_new else start.load

    def add_pending(self, batch: LoadBatch) -> None:
        """Record that a batch is being sent."""
        first = self.load.marks.get(1, "") if self.load else batch.marks.get(1, "")
        pending = PendingRows(batch.until, batch.marks[batch.until], batch.key, time.time(), first)
        self.load = progress_files.append_pending(self.load or self._new(), pending)

    def add_stored(self, batch: LoadBatch, number: int | None, committed_at: str | None) -> None:
        """Record that a batch is stored, under its number in the store."""
        part = StoredPart(batch.until, number, committed_at)
        self.load = progress_files.append_stored(self.load or self._new(), part, batch.marks, batch.sample)

    def add_declined(self) -> None:
        """Record that the gateway stored nothing of the batch."""
        self.load = progress_files.append(self.load or self._new(), {"declined": True})

    def add_unsent(self, batch: LoadBatch) -> None:
        """Record that a batch was not sent, unless an earlier run may have sent it."""
        if batch.key != self._pending_key:
            self.add_declined()

    def end(self) -> None:
        """Record that the end of the file was reached."""
        if self.load and not self.load.is_whole:
            self.load = progress_files.append(self.load, {"whole": True})

    def _new(self, like: LoadProgress | None = None) -> LoadProgress:
        return self._files.begin(
            self._file.id, self.seed, like, self._options.reading, is_columnar=self._is_columnar
        )
