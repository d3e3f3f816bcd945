"""A timeout that starts a timer only if the result is not available immediately."""

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class WithTimeout(Generic[_T]):
    """An awaitable with a timeout in seconds. Awaiting it raises TimeoutError when the time is over.

    PERF: most bodies are there already, and the timer of `asyncio.timeout` would cost each of them.
    """

    def __init__(self, awaited: Awaitable[_T], seconds: float) -> None:
        self._awaited = awaited
        self._seconds = seconds

    def __await__(self) -> Generator[Any, Any, _T]:
        """Return the result if it is available, else wait for it."""
        steps = self._awaited.__await__()
        try:
            pending = steps.send(None)
        except StopIteration as end:
            result: _T = end.value
            return result
        return (yield from _wait(steps, pending, self._seconds).__await__())


async def _wait(steps: Generator[Any, Any, _T], pending: object, seconds: float) -> _T:
    async with asyncio.timeout(seconds):
        return await _Rest(steps, pending)


class _Rest(Generic[_T]):
    """The rest of an awaitable that has already run up to its first pending future."""

    def __init__(self, steps: Generator[Any, Any, _T], pending: object) -> None:
        self._steps = steps
        self._pending = pending

    def __await__(self) -> Generator[Any, Any, _T]:
        try:
            while True:
                try:
                    sent = yield self._pending
                except BaseException as error:  # noqa: BLE001  # such as CancelledError
                    self._pending = self._steps.throw(error)
                else:
                    self._pending = self._steps.send(sent)
        except StopIteration as end:
            result: _T = end.value
            return result
