"""What DuckDB keeps in memory of the blocks of its file: all that was read, and little of what was only written."""

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from gateway.store.engine.block_cache import KEPT_BYTES, WRITTEN_BYTES_MAX
from gateway.store.engine.duckdb_file import DuckDBFile

MEMORY = 2**29
MIB = 2**20
_seeds = itertools.count(1)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[DuckDBFile]:
    with closing(DuckDBFile(tmp_path, memory=MEMORY)) as database:
        database.writer.execute("CREATE TABLE t (a UBIGINT, b UBIGINT)")
        yield database


def write(database: DuckDBFile, size: int) -> None:
    """Write rows that no compression makes smaller, and a checkpoint."""
    with database.transaction() as writer:
        seed = next(_seeds)
        writer.execute(
            f"INSERT INTO t SELECT hash(i, {seed}), hash(i, {seed}, 1) FROM range({size // 16}) r(i)"
        )
    database.request_maintenance()
    database.maintain()


def cached(database: DuckDBFile) -> int:
    return database.usage().cached


def limit(database: DuckDBFile) -> list[tuple[str]]:
    return database.rows("SELECT current_setting('memory_limit')")


def test_blocks_that_were_only_written_are_dropped(database):
    before = limit(database)
    for _ in range(8):
        write(database, WRITTEN_BYTES_MAX)
        assert cached(database) < KEPT_BYTES + 2 * WRITTEN_BYTES_MAX

    assert database.usage().file > 7 * WRITTEN_BYTES_MAX
    assert limit(database) == before
    assert database.rows("SELECT count(DISTINCT a) FROM t") == [(8 * WRITTEN_BYTES_MAX // 16,)]


def test_blocks_that_were_read_stay_in_memory(database):
    write(database, 96 * MIB)
    written = cached(database)
    database.rows("SELECT sum(a), sum(b) FROM t")
    read = cached(database)
    write(database, 2 * WRITTEN_BYTES_MAX)

    assert written < KEPT_BYTES + WRITTEN_BYTES_MAX
    assert read > 90 * MIB
    assert cached(database) > read - 2 * MIB


def test_nothing_is_dropped_while_a_cursor_is_borrowed(database):
    with database.cursor():
        write(database, 64 * MIB)
        kept = cached_by(database.writer)
    database.maintain()

    assert kept > 60 * MIB
    assert cached(database) < KEPT_BYTES + WRITTEN_BYTES_MAX


def cached_by(connection: duckdb.DuckDBPyConnection) -> int:
    return connection.execute(
        "SELECT memory_usage_bytes FROM duckdb_memory() WHERE tag = 'BASE_TABLE'"
    ).fetchall()[0][0]


class Stubborn:
    """A connection that refuses to raise the memory limit, so many times."""

    def __init__(self, real: duckdb.DuckDBPyConnection, times: int) -> None:
        self._real, self.times = real, times

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        if sql == f"SET memory_limit = '{MEMORY}B'" and self.times:
            self.times -= 1
            raise duckdb.OutOfMemoryException("not now")
        return self._real.execute(sql)


def test_limit_that_stayed_low_is_raised_later(database, monkeypatch):
    before = limit(database)
    stubborn = Stubborn(database.writer, 2)
    monkeypatch.setattr(database._block_cache, "_connection", stubborn)
    write(database, 64 * MIB)
    lowered = limit(database)
    for _ in range(2):
        database.maintain()

    assert stubborn.times == 0
    assert lowered != before
    assert limit(database) == before
