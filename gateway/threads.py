"""A thread pool that keeps the request of each call for its log records, a time limit, and the event that stops the process."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

#: Set by the worker once this process must stop; checked by code that waits before the process serves.
STOPPING = threading.Event()


class ContextThreadPool(ThreadPoolExecutor):
    """A pool that runs each call in the context of its caller, as `asyncio.to_thread` does."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Run a call in one of the threads."""
        return super().submit(copy_context().run, fn, *args, **kwargs)


@contextlib.contextmanager
def called_after(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Call a function on another thread if a block lasts longer than `seconds`."""
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
