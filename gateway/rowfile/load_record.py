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
        self._pending_keys: frozenset[str] = frozenset()
        self._is_columnar = False

    def begin(self, start: LoadStart) -> None:
        """Record that a load is resumed or copied."""
        self._is_columnar = start.is_columnar
        self._pending_keys = start.pending_keys
        if start.load is not None:
            self.seed = start.load.seed
            self.load = self._new(start.load) if start.is_new else start.load
            if self.load.pending != start.pending:
                self.load = progress_files.append_pending(self.load, start.pending)

    def add_pending(self, batch: LoadBatch) -> None:
        """Record that a batch is being sent."""
        load = self.load or self._new()
        first = load.first or batch.marks.get(1, "")
        mark, token = batch.marks[batch.until], self._options.token
        sent = PendingRows(batch.until, mark, batch.key, time.time(), first, token)
        self.load = progress_files.append_pending(load, load.with_pending(sent))

    def add_stored(self, batch: LoadBatch, number: int | None, committed_at: str | None) -> None:
        """Record that a batch is stored, under its number in the store."""
        part = StoredPart(batch.until, number, committed_at)
        self.load = progress_files.append_stored(self.load or self._new(), part, batch.marks, batch.sample)

    def add_declined(self) -> None:
        """Record that the gateway stored nothing of the pending batches."""
        self.load = progress_files.append(self.load or self._new(), {"declined": True})

    def add_unsent(self, batch: LoadBatch) -> None:
        """Record that nothing of a batch was stored by this run, unless an earlier one may have stored it."""
        if batch.key not in self._pending_keys:
            self.add_declined()

    def end(self) -> None:
        """Record that the end of the file was reached."""
        if self.load and not self.load.is_whole:
            self.load = progress_files.append(self.load, {"whole": True})

    def _new(self, like: LoadProgress | None = None) -> LoadProgress:
        return self._files.begin(
            self._file.id, self.seed, like, self._options.reading, is_columnar=self._is_columnar
        )
