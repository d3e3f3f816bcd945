"""Threads: a pool whose threads know which request they work for, so that what they log says so.

And the one thing that a whole process is told: to stop.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

#: Set once this process was told to stop. Whoever waits for something before it serves looks at it; the worker sets it.
STOPPING = threading.Event()


class ContextThreadPool(ThreadPoolExecutor):
    """A pool that runs each call in the context of its caller, as `asyncio.to_thread` does."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Run a call in one of the threads."""
        return super().submit(copy_context().run, fn, *args, **kwargs)
