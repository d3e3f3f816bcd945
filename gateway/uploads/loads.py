"""Loads: the rows of uploads, stored batch by batch in the background.

Each batch has an idempotency key made of its rows and of the rows before it, as `gateway load` makes it. So a load that
was cut off goes on where it stopped, and the same file that is uploaded again stores no row twice.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from gateway.auth.credentials import Credentials
from gateway.connectors.connector import Connector
from gateway.endpoints.live import Live
from gateway.errors import Code, GatewayError, trace
from gateway.rowfile import batches, sniffing
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.chunks import split
from gateway.rowfile.fingerprint import RowDigest
from gateway.threads import ContextThreadPool
from gateway.uploads.column_check import ColumnCheck, check_columns
from gateway.uploads.load_status import LoadProblem, LoadStatus
from gateway.uploads.reading import ReadingLimits, in_words_of_user, source_of
from gateway.uploads.row_poster import OutgoingBatch, PostedBatch, RowPoster
from gateway.uploads.upload import UploadedFile
from gateway.uploads.uploads import Uploads

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

#: How many files are loaded at the same time; others wait for their turn.
LOADS_MAX = 2
#: For how long a batch is sent again while the gateway is overloaded.
RETRY_SECONDS_MAX = 300.0
#: Statuses after which nothing was stored and a retry may succeed; a 409 with Retry-After is retried too.
_RETRIED_STATUSES = (408, 429, 503)
#: How long the end of the process waits for the loads.
_STOP_SECONDS = 5.0
#: The number of bad rows of a batch that are shown.
_SHOWN_ROWS_MAX = 20


@dataclass(frozen=True, slots=True)
class LoadChoice:
    """The choices of a user for a load.

    Attributes:
        without: The columns that are left out, by name or number.
        keeps_bad_rows: Whether bad rows are kept where the connector leaves that to the request.
        again: Whether the rows are stored once more, if they were loaded before.
    """

    without: tuple[str, ...] = ()
    keeps_bad_rows: bool = False
    again: bool = False


class _StoppedError(Exception):
    """A load cannot go on."""

    def __init__(self, problem: LoadProblem) -> None:
        super().__init__()
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows that are not stored yet, with the numbers of rows of the file before and up to them, and its bytes."""

    body: Chunk
    key: str
    before: int
    rows: int
    bytes: int
    parameters: dict[str, str]


class _BatchReader:
    """Reads the batches of an upload that are not stored yet. Belongs to the thread of uploads."""

    def __init__(self, upload: UploadedFile, uploads: Uploads, limits: ReadingLimits) -> None:
        assert upload.load is not None
        self._upload, self._status, self._path = upload, upload.load, uploads.path(upload)
        self._limits = limits
        self._chunks: Any = None
        self._digest: RowDigest | None = None

    def next(self) -> _Batch | None:
        """Return the next batch, None at the end.

        Raises:
            RowsFileError: The file cannot be read, or has no rows.
        """
        with in_words_of_user(self._upload, self._path):
            if self._chunks is None:
                source = source_of(self._upload, self._path, self._limits)
                sniffing.check_content(source)
                self._chunks = split(source, batches.BATCH_BYTES)
            for chunk in self._chunks:
                if (batch := self._batch(chunk)) is not None:
                    return batch
            if self._digest is None:
                raise ValueError(f"{self._upload.file} has no rows; nothing was stored")
            return None

    def close(self) -> None:
        """Close the file."""
        if self._chunks is not None:
            self._chunks.close()

    def _batch(self, chunk: Chunk) -> _Batch | None:
        digest = self._digest = self._digest or RowDigest(chunk.header)
        before, digest_before = digest.rows, digest.digest
        digest.add(chunk.rows())
        if digest.rows <= self._status.rows:
            return None
        body = chunk.with_line_end()
        return _Batch(
            body,
            batches.key_of(self._status.seed, digest_before, body),
            before,
            digest.rows,
            chunk.bytes_read,
            batches.columns_without(chunk, self._status.without),
        )


class Loads:
    """The loads of all uploads. Belongs to the event loop, but for `stop`."""

    def __init__(
        self,
        uploads: Uploads,
        live: Live,
        poster: RowPoster,
        credentials: Credentials,
        thread: ContextThreadPool,
        limits: ReadingLimits,
    ) -> None:
        """Prepare; `thread` reads all files."""
        self._uploads = uploads
        self._live = live
        self._poster = poster
        self._credentials = credentials
        self._thread = thread
        self._limits = limits
        self._turns = asyncio.Semaphore(LOADS_MAX)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._canceled: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def check(self, upload: UploadedFile, connector: Connector) -> ColumnCheck:
        """Compare the columns of an upload with the fields of a connector, and keep how the file is read.

        Raises:
            RowsFileError: The file cannot be read.
        """
        path = self._uploads.path(upload)
        checked, options = await self._in_thread(
            partial(check_columns, upload, path, connector, self._limits)
        )
        await self._uploads.read_with(upload, options)
        return checked

    async def start(self, upload: UploadedFile, connector: Connector, choice: LoadChoice) -> UploadedFile:
        """Begin a load, or continue it after the rows that are stored.

        Raises:
            GatewayError: 409, it runs already.
            RowsFileError: The file cannot be read.
        """
        self._uploads.require_not_loading(upload)
        await self.check(upload, connector)
        upload = self._uploads.find(upload.id, upload.owner)
        self._uploads.require_not_loading(upload)
        status, name = upload.load, connector.name
        if status is None or choice.again or (status.connector, status.without) != (name, choice.without):
            status = LoadStatus(name, secrets.token_hex(8) if choice.again else "", choice.without)
        status = replace(status, state="running", problem=None, keeps_bad_rows=choice.keeps_bad_rows)
        self._canceled.discard(upload.id)
        self._loop = asyncio.get_running_loop()
        upload = await self._uploads.change(upload, connector=name, load=status)
        task = self._tasks[upload.id] = asyncio.create_task(self._run(upload))
        task.add_done_callback(lambda _: self._tasks.pop(upload.id, None))
        return upload

    async def cancel(self, upload: UploadedFile) -> UploadedFile:
        """Stop a load after the batch that is being stored, and wait for that."""
        if (task := self._tasks.get(upload.id)) is not None:
            self._canceled.add(upload.id)
            await asyncio.wait([task])
        return self._uploads.find(upload.id, upload.owner)

    def stop(self) -> None:
        """Stop all loads, before the store closes. The event loop must run, in another thread."""
        if self._loop is None or not self._loop.is_running():
            return
        try:
            asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(_STOP_SECONDS)
        except (TimeoutError, CancelledError):
            _log.warning("loads of uploaded files were cut off; they can be continued")

    async def _stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- one load

    async def _run(self, upload: UploadedFile) -> None:
        reader = _BatchReader(upload, self._uploads, self._limits)
        try:
            async with await self._turn(upload):
                upload = await self._load(upload, reader)
            await self._end(upload, None)
        except _StoppedError as stopped:
            await self._end(upload, stopped.problem)
        except GatewayError as error:
            await self._end(upload, LoadProblem.of(error))
        except Exception as error:  # noqa: BLE001  # the user must learn of its end
            _log.error("a load failed: %s", trace(error))
            await self._end(upload, LoadProblem.of(GatewayError(Code.INTERNAL, hint="continue the load")))
        finally:
            await self._in_thread(reader.close)

    async def _turn(self, upload: UploadedFile) -> asyncio.Semaphore:
        while self._turns.locked():
            await self._pause(upload, 0.1)
        return self._turns

    async def _load(self, upload: UploadedFile, reader: _BatchReader) -> UploadedFile:
        while (batch := await self._in_thread(reader.next)) is not None:
            self._require_not_canceled(upload)
            upload = await self._store(upload, batch)
            self._require_not_canceled(upload)
        return upload

    async def _store(self, upload: UploadedFile, batch: _Batch) -> UploadedFile:
        """Post a batch until it is answered, and record its receipt."""
        assert upload.load is not None
        was_pending = upload.load.is_pending
        if not was_pending:
            upload = await self._change(upload, is_pending=True)
        upload, answer = await self._answer(upload, batch)
        if not answer.is_stored:
            upload = await self._change(upload, is_pending=False)
            raise _StoppedError(_problem_of(answer, batch))
        assert upload.load is not None
        status = upload.load.with_receipt(
            answer.body, batch.rows, batch.bytes, is_own=was_pending or not answer.is_replayed
        )
        return await self._uploads.change(upload, load=status)

    async def _answer(self, upload: UploadedFile, batch: _Batch) -> tuple[UploadedFile, PostedBatch]:
        clock = asyncio.get_running_loop().time
        deadline = clock() + RETRY_SECONDS_MAX
        while True:
            answer = await self._post(upload, batch)
            is_running = answer.status == 409 and "retry-after" in answer.headers
            if answer.status not in _RETRIED_STATUSES and not is_running:
                return upload, answer
            wait = _retry_after(answer)
            if clock() + wait > deadline:
                return upload, answer
            upload = await self._change(upload, waits_for=answer.body["message"])
            await self._pause(upload, wait * random.uniform(0.8, 1.2))  # noqa: S311  # it spreads retries

    async def _post(self, upload: UploadedFile, batch: _Batch) -> PostedBatch:
        assert upload.load is not None
        status, token = upload.load, upload.owner.token
        if not self._credentials.has_token(token):
            message = f"the token '{token}' has expired or was removed"
            raise GatewayError(Code.TOKEN_EXPIRED, message, hint="sign in with another token")
        found = self._live.snapshot.endpoints.get(status.connector)
        if found is None:
            message = f"the connector '{status.connector}' was removed, or its file is refused"
            raise GatewayError(Code.ENDPOINT_UNKNOWN, message, hint="restore its file, and continue the load")
        preferences = [
            *(["missing=default"] if batch.parameters else []),
            *(["handling=lenient"] if status.keeps_bad_rows else []),
        ]
        outgoing = OutgoingBatch(
            found.connector.path,
            batch.body.media,
            batch.body.data,
            batch.key,
            batch.parameters,
            tuple(preferences),
        )
        return await self._poster.post(outgoing, token)

    async def _pause(self, upload: UploadedFile, seconds: float) -> None:
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while (left := end - clock()) > 0:
            self._require_not_canceled(upload)
            await asyncio.sleep(min(left, 0.1))

    def _require_not_canceled(self, upload: UploadedFile) -> None:
        if upload.id in self._canceled:
            raise _StoppedError(LoadProblem("", "The load was canceled."))

    async def _end(self, upload: UploadedFile, problem: LoadProblem | None) -> None:
        # The status as it was recorded last, which may be ahead of the caller's.
        upload = self._uploads.find(upload.id, upload.owner)
        done = {"bytes": upload.size, "state": "done"} if problem is None else {"state": "stopped"}
        await self._change(upload, **done, problem=problem, waits_for=None)

    async def _change(self, upload: UploadedFile, **changes: Any) -> UploadedFile:
        assert upload.load is not None
        return await self._uploads.change(upload, load=replace(upload.load, **changes))

    async def _in_thread(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def _problem_of(answer: PostedBatch, batch: _Batch) -> LoadProblem:
    """Return why a batch was refused, with the places of its bad rows in the file."""
    body = answer.body
    listed = body.get("errors", ())[:_SHOWN_ROWS_MAX]
    errors = tuple(
        {
            "row": batch.before + error["row"] if error["row"] is not None else None,
            "line": batches.line_of(error, batch.body),
            "field": error["field"],
            "code": error["code"],
            "message": error["message"],
        }
        for error in listed
    )
    return LoadProblem(body["code"], body["message"], body["hint"], errors, body.get("error_count", 0))


def _retry_after(answer: PostedBatch) -> float:
    """Return the seconds to wait that a response asks for, between 0.1 and 30."""
    try:
        return min(max(float(answer.headers.get("retry-after", "")), 0.1), 30.0)
    except ValueError:
        return 1.0
