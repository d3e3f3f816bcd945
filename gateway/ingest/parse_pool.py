"""The threads that decompress, parse, and check bodies, shared fairly between connectors."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from gateway.ingest.fair_queue import FairQueue

_T = TypeVar("_T")

#: The cost of a call whose bytes are not counted, such as the decompression of a piece of a body.
PIECE_BYTES = 2**18


class ParsePool:
    """A bounded number of threads that take calls from a `FairQueue`. Any thread may call it."""

    def __init__(self, threads: int) -> None:
        self._lock = threading.Lock()
        self._queue: FairQueue[tuple[Future[Any], Callable[[], Any]]] = FairQueue()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="parse")

    async def call(self, act: Callable[[], _T], connector: str, cost: int = PIECE_BYTES) -> _T:
        """Run a call of a connector in its caller's context, as `asyncio.to_thread` does, and wait for its result.

        Args:
            act: The call.
            connector: Whose share of the threads it takes.
            cost: How many bytes of that share.
        """
        return await asyncio.wrap_future(self.put(connector, cost, partial(copy_context().run, act)))

    def put(self, connector: str, cost: int, call: Callable[[], _T]) -> "Future[_T]":
        """Queue a call of a connector, and return its future."""
        future: Future[_T] = Future()
        with self._lock:
            self._queue.put(connector, (future, call), cost)
        # The pool gets one turn for each call; the fair queue picks the call when a thread is free.
        self._pool.submit(self._run_next)
        return future

    def close(self) -> None:
        """Run the queued calls, and end the threads."""
        self._pool.shutdown()

    def _run_next(self) -> None:
        with self._lock:
            queued = self._queue.peek()
            assert queued is not None
            self._queue.pop()
        future, call = queued
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  # the caller gets it from the future
            future.set_exception(error)
        else:
            future.set_result(result)
