"""A timeout that starts a timer only if the result is not available immediately."""

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


async def result_of(awaited: Awaitable[_T], seconds: float) -> _T:
    """Return the result of an awaitable: at once if it is available, else within a timeout in seconds.

    PERF: most bodies are there already, and the timer of `asyncio.timeout` would cost each of them.

    Raises:
        TimeoutError: The time is over.
    """
    steps = awaited.__await__()
    try:
        pending = steps.send(None)
    except StopIteration as end:
        result: _T = end.value
        return result
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
