"""Patience: to wait for something so long and no longer, which costs a timer only where it is not there at once."""

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")


class InTime(Generic[_T]):
    """Something to be awaited within so many seconds; TimeoutError where it is not there by then."""

    def __init__(self, awaited: Awaitable[_T], seconds: float) -> None:
        self._awaited = awaited
        self._seconds = seconds

    def __await__(self) -> Generator[Any, Any, _T]:
        """Take it where it is there, else wait."""
        steps = self._awaited.__await__()
        try:
            waits_for = steps.send(None)
        except StopIteration as end:
            there: _T = end.value
            return there
        return (yield from _wait(steps, waits_for, self._seconds).__await__())


async def _wait(steps: Generator[Any, Any, _T], waits_for: object, seconds: float) -> _T:
    async with asyncio.timeout(seconds):
        return await _Rest(steps, waits_for)


class _Rest(Generic[_T]):
    """What is left of something that is awaited, once it has begun to wait for something else."""

    def __init__(self, steps: Generator[Any, Any, _T], waits_for: object) -> None:
        self._steps = steps
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, _T]:
        try:
            while True:
                try:
                    sent = yield self._waits_for
                except BaseException as error:  # noqa: BLE001  # such as that it is cancelled
                    self._waits_for = self._steps.throw(error)
                else:
                    self._waits_for = self._steps.send(sent)
        except StopIteration as end:
            there: _T = end.value
            return there
