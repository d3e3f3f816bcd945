"""The lock of a data directory: one process owns it at a time.

It is a separate file: a process that opens and closes the DuckDB file loses the locks that DuckDB has on it.
"""

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.threads import STOPPING

_log = logging.getLogger(__name__)

FILE = "store.lock"


class Locked(Exception):  # noqa: N818  # a state, not a fault of this process
    """Another process owns the data directory."""


def take(directory: Path, seconds: float) -> int:
    """Acquire the lock, waiting at most `seconds`, and return its descriptor for `release`.

    The file then has the ids of this process and of its parent, for `owner`.

    Raises:
        Locked: Another process still has it, or this process was told to stop while it waited.
    """
    descriptor = os.open(directory / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + seconds
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if time.monotonic() > deadline or STOPPING.is_set():
                held_by = _read(descriptor)
                os.close(descriptor)
                told_to = "it was told to stop while it waited: " if STOPPING.is_set() else ""
                raise Locked(told_to + in_use(directory, held_by[0] if held_by else None)) from error
            if not told:
                _log.info("waiting for the process that owns %s", directory)
            told = True
            STOPPING.wait(0.05)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {os.getppid()}".encode(), 0)
            return descriptor


def in_use(directory: Path, process: int | None) -> str:
    """Return the message that names the owner of the lock and the next action."""
    owner = "another process" if process is None else f"process {process}"
    return (
        f"the data directory {directory} is in use by {owner}; one process owns it:"
        " stop that one, or give this one its own --data"
    )


def owner(directory: Path) -> int | None:
    """Return the process that has the lock and keeps it; None if the lock is free or is about to be released.

    A worker whose arbiter is gone exits by itself. If either process is not visible, as in another container, the
    result is None, too: the caller must wait for the lock to find out.
    """
    try:
        descriptor = os.open(directory / FILE, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held_by = _read(descriptor)
        return held_by[0] if held_by and all(map(_is_alive, held_by)) else None
    else:
        return None
    finally:
        os.close(descriptor)


def _read(descriptor: int) -> tuple[int, ...] | None:
    try:
        return tuple(map(int, os.pread(descriptor, 64, 0).split())) or None
    except ValueError:
        return None


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def release(taken: int) -> None:
    """Release the lock."""
    os.close(taken)


@contextlib.contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold the lock during a block, without waiting for it.

    Raises:
        Locked: Another process has it.
    """
    taken = take(directory, 0)
    try:
        yield
    finally:
        release(taken)
