"""Loads: the rows of uploads, stored batch by batch in the background.

A load compares its file with those that were loaded before, and keeps a record of its batches, as `gateway load` does. So
one that was cut off goes on where it stopped, and of a file that has grown only the new rows are stored.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from gateway.auth.credentials import Credentials
from gateway.connectors.connector import Connector
from gateway.errors import Code, GatewayError, trace
from gateway.rowfile.batch_cutter import LoadBatch
from gateway.rowfile.batches import is_known
from gateway.rowfile.earlier_load import OverlapError
from gateway.rowfile.repeats import RETRY_SECONDS_MAX, retry_seconds
from gateway.threads import ContextThreadPool
from gateway.uploads import load_problems
from gateway.uploads.column_check import ColumnCheck, check_columns
from gateway.uploads.load_run import LoadRun, LoadRuns, takes_keys_again
from gateway.uploads.load_status import LoadProblem, LoadStatus
from gateway.uploads.reading import ReadingLimits
from gateway.uploads.row_poster import OutgoingBatch, PostedBatch, RowPoster
from gateway.uploads.upload import UploadedFile
from gateway.uploads.uploads import Uploads

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

#: How many files are loaded at the same time; others wait for their turn.
LOADS_MAX = 2
#: Statuses after which nothing was stored and a retry may succeed; a 409 with Retry-After is retried too.
_RETRIED_STATUSES = (408, 429, 503)
#: How long the end of the process waits for the loads.
_STOP_SECONDS = 5.0
#: Seconds between two looks for whether a load that waits may go on.
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class LoadChoice:
    """The choices of a user for a load.

    Attributes:
        without: The columns that are left out, by name or number.
        keeps_bad_rows: Whether bad rows are kept where the connector leaves that to the request.
        again: Whether the rows are stored once more, if they were loaded before.
        rest: Whether the rows after those that are known are stored, if the file has changed before them.
    """

    without: tuple[str, ...] = ()
    keeps_bad_rows: bool = False
    again: bool = False
    rest: bool = False


class _StoppedError(Exception):
    """A load cannot go on."""

    def __init__(self, problem: LoadProblem) -> None:
        super().__init__()
        self.problem = problem


class Loads:
    """The loads of all uploads. Belongs to the event loop, but for `stop`."""

    def __init__(
        self,
        uploads: Uploads,
        runs: LoadRuns,
        poster: RowPoster,
        credentials: Credentials,
        thread: ContextThreadPool,
        limits: ReadingLimits,
    ) -> None:
        """Prepare; `thread` reads all files."""
        self._uploads = uploads
        self._runs = runs
        self._poster = poster
        self._credentials = credentials
        self._thread = thread
        self._limits = limits
        # The connectors and tokens of the loads that run. Two of one pair would not see each other's rows.
        self._turns: set[tuple[str, str]] = set()
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
        status = _begun(upload.load, connector, choice)
        self._canceled.discard(upload.id)
        self._loop = asyncio.get_running_loop()
        upload = await self._uploads.change(upload, connector=connector.name, load=status)
        task = self._tasks[upload.id] = asyncio.create_task(self._run(upload, rest=choice.rest))
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

    async def _run(self, upload: UploadedFile, *, rest: bool) -> None:
        try:
            async with self._turn(upload):
                await self._load(upload, self._runs.run(upload, rest=rest))
            await self._end(upload, None)
        except _StoppedError as stopped:
            await self._end(upload, stopped.problem)
        except OverlapError as error:
            await self._end(upload, load_problems.overlapping(error))
        except GatewayError as error:
            await self._end(upload, LoadProblem.of(error))
        except Exception as error:  # noqa: BLE001  # the user must learn of its end
            _log.error("a load failed: %s", trace(error))
            await self._end(upload, LoadProblem.of(GatewayError(Code.INTERNAL, hint="continue the load")))

    @asynccontextmanager
    async def _turn(self, upload: UploadedFile) -> AsyncIterator[None]:
        """Wait until a load may run."""
        assert upload.load is not None
        pair = (upload.load.connector, upload.owner.token)
        while len(self._turns) >= LOADS_MAX or pair in self._turns:
            await self._pause(upload, _LOOK_SECONDS)
        self._turns.add(pair)
        try:
            yield
        finally:
            self._turns.discard(pair)

    async def _load(self, upload: UploadedFile, run: LoadRun) -> None:
        try:
            rows = await self._runs.settled(lambda: self._in_thread(run.begin))
            assert upload.load is not None
            upload = await self._uploads.change(upload, load=upload.load.after_rows(rows))
            while (batch := await self._in_thread(run.next)) is not None:
                self._require_possible(upload)
                upload = await self._store(upload, run, *batch)
                self._require_possible(upload)
            await self._in_thread(run.end)
        finally:
            await self._in_thread(run.close)

    async def _store(
        self, upload: UploadedFile, run: LoadRun, batch: LoadBatch, parameters: Mapping[str, str]
    ) -> UploadedFile:
        """Post a batch until it is answered, and record its receipt."""
        assert upload.load is not None
        was_pending = upload.load.is_pending
        await self._in_thread(partial(run.add_pending, batch))
        if not was_pending:
            upload = await self._change(upload, is_pending=True)
        try:
            upload, answer = await self._answer(upload, batch, parameters)
        except (GatewayError, _StoppedError):  # Every response said that nothing was stored.
            await self._in_thread(partial(run.add_unsent, batch))
            raise
        if is_known(batch.body, answer.body.get("code", "")):
            answer = PostedBatch.replayed()
        if not answer.is_stored:
            upload = await self._change(upload, is_pending=False)
            await self._in_thread(run.add_declined if answer.names_rows else partial(run.add_unsent, batch))
            raise _StoppedError(load_problems.refused(answer, batch))
        assert upload.load is not None
        status = upload.load.with_receipt(
            answer.body, batch.until, batch.body.bytes_read, is_own=was_pending or not answer.is_replayed
        )
        upload = await self._uploads.change(upload, load=status)
        add_stored = partial(run.add_stored, batch, answer.body["batch"])
        await self._runs.settled(lambda: self._in_thread(add_stored))
        return upload

    async def _answer(
        self, upload: UploadedFile, batch: LoadBatch, parameters: Mapping[str, str]
    ) -> tuple[UploadedFile, PostedBatch]:
        clock = asyncio.get_running_loop().time
        deadline = clock() + RETRY_SECONDS_MAX
        while True:
            answer = await self._post(upload, batch, parameters)
            is_running = answer.status == 409 and "retry-after" in answer.headers
            if answer.status not in _RETRIED_STATUSES and not is_running:
                return upload, answer
            wait = retry_seconds(answer.headers.get("retry-after"))
            if clock() + wait > deadline:
                return upload, answer
            upload = await self._change(upload, waits_for=load_problems.reason_to_wait(answer))
            await self._pause(upload, wait * random.uniform(0.8, 1.2))  # noqa: S311  # it spreads retries

    async def _post(
        self, upload: UploadedFile, batch: LoadBatch, parameters: Mapping[str, str]
    ) -> PostedBatch:
        assert upload.load is not None
        connector = self._require_possible(upload)
        preferences = [
            *(["missing=default"] if parameters else []),
            *(["handling=lenient"] if upload.load.keeps_bad_rows else []),
        ]
        outgoing = OutgoingBatch(
            connector.path,
            batch.body.media,
            batch.body.data,
            batch.key,
            parameters,
            tuple(preferences),
        )
        return await self._poster.post(outgoing, upload.owner.token)

    async def _pause(self, upload: UploadedFile, seconds: float) -> None:
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        while (left := end - clock()) > 0:
            self._require_possible(upload)
            await asyncio.sleep(min(left, _LOOK_SECONDS))

    def _require_possible(self, upload: UploadedFile) -> Connector:
        """Check that a load may go on, and return its connector."""
        if upload.id in self._canceled:
            raise _StoppedError(
                LoadProblem("", "the load was canceled", hint="continue it, or delete the upload")
            )
        token = upload.owner.token
        if not self._credentials.has_token(token):
            message = f"the token '{token}' has expired or was removed"
            raise GatewayError(Code.TOKEN_EXPIRED, message, hint="sign in with another token")
        return self._runs.connector_of(upload)

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


def _begun(before: LoadStatus | None, connector: Connector, choice: LoadChoice) -> LoadStatus:
    """Return the status of a load that begins, or continues one that has stopped.

    Where rows may come again by their keys, each new load stores all of them: the store may have others by now.
    """
    is_again = choice.again or takes_keys_again(connector)
    seed = secrets.token_hex(8) if is_again else ""
    if before is None or choice.again or before.connector != connector.name:
        before = LoadStatus(connector.name, seed)
    elif before.state != "done":
        seed = before.seed
    return replace(
        before,
        seed=seed,
        without=choice.without,
        keeps_bad_rows=choice.keeps_bad_rows,
        state="running",
        problem=None,
    )
