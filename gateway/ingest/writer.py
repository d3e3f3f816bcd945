"""The writer: one thread that runs every statement that changes the database, and commits in groups."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gateway.errors import Code, GatewayError, not_ready, trace
from gateway.ingest.lanes import QUANTUM, Lanes
from gateway.ingest.room import Room, Rooms
from gateway.machine import Disk
from gateway.store.batch import Batch, Receipt
from gateway.store.database import FatalError
from gateway.store.store import Store

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

#: What one transaction takes at most, so that nobody waits long for a crowd.
MAX_GROUP = 1000
MAX_GROUP_BYTES = 64 * 2**20
#: How long the queue must be empty before a checkpoint that is due is made, or tried again.
CHECKPOINT_SECONDS = 0.2


@dataclass(slots=True)
class _Waiting:
    """Something that waits for the writer thread: a batch to append, or a call to run alone."""

    batch: Batch | None = None
    call: Callable[[], Any] | None = None
    done: "Future[Any]" = field(default_factory=Future)

    @property
    def key(self) -> tuple[str, str | None, str] | None:
        """What no other batch of a group may have."""
        batch = self.batch
        return (batch.connector.name, batch.token, batch.key.text) if batch and batch.key else None


class Writer:
    """Owns the store's writing side. `append` and `run` may be called from any thread."""

    def __init__(self, store: Store, *, max_bytes: int, disk: Disk, fatal: Callable[[], None]) -> None:
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
        store.when_broken(self._leave)
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

    def append(self, batch: Batch) -> "Future[Receipt]":
        """Queue a batch. The future has its receipt once it is committed, or the reason it was not stored."""
        return self._wait_for(_Waiting(batch=batch), batch.connector.name, batch.table.nbytes)

    def run(self, call: Callable[[], _T], connector: str = "") -> "Future[_T]":
        """Queue a call that changes the database and must run on the writer thread, alone.

        It waits for its turn behind what the connector has there already; without one it is the gateway's own.
        """
        return self._wait_for(_Waiting(call=call), connector, QUANTUM)

    def close(self) -> None:
        """Take nothing more, write what waits, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _wait_for(self, waiting: _Waiting, lane: str, cost: int) -> "Future[Any]":
        with self._changed:
            if self._closing:
                raise not_ready()
            self._lanes.put(lane, waiting, cost)
            self._changed.notify()
        return waiting.done

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            if not group:
                self._is_due = self._store.checkpoint()
            elif group[0].batch is None:
                self._call(group[0])
            else:
                self._append(group)

    def _next_group(self) -> list[_Waiting] | None:
        """Take what waits, the connectors in turns: a call alone, or batches up to the limits; None means the end.

        Nothing waits where there is time for a checkpoint that is due.
        """
        with self._changed:
            while not self._lanes and not self._closing:
                if not self._changed.wait(CHECKPOINT_SECONDS if self._is_due else None):
                    return []
            if not self._lanes:
                return None
            return self._take_group()

    def _take_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        keys: set[tuple[str, str | None, str]] = set()
        size = 0
        while len(group) < MAX_GROUP and size < MAX_GROUP_BYTES:
            # A batch has to see what becomes of another one with its key.
            waiting = self._lanes.look(lambda each: each.key not in keys)
            if waiting is None or (waiting.batch is None and group):
                break
            self._lanes.take()
            group.append(waiting)
            if waiting.batch is None:
                break
            if waiting.key is not None:
                keys.add(waiting.key)
            size += waiting.batch.table.nbytes
        return group

    def _append(self, group: list[_Waiting]) -> None:
        """Commit a group; when that fails, commit its members one by one so that only the offender fails."""
        try:
            receipts = self._store.append([waiting.batch for waiting in group if waiting.batch])
        except Exception as error:  # noqa: BLE001  # whatever it is, every member must be answered
            if len(group) == 1 or isinstance(error, FatalError):
                self._fail(group, error)
            else:
                for waiting in group:
                    self._append([waiting])
            return
        for waiting, receipt in zip(group, receipts, strict=True):
            if isinstance(receipt, GatewayError):
                waiting.done.set_exception(receipt)
            else:
                waiting.done.set_result(receipt)

    def _call(self, waiting: _Waiting) -> None:
        assert waiting.call is not None
        try:
            result = waiting.call()
        except Exception as error:  # noqa: BLE001  # it belongs to whoever waits for the call
            waiting.done.set_exception(error)
        else:
            waiting.done.set_result(result)
            # A change of tables is in the WAL now, and shown by whoever waited for it before the checkpoint.
            self._is_due = True

    def _fail(self, group: list[_Waiting], error: Exception) -> None:
        if not isinstance(error, GatewayError) or error.code in (Code.INTERNAL, Code.STORE_FAILED):
            _log.error("the writer failed: %s", trace(error))
        for waiting in group:
            waiting.done.set_exception(error)

    def _leave(self) -> None:
        """Take nothing more, and send away what waits: none of it has been written. Any thread may call it."""
        with self._changed:
            if self._has_left:
                return
            self._has_left = self._closing = True
            waiting = list(self._lanes.drain())
            self._changed.notify_all()
        for each in waiting:
            each.done.set_exception(not_ready())
        self._fatal()
