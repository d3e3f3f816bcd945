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
from gateway.ingest.admission import Room, Rooms
from gateway.ingest.fair_queue import QUANTUM, Lanes
from gateway.ingest.loop_futures import Answer
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
    """A batch that waits for the writer thread."""

    batch: Batch
    answer: Answer

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


_Waiting = _Append | _Call


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
        self._rooms = Rooms(max_bytes)
        self._disk = disk
        self._fatal = fatal
        # The lock guards these two.
        self._changed = threading.Condition()
        self._lanes: Lanes[_Waiting] = Lanes()
        self._closing = False
        self._has_left = False
        # The writer thread alone looks at this: whether there may be a checkpoint to make.
        self._is_due = False
        store.on_failure(self._leave)
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def admit(self, size: int, connector: str) -> Room:
        """Let a body of that size in, before it is read; what it has beyond that needs room when it comes.

        Raises:
            GatewayError: When there is no room for it now, or no space on the disk, with `Retry-After`.
        """
        if self._closing:
            raise not_ready()
        self._disk.require_space()
        return self._rooms.admit(size, connector)

    def append(self, batch: Batch) -> "asyncio.Future[Receipt]":
        """Queue a batch. The future has its receipt once it is committed, or the reason it was not stored.

        Whoever cancels it, because the client has left, does not cancel the commit.
        """
        waiting = _Append(batch, Answer())
        self._put(waiting, batch.connector.name, batch.rows.nbytes)
        # PERF: at the end of the loop's turn, for amid it the thread only waits for the GIL, and then takes fewer.
        waiting.answer.loop.call_soon(self._wake)
        return waiting.answer.future

    async def call(self, act: Callable[[StoreWriter], _T], connector: str) -> _T:
        """Run a call on the writer thread, and wait for its result.

        A task that is canceled because its client has left does not cancel the call.
        """
        return await asyncio.shield(asyncio.wrap_future(self.run(act, connector)))

    def run(self, act: Callable[[StoreWriter], _T], connector: str = "") -> "Future[_T]":
        """Queue a call that changes the database. It runs on the writer thread, alone, and receives the store.

        It waits for its turn behind the connector's queued work; without a connector it is the gateway's own.
        """
        waiting = _Call(act)
        self._put(waiting, connector, QUANTUM)
        self._wake()
        return waiting.done

    def close(self) -> None:
        """Take nothing more, write what waits, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _put(self, waiting: _Waiting, lane: str, cost: int) -> None:
        with self._changed:
            if self._closing:
                raise not_ready()
            self._lanes.put(lane, waiting, cost)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while (waiting := self._next()) is not None:
            if not waiting:
                self._is_due = self._store.maintain()
            elif isinstance(waiting, _Call):
                self._call(waiting)
            else:
                self._append(waiting)

    def _next(self) -> list[_Append] | _Call | None:
        """Take what waits, the connectors in turns: a call, or batches up to the limits; None means the end.

        Nothing waits where there is time for a checkpoint that is due.
        """
        with self._changed:
            while not self._lanes and not self._closing:
                if not self._changed.wait(CHECKPOINT_SECONDS if self._is_due else None):
                    return []
            if not self._lanes:
                return None
            return self._take()

    def _take(self) -> list[_Append] | _Call:
        group: list[_Append] = []
        keys: set[tuple[str, str | None, str]] = set()
        size = 0
        while len(group) < MAX_GROUP and size < MAX_GROUP_BYTES:
            # A batch has to see what becomes of another one with its key.
            waiting = self._lanes.look(lambda each: isinstance(each, _Call) or each.key not in keys)
            if waiting is None or (isinstance(waiting, _Call) and group):
                break
            self._lanes.take()
            if isinstance(waiting, _Call):
                return waiting
            group.append(waiting)
            if waiting.key is not None:
                keys.add(waiting.key)
            size += waiting.batch.rows.nbytes
        return group

    def _append(self, group: list[_Append]) -> None:
        """Commit a group; when that fails, commit its members one by one so that only the offender fails."""
        try:
            receipts = self._store.append([waiting.batch for waiting in group])
        except Exception as error:  # noqa: BLE001  # whatever it is, every member must be answered
            if len(group) == 1 or isinstance(error, FatalError):
                self._fail(group, error)
            else:
                for waiting in group:
                    self._append([waiting])
            return
        loop_futures.give((waiting.answer, receipt) for waiting, receipt in zip(group, receipts, strict=True))

    def _call(self, waiting: _Call) -> None:
        try:
            result = waiting.act(self._store)
        except Exception as error:  # noqa: BLE001  # it belongs to whoever waits for the call
            waiting.done.set_exception(error)
        else:
            waiting.done.set_result(result)
            # A change of tables is in the WAL now, and shown by whoever waited for it before the checkpoint.
            self._is_due = True

    def _fail(self, group: list[_Append], error: Exception) -> None:
        if not isinstance(error, GatewayError) or error.code in (Code.INTERNAL, Code.STORE_FAILED):
            _log.error("the writer failed: %s", trace(error))
        loop_futures.give((waiting.answer, error) for waiting in group)

    def _leave(self) -> None:
        """Take nothing more, and send away what waits: none of it has been written. Any thread may call it."""
        with self._changed:
            if self._has_left:
                return
            self._has_left = self._closing = True
            waiting = list(self._lanes.drain())
            self._changed.notify_all()
        loop_futures.give((each.answer, not_ready()) for each in waiting if isinstance(each, _Append))
        for each in waiting:
            if isinstance(each, _Call):
                each.done.set_exception(not_ready())
        self._fatal()
