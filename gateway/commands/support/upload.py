"""The upload of a file: its rows are posted in batches, and each row is stored once even after interruptions."""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import click

from gateway.commands.support.batch_sender import BatchSender, SentBatch, UnansweredError
from gateway.commands.support.legacy_load import LegacyLoad
from gateway.commands.support.load_outcome import DeclinedError, LoadOutcome
from gateway.commands.support.load_target import LoadTarget
from gateway.media_types import Media
from gateway.rowfile import earlier_load
from gateway.rowfile.batch_cutter import BatchCutter, LoadBatch
from gateway.rowfile.chunks import split_as
from gateway.rowfile.compression import BROKEN
from gateway.rowfile.earlier_load import LoadStart, OverlapError, StoredRows
from gateway.rowfile.load_options import LoadFile, LoadOptions
from gateway.rowfile.load_record import LoadRecord
from gateway.rowfile.progress_files import COMPARED_LOADS_MAX, ProgressFiles, progress_directory
from gateway.rowfile.read_ahead import read_ahead
from gateway.rowfile.source import Source
from gateway.rowfile.start_finder import SIMILAR, StartFinder

#: How long a batch is waited for behind one with bad rows: the gateway answers it at once.
_DECLINED_SECONDS = 3.0
#: How long one is waited for behind another one, which may be stored under its key if it is sent again.
_REFUSED_SECONDS = 15.0


class Upload:
    """One run over one file.

    Attributes:
        target: The target of the rows.
        outcome: The numbers of its rows.
        notes: Notes for the user.
    """

    def __init__(self, target: LoadTarget, wanted: str, source: Source, options: LoadOptions) -> None:
        """Prepare the upload; `wanted` is the name or path that the user typed for the target."""
        self.target = target
        self.outcome = LoadOutcome(source.path)
        self.notes: list[str] = []
        self._file = LoadFile(source, str(source.path.resolve()))
        self._options = options = replace(options, token=target.token)
        self._files = ProgressFiles(progress_directory() / target.store / target.connector)
        legacy = LegacyLoad(target, wanted, self._file, options, self._files, self.notes)
        self._finder = StartFinder(self._file, options, self._files, target.find_stored, legacy.adopt)
        seed = os.urandom(8).hex() if options.again else ""
        self._record = LoadRecord(self._files, self._file, options, seed)
        self._sender = BatchSender(target)
        #: The batches that are being sent, in their order.
        self._sent: deque[SentBatch] = deque()

    def run(self) -> Iterator[int]:
        """Post the rows that are not stored yet; yield the number of bytes read from disk after each chunk.

        Raises:
            click.ClickException: A row is bad, the gateway rejects rows or is unreachable, or the user has to decide.
            ValueError, OSError: The file cannot be read.
        """
        mark = self._finder.first_mark()
        if not mark:
            raise _without_rows(self._file.source)
        with self._files.lock(mark) as is_locked:
            if not is_locked:
                message = (
                    f"{self._file.shown} is being loaded into '{self.target.connector}' by another process"
                )
                raise click.ClickException(f"{message}; wait until it ends, and run this command again")
            start = self._find_start(mark)
            self._record.begin(start)
            if start.pending or start.rows != self._finder.total:
                yield from self._post_from(start)
            self._record.end()
        if self.outcome.stored:
            self._note_similar_loads()

    def _find_start(self, mark: str) -> LoadStart:
        try:
            start = self._finder.find(mark)
        except OverlapError as error:
            raise click.ClickException(_overlap_text(error)) from error
        self.notes += [*self._finder.notes, *start.notes]
        self.outcome.begin(start)
        return start

    def _note_similar_loads(self) -> None:
        """Add a note about other files with many of the same rows, not necessarily at their beginning."""
        assert self._record.load is not None
        own = self._record.load
        others = [load for load in self._files.all()[:COMPARED_LOADS_MAX] if load.file != own.file]
        shares = [(load, own.sample.share_in(load.sample)) for load in others]
        if similar := [(load, share) for load, share in shares if share >= SIMILAR]:
            self.notes.append(earlier_load.similar(self._file, similar[:3]))

    def left(self) -> StoredRows:
        """Return what the gateway still has of the stored rows."""
        return self.target.find_stored(self._record.load) if self._record.load else StoredRows()

    def _post_from(self, start: LoadStart) -> Iterator[int]:
        # One thread reads, cuts, and hashes the next batch while others wait for the gateway.
        with read_ahead(self._batches(start)) as batches:
            try:
                for batch in batches:
                    yield from self._finish(self.target.in_flight - 1)
                    self._send(batch)
            except (ValueError, *BROKEN):  # The rest of the file cannot be read.
                yield from self._finish(0)
                raise
            yield from self._finish(0)

    def _batches(self, start: LoadStart) -> Iterator[LoadBatch]:
        cutter = BatchCutter(start, self._record.seed)
        for chunk in split_as(self._file.source, self._options.size, as_columns=start.is_columnar):
            yield from cutter.cut(chunk)
        cutter.end()

    def _send(self, batch: LoadBatch) -> None:
        """Send a batch, to be stored after those that are being sent."""
        columns = self._options.columns(batch.body)
        previous = self._sent[-1] if self._sent else None
        self._record.add_pending(batch)
        self._sent.append(self._sender.send(batch, columns, previous))

    def _finish(self, left: int) -> Iterator[int]:
        """Record batches in their order: those that are answered, and others until at most `left` are being sent.

        Yields:
            The number of bytes read, after each batch.
        """
        while self._sent and (len(self._sent) > left or self._sent[0].answer.done()):
            sent = self._sent.popleft()
            batch = sent.batch
            try:
                answer = sent.answer.result()
                number = self.outcome.add(batch, answer)
            except UnansweredError as error:
                self._sender.stop()
                raise click.ClickException(f"{error}; {self.outcome.how_far(is_answered=False)}") from error
            except DeclinedError as error:
                are_refused = self._end_others(_DECLINED_SECONDS if error.names_rows else _REFUSED_SECONDS)
                if error.names_rows:
                    self._record.add_declined()
                elif answer.is_refusal and are_refused:
                    self._record.add_unsent(batch)
                raise
            self._record.add_stored(batch, number, answer.committed_at)
            yield batch.body.bytes_read

    def _end_others(self, seconds: float) -> bool:
        """Wait until the gateway has declined the batches behind one that it declined, and return whether it has."""
        self._sender.stop()
        return all(sent.is_refused(seconds) for sent in self._sent)


def _without_rows(source: Source) -> ValueError:
    is_header = source.media is Media.CSV and not source.header
    why = " after its header; if its only line is a row, use --header a,b,c" if is_header else ""
    return ValueError(f"{source.shown} has no rows{why}; nothing was stored")


def _overlap_text(error: OverlapError) -> str:
    """Return the message of an error with the options that decide."""
    rest = f"--rest stores {error.rest}, --again stores all rows"
    options = rest if error.can_rest else "--again stores all rows once more"
    advice = f"{error.advice}; " if error.advice else ""
    return f"{error.message}; nothing was stored. {advice}{options}"
