"""The writer: one thread that runs every statement that changes the database, and commits in groups."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gateway.errors import Code, GatewayError, not_ready, trace
from gateway.ingest import loop_futures
from gateway.ingest.admission import MemoryBudget, Reservation
from gateway.ingest.fair_queue import QUANTUM, FairQueue
from gateway.ingest.loop_futures import LoopFuture
from gateway.resources import Disk
from gateway.store.batch import Batch, Receipt
from gateway.store.errors import FatalError
from gateway.store.interface import StoreWriter

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

#: What one transaction takes at most, so that nobody waits long for a crowd.
MAX_GROUP = 1000
MAX_GROUP_BYTES = 64 * 2**20
#: How long the queue must be empty before a checkpoint that is due is made, or tried again.
CHECKPOINT_SECONDS = 0.2


@dataclass(slots=True)
class _Append:
    """A queued batch."""

    batch: Batch
    result: LoopFuture

    @property
    def key(self) -> tuple[str, str | None, str] | None:
        """What no other batch of a group may have."""
        batch = self.batch
        return (batch.connector.name, batch.token, batch.key.text) if batch.key else None


@dataclass(slots=True)
class _Call:
    """A call that waits for the writer thread, to run alone."""

    act: Callable[[StoreWriter], Any]
    done: "Future[Any]" = field(default_factory=Future)


_Queued = _Append | _Call


class Writer:
    """Owns the store's writing side, and hands it to calls on its thread alone.

    `append` and `call` belong to the event loop; any other thread may call `run`.
    """

    def __init__(self, store: StoreWriter, *, max_bytes: int, disk: Disk, fatal: Callable[[], None]) -> None:
        """Start the thread.

        Args:
            store: What it writes to.
            max_bytes: How many bytes of bodies may be received or wait at a time.
            disk: Where they are stored; while it is full no body is let in.
            fatal: Called once when the database can no longer be used by this process.
        """
        self._store = store
        self._budget = MemoryBudget(max_bytes)
        self._disk = disk
        self._fatal = fatal
        # The lock guards these two.
        self._changed = threading.Condition()
        self._queue: FairQueue[_Queued] = FairQueue()
        self._closing = False
        self._has_left = False
        # The writer thread alone looks at this: whether there may be a checkpoint to make.
        self._is_due = False
        store.on_failure(self._leave)
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def reserve(self, size: int, connector: str) -> Reservation:
        """Let a body of that size in, before it is read; what it has beyond that needs room when it comes.

        Raises:
            GatewayError: When there is no room for it now, or no space on the disk, with `Retry-After`.
        """
        if self._closing:
            raise not_ready()
        self._disk.require_space()
        return self._budget.reserve(size, connector)

    def append(self, batch: Batch) -> "asyncio.Future[Receipt]":
        """Queue a batch. The future has its receipt once it is committed, or the reason it was not stored.

        Whoever cancels it, because the client has left, does not cancel the commit.
        """
        queued = _Append(batch, LoopFuture())
        self._put(queued, batch.connector.name, batch.rows.nbytes)
        # PERF: at the end of the loop's turn, for amid it the thread only waits for the GIL, and then takes fewer.
        queued.result.loop.call_soon(self._wake)
        return queued.result.future

    async def call(self, act: Callable[[StoreWriter], _T], connector: str) -> _T:
        """Run a call on the writer thread, and wait for its result.

        A task that is canceled because its client has left does not cancel the call.
        """
        return await asyncio.shield(asyncio.wrap_future(self.run(act, connector)))

    def run(self, act: Callable[[StoreWriter], _T], connector: str = "") -> "Future[_T]":
        """Queue a call that changes the database. It runs on the writer thread, alone, and receives the store.

        It waits for its turn behind the connector's queued work; without a connector it is the gateway's own.
        """
        queued = _Call(act)
        self._put(queued, connector, QUANTUM)
        self._wake()
        return queued.done

    def close(self) -> None:
        """Take nothing more, write what waits, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _put(self, queued: _Queued, lane: str, cost: int) -> None:
        with self._changed:
            if self._closing:
                raise not_ready()
            self._queue.put(lane, queued, cost)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while (queued := self._next()) is not None:
            if not queued:
                self._is_due = self._store.maintain()
            elif isinstance(queued, _Call):
                self._call(queued)
            else:
                self._append(queued)

    def _next(self) -> list[_Append] | _Call | None:
        """Take what waits, the connectors in turns: a call, or batches up to the limits; None means the end.

        Nothing waits where there is time for a checkpoint that is due.
        """
        with self._changed:
            while not self._queue and not self._closing:
                if not self._changed.wait(CHECKPOINT_SECONDS if self._is_due else None):
                    return []
            if not self._queue:
                return None
            return self._take()

    def _take(self) -> list[_Append] | _Call:
        group: list[_Append] = []
        keys: set[tuple[str, str | None, str]] = set()
        size = 0
        while len(group) < MAX_GROUP and size < MAX_GROUP_BYTES:
            # A batch has to see what becomes of another one with its key.
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
        """Commit a group; when that fails, commit its members one by one so that only the offender fails."""
        try:
            receipts = self._store.append([queued.batch for queued in group])
        except Exception as error:  # noqa: BLE001  # whatever it is, every member must be answered
            if len(group) == 1 or isinstance(error, FatalError):
                self._fail(group, error)
            else:
                for queued in group:
                    self._append([queued])
            return
        loop_futures.resolve_all(
            (queued.result, receipt) for queued, receipt in zip(group, receipts, strict=True)
        )

    def _call(self, queued: _Call) -> None:
        try:
            result = queued.act(self._store)
        except Exception as error:  # noqa: BLE001  # it belongs to whoever waits for the call
            queued.done.set_exception(error)
        else:
            queued.done.set_result(result)
            # A change of tables is in the WAL now, and shown by whoever waited for it before the checkpoint.
            self._is_due = True

    def _fail(self, group: list[_Append], error: Exception) -> None:
        if not isinstance(error, GatewayError) or error.code in (Code.INTERNAL, Code.STORE_FAILED):
            _log.error("the writer failed: %s", trace(error))
        loop_futures.resolve_all((queued.result, error) for queued in group)

    def _leave(self) -> None:
        """Take nothing more, and send away what waits: none of it has been written. Any thread may call it."""
        with self._changed:
            if self._has_left:
                return
            self._has_left = self._closing = True
            queued = list(self._queue.drain())
            self._changed.notify_all()
        loop_futures.resolve_all((each.result, not_ready()) for each in queued if isinstance(each, _Append))
        for each in queued:
            if isinstance(each, _Call):
                each.done.set_exception(not_ready())
        self._fatal()
