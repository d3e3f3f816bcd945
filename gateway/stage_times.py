"""Begin and end of the stages of a traced request, which run on several threads."""

import time
from typing import NamedTuple


class Stage(NamedTuple):
    """A stage of a request, with its begin and its end in nanoseconds of the monotonic clock."""

    name: str
    began: int
    ended: int


class StageTimes:
    """The stages of one request. They follow each other: a stage ends where the next one begins.

    Any thread may record. It only appends to a list, which is atomic, so the threads of a request need no lock.

    Attributes:
        began: The time of the monotonic clock at which the request began, in nanoseconds.
    """

    __slots__ = ("_marks", "began")

    def __init__(self) -> None:
        self.began = time.monotonic_ns()
        self._marks: list[tuple[int, str | None]] = []

    def begin(self, name: str) -> None:
        """Begin a stage, and end the one before it."""
        self._marks.append((time.monotonic_ns(), name))

    def end(self) -> None:
        """End the stage that runs; no other one begins."""
        self._marks.append((time.monotonic_ns(), None))

    def until(self, end: int) -> list[Stage]:
        """Return the stages up to the end of the request, in order.

        A thread may still work for a client that has left. What it records later is not part of the request.
        """
        marks = sorted((mark for mark in tuple(self._marks) if mark[0] <= end), key=lambda mark: mark[0])
        ends = [*(at for at, _ in marks), end][1:]
        return [
            Stage(name, at, ended) for (at, name), ended in zip(marks, ends, strict=True) if name is not None
        ]
