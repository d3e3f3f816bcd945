"""The memory of a contestant: PSS, summed over its processes, looked at ten times a second."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Self

_PAUSE = 0.1
#: The kernel looks at every page of a process for this: of large ones it is asked less often, to leave the CPUs to them.
_SHARE = 0.05


def tree(roots: Iterable[int]) -> Iterator[int]:
    """Give processes and those that they have started, and those that these have."""
    for pid in roots:
        yield pid
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                yield from tree(map(int, children.read_text().split()))


def pss(pids: Iterable[int]) -> int:
    """Sum up what processes take of memory, in bytes: what some of them share counts once.

    https://docs.kernel.org/filesystems/proc.html
    """
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


class Peak:
    """The most that processes take while the block runs; `roots` is asked each time, for they may be replaced."""

    def __init__(self, roots: Callable[[], Iterable[int]]) -> None:
        self.bytes = 0
        self._roots = roots
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            began = time.perf_counter()
            self.bytes = max(self.bytes, pss(tree(self._roots())))
            if self._stop.wait(max(_PAUSE, (time.perf_counter() - began) / _SHARE)):
                return
