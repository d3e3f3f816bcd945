"""One run of a load over its file: which rows are stored, the batches of the others, and the record of both."""

from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gateway.connectors.connector import Connector
from gateway.endpoints.live import Live
from gateway.errors import Code, GatewayError
from gateway.instants import rfc3339
from gateway.rowfile import sniffing
from gateway.rowfile.batch_cutter import BatchCutter, LoadBatch
from gateway.rowfile.batches import BATCH_BYTES
from gateway.rowfile.chunks import split_as
from gateway.rowfile.earlier_load import LoadStart, OverlapError, PresentBatch, StoredRows, stored_rows
from gateway.rowfile.load_options import LoadFile, LoadOptions
from gateway.rowfile.load_record import LoadRecord
from gateway.rowfile.progress import LoadProgress
from gateway.rowfile.progress_files import ProgressFiles
from gateway.rowfile.start_finder import StartFinder
from gateway.store.interface import StoreReader
from gateway.uploads.reading import ReadingLimits, in_words_of_user, source_of
from gateway.uploads.upload import UploadedFile
from gateway.uploads.uploads import Uploads


@dataclass(frozen=True, slots=True)
class LoadedBatches:
    """The batches of a connector that are in the store; `connector` returns its present version.

    `find_stored` and `committed_at` raise `ConnectorChanged` if that is replaced meanwhile.
    """

    reader: StoreReader
    connector: Callable[[], Connector]

    def find_stored(self, load: LoadProgress) -> StoredRows:
        """Return what the store still has of a load."""
        numbers = [part.batch for part in load.parts if part.batch is not None]
        found = self.reader.batches.find(self.connector(), numbers) if numbers else []
        present = {
            each.batch: PresentBatch(rfc3339(each.committed_at), each.rows, left) for each, left in found
        }
        return stored_rows(load, present)

    def committed_at(self, number: int | None) -> str | None:
        """Return when a batch was committed."""
        found = self.reader.batches.find(self.connector(), [number]) if number is not None else []
        return rfc3339(found[0][0].committed_at) if found else None


def takes_keys_again(connector: Connector) -> bool:
    """Return whether a row that comes again is stored once, by its key."""
    return bool(connector.primary_key) and connector.policy.on_conflict != "reject"


_T = TypeVar("_T")

#: The last loads of a token into a connector with which a file is compared.
KEPT_LOADS = 20


class LoadRun:
    """Reads, cuts, and records the batches of an upload. Belongs to the thread of uploads."""

    def __init__(
        self,
        upload: UploadedFile,
        path: Path,
        limits: ReadingLimits,
        files: ProgressFiles,
        loaded: LoadedBatches,
        *,
        rest: bool,
    ) -> None:
        """Prepare; with `rest` only the rows after those that are known are stored."""
        assert upload.load is not None
        status = upload.load
        self._upload, self._path = upload, path
        self._loaded = loaded
        with in_words_of_user(upload, path):
            file = LoadFile(source_of(upload, path, limits), upload.file)
        options = LoadOptions(
            BATCH_BYTES,
            status.without,
            upload.options.words(),
            again=bool(status.seed),
            rest=rest,
            by_content=True,
            resumes=status.seed if takes_keys_again(loaded.connector()) else None,
        )
        self._file, self._options = file, options
        self._finder = StartFinder(file, options, files, loaded.find_stored)
        self._record = LoadRecord(files, file, options, status.seed)
        self._batches: Generator[LoadBatch, None, None] | None = None

    def begin(self) -> int:
        """Return the number of first rows that are stored already.

        Raises:
            OverlapError: The user has to decide.
            RowsFileError: The file cannot be read, or has no rows.
        """
        with in_words_of_user(self._upload, self._path):
            sniffing.check_content(self._file.source)
            mark = self._finder.first_mark()
            if not mark:
                raise ValueError(f"{self._file.shown} has no rows; nothing was stored")
            start = self._find_start(mark)
            self._record.begin(start)
            self._batches = self._cut(start)
            return start.rows

    def _find_start(self, mark: str) -> LoadStart:
        try:
            return self._finder.find(mark)
        except OverlapError:
            if takes_keys_again(self._loaded.connector()):
                return LoadStart(is_columnar=self._finder.has_columns)
            raise

    def next(self) -> tuple[LoadBatch, Mapping[str, str]] | None:
        """Return the next batch that is not stored, and the parameters of its request; None at the end.

        Raises:
            RowsFileError: The file cannot be read.
        """
        assert self._batches is not None
        with in_words_of_user(self._upload, self._path):
            batch = next(self._batches, None)
            return None if batch is None else (batch, self._options.columns(batch.body))

    def add_pending(self, batch: LoadBatch) -> None:
        """Record that a batch is being sent."""
        self._record.add_pending(batch)

    def add_stored(self, batch: LoadBatch, number: int | None) -> None:
        """Record that a batch is stored."""
        self._record.add_stored(batch, number, self._loaded.committed_at(number))

    def add_declined(self) -> None:
        """Record that nothing of a batch was stored."""
        self._record.add_declined()

    def add_unsent(self, batch: LoadBatch) -> None:
        """Record that a batch was not sent."""
        self._record.add_unsent(batch)

    def end(self) -> None:
        """Record that the end of the file was reached."""
        self._record.end()

    def close(self) -> None:
        """Close the file."""
        if self._batches is not None:
            self._batches.close()

    def _cut(self, start: LoadStart) -> Generator[LoadBatch, None, None]:
        if not start.pending and start.rows == self._finder.total:
            return
        cutter = BatchCutter(start, self._record.seed)
        for chunk in split_as(self._file.source, self._options.size, as_columns=start.is_columnar):
            yield from cutter.cut(chunk)
        cutter.end()


class LoadRuns:
    """Begins the runs of loads. Belongs to the event loop."""

    def __init__(
        self, uploads: Uploads, live: Live, reader: StoreReader, limits: ReadingLimits, directory: Path
    ) -> None:
        """Prepare; the progress of loads is recorded below the directory."""
        self._uploads = uploads
        self._live = live
        self._reader = reader
        self._limits = limits
        self._directory = directory

    def connector_of(self, upload: UploadedFile) -> Connector:
        """Return the connector that an upload is loaded into.

        Raises:
            GatewayError: It was removed, or its file is refused.
        """
        assert upload.load is not None
        found = self._live.snapshot.endpoints.get(upload.load.connector)
        if found is None:
            message = f"the connector '{upload.load.connector}' was removed, or its file is refused"
            raise GatewayError(Code.ENDPOINT_UNKNOWN, message, hint="restore its file, and continue the load")
        return found.connector

    async def settled(self, call: Callable[[], Awaitable[_T]]) -> _T:
        """Return what a call that reads batches returns; it is repeated if its connector is replaced meanwhile."""
        return await self._live.settled(call)

    def run(self, upload: UploadedFile, *, rest: bool) -> LoadRun:
        """Return a run over an upload. Only loads of the same token are compared: it sees no other's batches.

        Raises:
            GatewayError: The connector was removed, or its file is refused.
            RowsFileError: An option is invalid.
        """
        name = self.connector_of(upload).name
        directory = self._directory / self._reader.id / name / upload.owner.token
        files = ProgressFiles(directory, kept=KEPT_LOADS)
        loaded = LoadedBatches(self._reader, lambda: self.connector_of(upload))
        return LoadRun(upload, self._uploads.path(upload), self._limits, files, loaded, rest=rest)
