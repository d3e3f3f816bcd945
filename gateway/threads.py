"""A thread pool that keeps the request of each call for its log records, and the event that stops the process."""

import threading
from collections.abc import Callable
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
