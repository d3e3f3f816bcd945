"""Answers: what an event loop waits for, and another thread gives, many at a time with one call of the loop."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any


class Answer:
    """One that is waited for. Made on the event loop; whoever stops waiting for it stops nothing else."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()


def give(answers: Iterable[tuple[Answer, Any]]) -> None:
    """Give answers to whoever waits for them, an exception for it to be raised there. Any thread may call it."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Answer, Any]]] = {}
    for each in answers:
        by_loop.setdefault(each[0].loop, []).append(each)
    for loop, some in by_loop.items():
        with contextlib.suppress(RuntimeError):  # A loop that is closed has nobody that waits.
            loop.call_soon_threadsafe(_give, some)


def _give(answers: list[tuple[Answer, Any]]) -> None:
    for answer, given in answers:
        if answer.future.done():  # Whoever waited has left.
            continue
        if isinstance(given, BaseException):
            answer.future.set_exception(given)
        else:
            answer.future.set_result(given)
