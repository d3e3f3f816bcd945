"""Programs that read a table by parts see whole batches of it while rows arrive."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.growing_table import READERS, SCANS, SIZES, DuckDB, growing_table, storing


@pytest.fixture(scope="module")
def duckdb() -> Iterator[DuckDB]:
    duckdb = DuckDB()
    yield duckdb
    duckdb.close()


@pytest.fixture(params=SIZES)
def growing(server, name, request):
    return growing_table(server, name, request.param)


@pytest.fixture(params=[5, pytest.param(50, marks=pytest.mark.torture)])
def rounds(request) -> int:
    """How often each program reads."""
    return request.param


@pytest.mark.parametrize("format", READERS)
def test_duckdb_reads_whole_batches_while_rows_arrive(server, duckdb, growing, format, rounds):
    path, grow = growing
    url = f"{server.url}{path}?format={format}&order=n.desc"
    with storing(grow):
        for _ in range(rounds):
            ((count, distinct, last),) = duckdb.rows(
                f"SELECT count(*), count(DISTINCT s), max(n) FROM {READERS[format]}('{url}')"
            )
            assert count == distinct == last + 1


@pytest.mark.parametrize("format", READERS)
def test_duckdb_processes_with_one_name_read_whole_batches(server, duckdb, growing, format, rounds):
    """Check two processes that share address, name, token, and query: each reads the rows that its own HEAD request counted."""
    path, grow = growing
    url = f"{server.url}{path}?format={format}&order=n.desc"
    sql = f"SELECT count(*), count(DISTINCT s), max(n) FROM {READERS[format]}('{url}')"
    other = DuckDB()
    with contextlib.closing(other), storing(grow), ThreadPoolExecutor(2) as readers:
        seen = list(readers.map(lambda one: [one.rows(sql)[0] for _ in range(rounds)], (duckdb, other)))
    for count, distinct, last in (*seen[0], *seen[1]):
        assert count == distinct == last + 1


@pytest.mark.parametrize("format", SCANS)
def test_polars_scans_whole_batches_while_rows_arrive(server, growing, format, rounds):
    path, grow = growing
    with storing(grow):
        for _ in range(rounds):
            frame = SCANS[format](f"{server.url}{path}?format={format}&order=n.desc").collect()
            assert frame.height == frame["s"].n_unique() == frame["n"].max() + 1
