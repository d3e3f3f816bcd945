"""Futures of an event loop that another thread resolves, many with one call of the loop."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any


class LoopFuture:
    """A future that is created on the event loop. Canceling it cancels nothing else."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()


def resolve_all(results: Iterable[tuple[LoopFuture, Any]]) -> None:
    """Resolve futures, each with its result, or with an exception to raise there. Any thread may call it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[LoopFuture, Any]]] = {}
    for pair in results:
        by_loop.setdefault(pair[0].loop, []).append(pair)
    for loop, pairs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # A closed loop has no tasks left that wait.
            loop.call_soon_threadsafe(_resolve, pairs)


def _resolve(results: list[tuple[LoopFuture, Any]]) -> None:
    for loop_future, result in results:
        if loop_future.future.done():  # The waiting task was canceled.
            continue
        if isinstance(result, BaseException):
            loop_future.future.set_exception(result)
        else:
            loop_future.future.set_result(result)
