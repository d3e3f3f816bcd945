"""The upload of a file: its rows posted in batches, each row once, whatever was loaded before and whatever fails meanwhile."""

import hashlib
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
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.chunks import split
from gateway.rowfile.fingerprint import RowDigest
from gateway.rowfile.progress import LoadProgress, PendingRows, StoredPart
from gateway.rowfile.progress_files import COMPARED_LOADS_MAX, ProgressFiles
from gateway.rowfile.source import Source


class Upload:
    """One run over one file.

    Attributes:
        target: Where the rows go.
        sender: Sends the batches, and counts their rows.
        before: How many rows of the file an earlier load had stored.
        notes: What the user is told beside the numbers.
    """

    def __init__(self, target: LoadTarget, wanted: str, source: Source, options: UploadOptions) -> None:
        """Prepare it; `wanted` is what the user called the target."""
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
        """Post what is not stored yet; yields, after each chunk, how much of the file on the disk was read.

        Raises:
            click.ClickException: Where a row is bad, the gateway refuses or stays away, or the user has to decide.
            ValueError, OSError: Where the file cannot be read.
        """
        first = next(split(self._source, self._options.size), None)
        if first is None:
            is_header = self._source.media is Media.CSV and not self._source.header
            why = " behind its header; if its one line is a row, use --header a,b,c" if is_header else ""
            raise ValueError(f"{self._source.path} has no rows{why}; nothing was stored")
        mark = RowDigest(first.header).add(first.rows()[:1]).get(1, "")
        with self._files.lock(mark) as is_locked:
            if not is_locked:
                message = (
                    f"{self._source.path} is being loaded into '{self.target.connector}' by another process"
                )
                raise click.ClickException(f"{message}; wait for its end, and type this again then")
            start = self._finder.find(mark)
            self._begin(start)
            if start.pending or start.rows != self._finder.total:
                yield from self._post_from(start)
            if self._load and not self._load.is_whole:
                self._load = progress_files.append(self._load, {"whole": True})
        if self.sender.stored:
            self._tell_of_similar()

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

    def _tell_of_similar(self) -> None:
        """Tell of files that had many of the same rows elsewhere than at their beginning."""
        assert self._load is not None
        others = [each for each in self._files.all()[:COMPARED_LOADS_MAX] if each.file != self._load.file]
        shares = [(each, self._load.sample.share_in(each.sample)) for each in others]
        if found := [(each, share) for each, share in shares if share >= SIMILAR]:
            self.notes.append(earlier_load.similar(self._source.path, found[:3]))

    def left(self) -> LoadState:
        """Ask what is left of what was stored."""
        return self.target.load_state(self._load) if self._load else LoadState()

    def _post_from(self, start: UploadStart) -> Iterator[int]:
        cutter = BatchCutter(self._store, start)
        for chunk in split(self._source, self._options.size):
            cutter.add(chunk)
            yield chunk.bytes_read
        cutter.end()

    def _store(self, body: Chunk, until: int, key: str | None, before: str, chain: UploadFingerprint) -> None:
        """Post rows and keep the record of it."""
        if self._load is None:
            self._load = self._files.begin(self._source.path, self._seed, options=self._options.reading)
        key = key or _key(self._seed, before, body)
        mark = chain.mark
        self._load = progress_files.append_pending(self._load, PendingRows(until, mark, key, time.time()))
        try:
            receipt = self.sender.post(body, key)
        except DeclinedError:
            self._load = progress_files.append(self._load, {"declined": True})
            raise
        part = StoredPart(until, receipt["batch"], self.sender.committed_at(receipt["batch"]))
        self._load = progress_files.append_stored(self._load, part, chain.take_marks(until), chain.sample)
        if receipt["is_known"]:
            self.before += until - self.sender.rows
        self.sender.rows = until


def _key(seed: str, before: str, body: Chunk) -> str:
    """Name a batch by what it holds and what is stored before it."""
    digest = hashlib.sha256(f"{seed} {before} ".encode() + body.data)
    return f"load-{digest.hexdigest()[:40]}"
