"""Values that another thread makes ahead of their use, in their order."""

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from queue import Full, Queue
from typing import TypeVar

_T = TypeVar("_T")

#: How many values wait for their use.
_WAITING_MAX = 1
#: Seconds between two looks of a thread for whether its values are still wanted.
_LOOK_SECONDS = 0.1


@contextmanager
def read_ahead(values: Iterator[_T]) -> Generator[Iterator[_T], None, None]:
    """Yield values that another thread makes, one ahead. Its error is raised after the values before it were used."""
    made: Queue[tuple[bool, _T | BaseException | None]] = Queue(_WAITING_MAX)
    is_over = threading.Event()

    def make() -> None:
        try:
            for value in values:
                if not _put(made, (True, value), is_over):
                    return
            _put(made, (False, None), is_over)
        except BaseException as error:  # noqa: BLE001  # the other thread raises it
            _put(made, (False, error), is_over)

    thread = threading.Thread(target=make, name="read-ahead", daemon=True)
    thread.start()
    try:
        yield _taken(made)
    finally:
        is_over.set()
        thread.join()


def _put(made: Queue[_T], value: _T, is_over: threading.Event) -> bool:
    """Add a value; return False if none is wanted any longer."""
    while not is_over.is_set():
        try:
            made.put(value, timeout=_LOOK_SECONDS)
        except Full:
            continue
        return True
    return False


def _taken(made: Queue[tuple[bool, _T | BaseException | None]]) -> Iterator[_T]:
    while True:
        is_value, value = made.get()
        if is_value:
            yield value  # type: ignore[misc]  # the flag says so
        elif value is None:
            return
        else:
            raise value  # type: ignore[misc]  # it is no value, so it is an error
