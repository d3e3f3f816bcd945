"""The writer: one thread that runs every statement that changes the database, and commits in groups."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gateway.errors import Code, GatewayError, trace
from gateway.store.batch import Batch, Receipt
from gateway.store.database import FatalError
from gateway.store.store import Store

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

#: What one transaction takes at most, so that nobody waits long for a crowd.
MAX_GROUP = 1000
MAX_GROUP_BYTES = 64 * 2**20


@dataclass(slots=True)
class _Waiting:
    """Something that waits for the writer thread: a batch to append, or a call to run alone."""

    batch: Batch | None = None
    call: Callable[[], Any] | None = None
    done: "Future[Any]" = field(default_factory=Future)


class Writer:
    """Owns the store's writing side. `append` and `run` may be called from any thread."""

    def __init__(self, store: Store, *, max_bytes: int, fatal: Callable[[], None]) -> None:
        """Start the thread.

        Args:
            store: What it writes to.
            max_bytes: How many bytes of bodies may be received or wait at a time.
            fatal: Called once when the database can no longer be used by this process.
        """
        self._store = store
        self._max_bytes = max_bytes
        self._fatal = fatal
        # The lock guards all of these.
        self._changed = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._admitted_bytes = 0
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def admit(self, size: int) -> None:
        """Make room for a body of that size before it is read; `release` gives the room back.

        Raises:
            GatewayError: When there is none, with `Retry-After`.
        """
        with self._changed:
            if self._closing:
                raise GatewayError(Code.NOT_READY, headers={"Retry-After": "2"})
            if self._admitted_bytes and self._admitted_bytes + size > self._max_bytes:
                raise GatewayError(
                    Code.QUEUE_FULL, hint="send again a little later", headers={"Retry-After": "1"}
                )
            self._admitted_bytes += size

    def release(self, size: int) -> None:
        """Give back the room of a body that has been answered."""
        with self._changed:
            self._admitted_bytes -= size

    def append(self, batch: Batch) -> "Future[Receipt]":
        """Queue a batch. The future has its receipt once it is committed, or the reason it was not stored."""
        return self._wait_for(_Waiting(batch=batch))

    def run(self, call: Callable[[], _T]) -> "Future[_T]":
        """Queue a call that changes the database and must run on the writer thread, alone."""
        return self._wait_for(_Waiting(call=call))

    def close(self) -> None:
        """Take nothing more, write what waits, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _wait_for(self, waiting: _Waiting) -> "Future[Any]":
        with self._changed:
            if self._closing:
                raise GatewayError(Code.NOT_READY, headers={"Retry-After": "2"})
            self._queue.append(waiting)
            self._changed.notify()
        return waiting.done

    def _run(self) -> None:
        while group := self._next_group():
            if group[0].batch is None:
                self._call(group[0])
            else:
                self._append(group)

    def _next_group(self) -> list[_Waiting]:
        """Take what waits: a call alone, or batches up to the limits; nothing means the end."""
        with self._changed:
            while not self._queue and not self._closing:
                self._changed.wait()
            group: list[_Waiting] = []
            size = 0
            while self._queue and len(group) < MAX_GROUP and size < MAX_GROUP_BYTES:
                batch = self._queue[0].batch
                if batch is None and group:
                    break
                group.append(self._queue.popleft())
                if batch is None:
                    break
                size += batch.table.nbytes
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
            waiting.done.set_result(receipt)

    def _call(self, waiting: _Waiting) -> None:
        assert waiting.call is not None
        try:
            result = waiting.call()
        except Exception as error:  # noqa: BLE001  # it belongs to whoever waits for the call
            self._fail([waiting], error)
        else:
            waiting.done.set_result(result)

    def _fail(self, group: list[_Waiting], error: Exception) -> None:
        if not isinstance(error, GatewayError) or error.code in (Code.INTERNAL, Code.STORE_FAILED):
            _log.error("the writer failed: %s", trace(error))
        if isinstance(error, FatalError):
            with self._changed:
                self._closing = True
                group = [*group, *self._queue]
                self._queue.clear()
            self._fatal()
        for waiting in group:
            waiting.done.set_exception(error)
