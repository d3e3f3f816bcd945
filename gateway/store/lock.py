"""The lock of a data directory: one process owns it at a time.

It is a file of its own: whoever opens and closes the DuckDB file loses the locks that DuckDB has on it.
"""

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

_log = logging.getLogger(__name__)

FILE = "store.lock"


class Locked(Exception):  # noqa: N818  # a state, not a fault of this process
    """Another process owns the data directory."""


def take(directory: Path, seconds: float) -> int:
    """Take the lock, waiting so long for it, and give what `release` needs.

    Raises:
        Locked: Naming the process that still has it.
    """
    descriptor = os.open(directory / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + seconds
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if time.monotonic() > deadline:
                owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
                os.close(descriptor)
                message = f"the data directory {directory} is in use by process {owner or 'unknown'}"
                raise Locked(
                    f"{message}; one process owns it: stop that one, or give this one its own --data"
                ) from error
            if not told:
                _log.info("waiting for the process that owns %s", directory)
            told = True
            time.sleep(0.05)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            return descriptor


def release(taken: int) -> None:
    """Let go of the lock."""
    os.close(taken)


@contextlib.contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold the lock in a block, where nobody else has it.

    Raises:
        Locked: Where somebody has.
    """
    taken = take(directory, 0)
    try:
        yield
    finally:
        release(taken)
