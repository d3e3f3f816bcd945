"""The writer: one thread that runs every statement that changes the database, and commits batches in groups."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gateway.errors import Code, GatewayError, not_ready, trace
from gateway.ingest import loop_futures
from gateway.ingest.fair_queue import QUANTUM, FairQueue
from gateway.ingest.loop_futures import LoopFuture
from gateway.ingest.memory_budget import MemoryBudget, Reservation
from gateway.request_context import current_stages
from gateway.resources import Disk
from gateway.stage_times import StageTimes
from gateway.store.batch import Batch, Receipt
from gateway.store.errors import CommitRefused, FatalError, StoreAway, StoreFailure
from gateway.store.interface import StoreWriter

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

#: The most batches and bytes in one transaction, so that no request waits long for a large group.
GROUP_BATCHES_MAX = 1000
GROUP_BYTES_MAX = 64 * 2**20
#: How often a group or a call is tried that another process has come before.
COMMIT_ATTEMPTS = 5
#: How long the queue must be empty before a due checkpoint is made, or tried again.
CHECKPOINT_SECONDS = 0.2


@dataclass(slots=True)
class _Append:
    """A queued batch, with the stages of its request if that is traced."""

    batch: Batch
    result: LoopFuture
    since: float
    stages: StageTimes | None

    @property
    def key(self) -> tuple[str, str | None, str] | None:
        """The idempotency key; no two batches of a group may have the same."""
        batch = self.batch
        return (batch.connector.name, batch.token, batch.key.text) if batch.key else None


@dataclass(slots=True)
class _Call:
    """A queued call, which runs in no group."""

    act: Callable[[StoreWriter], Any]
    since: float
    done: "Future[Any]" = field(default_factory=Future)


_Queued = _Append | _Call


@dataclass(frozen=True, slots=True)
class Backlog:
    """The work that waits for the writer.

    Attributes:
        held_bytes: The bytes that bodies hold until their rows are stored.
        max_bytes: How many bytes they may hold.
        queued: How many batches and calls are in the queue.
        oldest_seconds: How long the oldest one waits, the running ones included.
    """

    held_bytes: int
    max_bytes: int
    queued: int
    oldest_seconds: float


class Writer:
    """Owns the store's writing side, and hands it to calls on its thread alone.

    `append` and `call` belong to the event loop; any other thread may call `run`.
    """

    def __init__(self, store: StoreWriter, *, max_bytes: int, disk: Disk, fatal: Callable[[], None]) -> None:
        """Start the thread.

        Args:
            store: The store that it writes to.
            max_bytes: How many bytes of bodies may be received or wait at a time.
            disk: The disk of the store; while it is full every body is rejected.
            fatal: Called once when this process can no longer use the database.
        """
        self._store = store
        self._budget = MemoryBudget(max_bytes)
        self._disk = disk
        self._fatal = fatal
        # The condition guards the next four.
        self._condition = threading.Condition()
        self._queue: FairQueue[_Queued] = FairQueue()
        self._running: Sequence[_Queued] = ()
        self._is_closing = False
        self._is_broken = False
        # Whether a checkpoint may be due. Only the writer thread uses it.
        self._is_due = False
        store.on_failure(self._break)
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def reserve(self, size: int, connector: str) -> Reservation:
        """Reserve memory for a body before it is received. Bytes beyond `size` are reserved as they arrive.

        Raises:
            GatewayError: The memory budget or the disk is full, or a server that the store needs does not answer; with
                `Retry-After`.
        """
        if self._is_closing:
            raise not_ready()
        self._store.require_answer()
        self._disk.require_space()
        return self._budget.reserve(size, connector)

    def append(self, batch: Batch) -> "asyncio.Future[Receipt]":
        """Queue a batch. The future returns its receipt once it is committed, or raises why it was not stored.

        Canceling the future, because the client has left, does not cancel the commit.
        """
        stages = current_stages()
        if stages is not None:
            stages.begin("queue")
        queued = _Append(batch, LoopFuture(), time.monotonic(), stages)
        self._put(queued, batch.connector.name, batch.rows.nbytes)
        # PERF: wake the writer after this loop iteration. Woken earlier it waits for the GIL and commits smaller groups.
        queued.result.loop.call_soon(self._wake)
        return queued.result.future

    async def call(self, act: Callable[[StoreWriter], _T], connector: str) -> _T:
        """Run a call on the writer thread, and wait for its result.

        A task that is canceled because its client has left does not cancel the call.

        Raises:
            GatewayError: What the call raises, or a server that the store needs does not answer; with `Retry-After`.
        """
        self._store.require_answer()
        if (stages := current_stages()) is not None:
            stages.begin("queue")
            act = _timed(act, stages)
        return await asyncio.shield(asyncio.wrap_future(self.run(act, connector)))

    def run(self, act: Callable[[StoreWriter], _T], connector: str = "") -> "Future[_T]":
        """Queue a call that changes the database. It runs on the writer thread, alone, and receives the store.

        It waits for its turn behind the connector's queued work; without a connector it is the gateway's own.
        """
        queued = _Call(act, time.monotonic())
        self._put(queued, connector, QUANTUM)
        self._wake()
        return queued.done

    def backlog(self) -> Backlog:
        """Return the work that waits; any thread may call it."""
        with self._condition:
            queued, waiting = len(self._queue), [*self._queue.heads(), *self._running]
        since = min((each.since for each in waiting), default=None)
        oldest = 0.0 if since is None else time.monotonic() - since
        return Backlog(self._budget.held_bytes, self._budget.max_bytes, queued, oldest)

    def close(self) -> None:
        """Accept nothing more, write what is queued, and end the thread."""
        with self._condition:
            self._is_closing = True
            self._condition.notify()
        self._thread.join()

    def _put(self, queued: _Queued, lane: str, cost: int) -> None:
        with self._condition:
            if self._is_closing:
                raise not_ready()
            self._queue.put(lane, queued, cost)

    def _wake(self) -> None:
        with self._condition:
            self._condition.notify()

    def _run(self) -> None:
        while (is_waiting := self._wait()) is not None:
            if not is_waiting:
                self._is_due = self._store.maintain()
                continue
            # PERF: batches that come while other processes commit join the group.
            with contextlib.ExitStack() as turn:
                failure = None
                try:
                    turn.enter_context(self._store.turn_to_commit())
                except StoreAway as error:
                    failure = error
                self._commit(self._next(), failure)

    def _commit(self, queued: list[_Append] | _Call, failure: StoreAway | None) -> None:
        """Run a call or commit a group, unless its turn did not come."""
        if isinstance(queued, _Call):
            if failure is not None:
                queued.done.set_exception(failure)
            else:
                self._call(queued)
        elif queued and failure is not None:
            self._fail(queued, failure)
        elif queued:
            self._append(queued)

    def _wait(self) -> bool | None:
        """Wait until something is queued; return False if a due checkpoint can be made meanwhile, None at the end."""
        with self._condition:
            self._running = ()
            while not self._queue and not self._is_closing:
                if not self._condition.wait(CHECKPOINT_SECONDS if self._is_due else None):
                    return False
            return True if self._queue else None

    def _next(self) -> list[_Append] | _Call:
        """Return the next call, or the next group of batches; the group is empty if `_break` has taken all."""
        with self._condition:
            found = self._next_group()
            self._running = (found,) if isinstance(found, _Call) else found
            return found

    def _next_group(self) -> list[_Append] | _Call:
        group: list[_Append] = []
        keys: set[tuple[str, str | None, str]] = set()
        size = 0
        while len(group) < GROUP_BATCHES_MAX and size < GROUP_BYTES_MAX:
            # A batch must see the receipt of an earlier batch with its key.
            queued = self._queue.peek(lambda item: isinstance(item, _Call) or item.key not in keys)
            if queued is None or (isinstance(queued, _Call) and group):
                break
            self._queue.pop()
            if isinstance(queued, _Call):
                return queued
            group.append(queued)
            if queued.key is not None:
                keys.add(queued.key)
            size += queued.batch.rows.nbytes
        return group

    def _append(self, group: list[_Append]) -> None:
        """Commit a group. If that fails, commit its batches one by one, so that only the bad one fails.

        If it is unknown whether the group was committed, its batches without a key would be stored twice.
        """
        traced = [queued.stages for queued in group if queued.stages is not None]
        for stages in traced:
            stages.begin("commit")
        try:
            receipts = _repeated(lambda: self._store.append([queued.batch for queued in group]))
        except Exception as error:  # noqa: BLE001  # every batch of the group must get an answer
            if len(group) == 1 or isinstance(error, StoreFailure):
                self._fail(group, error)
            else:
                for queued in group:
                    self._append([queued])
            return
        for stages in traced:
            stages.end()
        loop_futures.resolve_all(
            (queued.result, receipt) for queued, receipt in zip(group, receipts, strict=True)
        )
        # PERF: the group has its answers before a checkpoint, and its clients send more during that.
        self._is_due = self._store.maintain()

    def _call(self, queued: _Call) -> None:
        try:
            result = _repeated(lambda: queued.act(self._store))
        except Exception as error:  # noqa: BLE001  # the caller gets it from the future
            queued.done.set_exception(error)
        else:
            queued.done.set_result(result)
            # A change of tables is in the WAL now. The waiting caller shows it before the checkpoint.
            self._is_due = True

    def _fail(self, group: list[_Append], error: Exception) -> None:
        if isinstance(error, StoreFailure) and not isinstance(error, FatalError):
            _log.error("nothing is committed: %s", error)
        elif not isinstance(error, GatewayError) or error.code in (Code.INTERNAL, Code.STORE_FAILED):
            _log.error("the writer failed: %s", trace(error))
        loop_futures.resolve_all((queued.result, error) for queued in group)

    def _break(self) -> None:
        """Accept nothing more, and reject the queue: none of it has been written. Any thread may call it."""
        with self._condition:
            if self._is_broken:
                return
            self._is_broken = self._is_closing = True
            rejected = list(self._queue.drain())
            self._condition.notify_all()
        loop_futures.resolve_all((item.result, not_ready()) for item in rejected if isinstance(item, _Append))
        for item in rejected:
            if isinstance(item, _Call):
                item.done.set_exception(not_ready())
        self._fatal()


def _repeated(act: Callable[[], _T]) -> _T:
    """Run a call of the store; run it again while other processes commit first, up to `COMMIT_ATTEMPTS` times."""
    for _ in range(COMMIT_ATTEMPTS - 1):
        with contextlib.suppress(CommitRefused):
            return act()
    return act()


def _timed(act: Callable[[StoreWriter], _T], stages: StageTimes) -> Callable[[StoreWriter], _T]:
    """Return a call that records when it runs, in the stages of its request."""

    def timed_act(store: StoreWriter) -> _T:
        stages.begin("commit")
        try:
            return act(store)
        finally:
            stages.end()

    return timed_act
