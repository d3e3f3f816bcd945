"""The threads that decompress, parse, and check bodies, shared fairly between connectors."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

from gateway.ingest.fair_queue import FairQueue

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: The cost of a call whose bytes are not counted, such as the decompression of a piece of a body.
PIECE_BYTES = 2**18


class ParsePool:
    """A bounded number of threads that take calls from a `FairQueue`. Any thread may call it."""

    def __init__(self, threads: int) -> None:
        self._lock = threading.Lock()
        self._queue: FairQueue[tuple[Future[Any], Callable[[], Any]]] = FairQueue()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="parse")

    def executor_for(self, connector: str, cost: int = PIECE_BYTES) -> Executor:
        """Return the executor for calls of one connector, each of which costs that many bytes of its share."""
        return _ConnectorExecutor(self, connector, cost)

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


class _ConnectorExecutor(Executor):
    """An executor whose calls wait in one connector's lane."""

    def __init__(self, pool: ParsePool, connector: str, cost: int) -> None:
        self._pool = pool
        self._connector = connector
        self._cost = cost

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        """Queue a call. It runs in the context of its caller, as with `asyncio.to_thread`."""
        context = copy_context()
        return self._pool.put(self._connector, self._cost, lambda: context.run(fn, *args, **kwargs))
