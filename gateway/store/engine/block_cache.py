"""The blocks of the file that DuckDB keeps in memory: those that were only written are dropped again.

DuckDB keeps each block that it writes, until its memory limit is reached. Rows that arrive would fill that limit, and
few of them are read again; the kernel keeps their pages, too. Blocks that were read stay up to the limit, as a cache
should.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb

from gateway.store.engine.cursors import Cursors

#: The bytes that are written into the file before blocks are dropped.
WRITTEN_BYTES_MAX = 16 * 2**20
#: The bytes of blocks that are kept in any case, which leaves the statements of the writer room for their own memory.
KEPT_BYTES = 32 * 2**20

_USED = (
    "SELECT sum(memory_usage_bytes)::BIGINT,"
    " sum(memory_usage_bytes) FILTER (tag = 'BASE_TABLE')::BIGINT FROM duckdb_memory()"
)


class BlockCache:
    """Drops as many blocks as were written. It belongs to the writer thread."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, cursors: Cursors, path: Path, memory: int
    ) -> None:
        """Create it for the file at `path`, whose `connection` may use `memory` bytes."""
        self._connection = connection
        self._cursors = cursors
        self._path = path
        self._memory = memory
        self._size = _size(path)
        self._written = 0
        self._is_limited = False

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """Count the blocks that a checkpoint writes inside a block of code, also into free parts of the file."""
        self._count_growth()
        before = self._cached()
        yield
        self._written += max(0, self._cached() - before)
        self._size = _size(self._path)

    def _count_growth(self) -> None:
        """Count what was written outside of a checkpoint, which DuckDB does for many rows in one batch."""
        size = _size(self._path)
        self._written += max(0, size - self._size)
        self._size = size

    def _cached(self) -> int:
        ((_, cached),) = self._connection.execute(_USED).fetchall()
        return int(cached)

    def trim(self) -> None:
        """Drop the oldest blocks if many were written, and nothing is read now. Never raises."""
        self._count_growth()
        if self._written < WRITTEN_BYTES_MAX and not self._is_limited:
            return
        with self._cursors.unborrowed() as is_unborrowed:
            if is_unborrowed and self._drop(self._written):
                self._written = 0

    def _drop(self, written: int) -> bool:
        """Drop blocks of that many bytes, those first that were used longest ago; return whether the limit is as before.

        DuckDB drops blocks only to get below its memory limit, which is therefore lower for a moment. A query that ran
        in that moment could get no memory: no cursor may be borrowed.
        """
        with contextlib.suppress(duckdb.Error):
            ((used, cached),) = self._connection.execute(_USED).fetchall()
            dropped = min(written, cached - KEPT_BYTES)
            if dropped > 0 and used - dropped < self._memory:
                self._is_limited = True
                self._connection.execute(f"SET memory_limit = '{used - dropped}B'")
        if self._is_limited:
            with contextlib.suppress(duckdb.Error):
                self._connection.execute(f"SET memory_limit = '{self._memory}B'")
                self._is_limited = False
        return not self._is_limited


def _size(path: Path) -> int:
    """Return the bytes of a file, 0 if it cannot be found."""
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0
