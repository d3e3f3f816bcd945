"""Checking: the threads in which bodies are unpacked, parsed and checked, in turns between connectors."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

from gateway.ingest.fair_queue import Lanes

_P = ParamSpec("_P")
_T = TypeVar("_T")

#: What a call costs whose bytes nobody counts, such as unpacking a piece of a body.
PIECE = 2**18


class Checking:
    """A bounded number of threads, shared out as `Lanes` does. Any thread may call it."""

    def __init__(self, threads: int) -> None:
        self._lock = threading.Lock()
        self._lanes: Lanes[tuple[Future[Any], Callable[[], Any]]] = Lanes()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="checking")

    def lane(self, connector: str, cost: int = PIECE) -> Executor:
        """Give what runs the calls of one connector, each of which costs so many bytes of its share."""
        return _Lane(self, connector, cost)

    def close(self) -> None:
        """Finish what waits and end the threads."""
        self._pool.shutdown()

    def _put(self, connector: str, cost: int, call: Callable[[], _T]) -> "Future[_T]":
        future: Future[_T] = Future()
        with self._lock:
            self._lanes.put(connector, (future, call), cost)
        # As many turns as there are calls; whose turn it is shows when a thread is free.
        self._pool.submit(self._run_next)
        return future

    def _run_next(self) -> None:
        with self._lock:
            waiting = self._lanes.look()
            assert waiting is not None
            self._lanes.take()
        future, call = waiting
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  # it belongs to whoever waits for the call
            future.set_exception(error)
        else:
            future.set_result(result)


class _Lane(Executor):
    """The calls of one connector."""

    def __init__(self, checking: Checking, connector: str, cost: int) -> None:
        self._checking = checking
        self._connector = connector
        self._cost = cost

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        """Run a call when its turn has come, in the context of its caller, as `asyncio.to_thread` does."""
        context = copy_context()
        return self._checking._put(  # noqa: SLF001  # the other half of one idea
            self._connector, self._cost, lambda: context.run(fn, *args, **kwargs)
        )
