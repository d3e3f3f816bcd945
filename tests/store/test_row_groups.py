"""Which checkpoints merge row groups: each that was asked for, and of the others those where it pays."""

from contextlib import closing

import pytest

from gateway.store.engine.duckdb_file import DuckDBFile
from gateway.store.engine.open_file import WAL_BYTES_MAX
from gateway.store.engine.row_groups import CHECKPOINTS, SMALL_ROWS, RowGroups


@pytest.mark.parametrize(
    ("tables", "rows", "deleted", "should_merge"),
    [
        (1, SMALL_ROWS, 0, False),
        (1, SMALL_ROWS - 1, 0, True),
        (1, SMALL_ROWS, 1, True),
        (3, SMALL_ROWS, 0, False),
        (3, SMALL_ROWS - 1, 0, True),
    ],
)
def test_eighth_checkpoint_merges_where_it_pays(tables, rows, deleted, should_merge):
    groups = RowGroups()
    decided = []
    for _ in range(2 * CHECKPOINTS):
        for table in range(tables):
            groups.note(f"t{table}", rows, deleted)
        decided.append(groups.should_merge)
        groups.note_checkpoint(merges=decided[-1])

    assert decided == [*[False] * (CHECKPOINTS - 1), should_merge] * 2


def test_full_wal_leaves_row_groups_as_they_are(tmp_path):
    """Check that no row is written again, unless it is asked for: DuckDB would merge five such groups into four."""
    with closing(DuckDBFile(tmp_path, memory=2**29)) as database:
        # A full WAL has some 85,000 of these rows.
        columns = ", ".join(f"hash(i, {number})" for number in range(48))
        database.writer.execute(f"CREATE TABLE t AS SELECT {columns} FROM range(0) r(i)")
        for _ in range(CHECKPOINTS - 1):
            while database.usage().wal < WAL_BYTES_MAX:
                with database.transaction() as writer:
                    writer.execute(f"INSERT INTO t SELECT {columns} FROM range(8000) r(i)")
                database.note_rows("t", 8000, 0)
            groups = count_groups(database)
            database.maintain()

            assert database.usage().wal < WAL_BYTES_MAX
            assert count_groups(database) >= groups
        rows = database.rows("SELECT count(*) FROM t")
        database.request_maintenance()
        database.maintain()

        assert count_groups(database) <= groups
        assert database.rows("SELECT count(*) FROM t") == rows


def count_groups(database: DuckDBFile) -> int:
    return database.rows("SELECT count(DISTINCT row_group_id) FROM pragma_storage_info('t')")[0][0]
