"""The upload of a file: its rows are posted in batches, and each row is stored once even after interruptions."""

import os
import time
from collections.abc import Iterator

import click

from gateway.commands.support import earlier_load
from gateway.commands.support.batch_cutter import BatchCutter, UploadFingerprint
from gateway.commands.support.batch_sender import BatchSender, DeclinedError
from gateway.commands.support.earlier_load import UploadStart
from gateway.commands.support.load_target import LoadState, LoadTarget
from gateway.commands.support.start_finder import SIMILAR, StartFinder
from gateway.commands.support.upload_options import UploadOptions
from gateway.media_types import Media
from gateway.rowfile import progress_files
from gateway.rowfile.batches import key_of
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.chunks import split
from gateway.rowfile.fingerprint import RowDigest
from gateway.rowfile.progress import LoadProgress, PendingRows, StoredPart
from gateway.rowfile.progress_files import COMPARED_LOADS_MAX, ProgressFiles
from gateway.rowfile.source import Source


class Upload:
    """One run over one file.

    Attributes:
        target: The target of the rows.
        sender: Sends the batches, and counts their rows.
        before: The number of rows of the file that an earlier load had stored.
        notes: Notes for the user.
    """

    def __init__(self, target: LoadTarget, wanted: str, source: Source, options: UploadOptions) -> None:
        """Prepare the upload; `wanted` is the name or path that the user typed for the target."""
        self.target = target
        self.sender = BatchSender(target, source.path, options)
        self.before = 0
        self.notes: list[str] = []
        self._source = source
        self._options = options
        self._files = ProgressFiles(target.store, target.connector)
        self._finder = StartFinder(target, wanted, source, options, self._files)
        self._load: LoadProgress | None = None
        self._seed = os.urandom(8).hex() if options.again else ""

    def run(self) -> Iterator[int]:
        """Post the rows that are not stored yet; yield the number of bytes read from disk after each chunk.

        Raises:
            click.ClickException: A row is bad, the gateway rejects rows or is unreachable, or the user has to decide.
            ValueError, OSError: The file cannot be read.
        """
        first = next(split(self._source, self._options.size), None)
        if first is None:
            is_header = self._source.media is Media.CSV and not self._source.header
            why = " after its header; if its only line is a row, use --header a,b,c" if is_header else ""
            raise ValueError(f"{self._source.path} has no rows{why}; nothing was stored")
        mark = RowDigest(first.header).add(first.rows()[:1]).get(1, "")
        with self._files.lock(mark) as is_locked:
            if not is_locked:
                message = (
                    f"{self._source.path} is being loaded into '{self.target.connector}' by another process"
                )
                raise click.ClickException(f"{message}; wait until it ends, and run this command again")
            start = self._finder.find(mark)
            self._begin(start)
            if start.pending or start.rows != self._finder.total:
                yield from self._post_from(start)
            if self._load and not self._load.is_whole:
                self._load = progress_files.append(self._load, {"whole": True})
        if self.sender.stored:
            self._note_similar_loads()

    def _begin(self, start: UploadStart) -> None:
        self.notes += [*self._finder.notes, *start.notes]
        self.sender.rows = self.before = start.rows
        if start.load is not None:
            self._seed = start.load.seed
            self._load = (
                self._files.begin(self._source.path, self._seed, start.load, self._options.reading)
                if start.is_new
                else start.load
            )

    def _note_similar_loads(self) -> None:
        """Add a note about other files with many of the same rows, not necessarily at their beginning."""
        assert self._load is not None
        loads = self._files.all()[:COMPARED_LOADS_MAX]
        others = [load for load in loads if load.file != self._load.file]
        shares = [(load, self._load.sample.share_in(load.sample)) for load in others]
        if similar := [(load, share) for load, share in shares if share >= SIMILAR]:
            self.notes.append(earlier_load.similar(self._source.path, similar[:3]))

    def left(self) -> LoadState:
        """Return what the gateway still has of the stored rows."""
        return self.target.load_state(self._load) if self._load else LoadState()

    def _post_from(self, start: UploadStart) -> Iterator[int]:
        cutter = BatchCutter(self._store, start)
        for chunk in split(self._source, self._options.size):
            cutter.add(chunk)
            yield chunk.bytes_read
        cutter.end()

    def _store(
        self, body: Chunk, until: int, key: str | None, before: str, fingerprint: UploadFingerprint
    ) -> None:
        """Post a batch, and record its progress."""
        if self._load is None:
            self._load = self._files.begin(self._source.path, self._seed, options=self._options.reading)
        key = key or key_of(self._seed, before, body)
        mark = fingerprint.mark
        self._load = progress_files.append_pending(self._load, PendingRows(until, mark, key, time.time()))
        try:
            receipt = self.sender.post(body, key)
        except DeclinedError:
            self._load = progress_files.append(self._load, {"declined": True})
            raise
        part = StoredPart(until, receipt["batch"], self.sender.committed_at(receipt["batch"]))
        marks = fingerprint.take_marks(until)
        self._load = progress_files.append_stored(self._load, part, marks, fingerprint.sample)
        if receipt["is_known"]:
            self.before += until - self.sender.rows
        self.sender.rows = until
