"""The cursors of readers: each is borrowed by one thread, and none while the memory limit is changed."""

import contextlib
import threading
from collections import deque
from collections.abc import Iterator

import duckdb


class Cursors:
    """Lends cursors of one connection. Any thread may call it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        # The lock guards the next two.
        self._lock = threading.Lock()
        # PERF: the last used cursor is used next, because its memory is still in the caches.
        self._free: deque[duckdb.DuckDBPyConnection] = deque()
        self._borrowed = 0

    def borrow(self) -> duckdb.DuckDBPyConnection:
        """Return a cursor that no other thread uses, until `give_back`."""
        with self._lock:
            cursor = self._free.pop() if self._free else self._connection.cursor()
            self._borrowed += 1
            return cursor

    def give_back(self, cursor: duckdb.DuckDBPyConnection, *, is_clean: bool = True) -> None:
        """Return a borrowed cursor; close it if its state is unknown."""
        if not is_clean:
            cursor.close()
        with self._lock:
            self._borrowed -= 1
            if is_clean:
                self._free.append(cursor)

    @contextlib.contextmanager
    def unborrowed(self) -> Iterator[bool]:
        """Yield whether no cursor is borrowed; until the block ends none will be."""
        with self._lock:
            yield not self._borrowed

    def close(self) -> None:
        """Close the cursors that are not borrowed."""
        while self._free:
            self._free.pop().close()
