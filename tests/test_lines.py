"""What goes into the database with every commit: it is there exactly, whatever happened to the catalog before."""

import contextlib
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.store.lines import Lines
from gateway.store.store import Store

NOW = datetime(2026, 11, 23, 8, 30, 0, 123456, UTC)
COLUMNS = {"n": "BIGINT", "i": "INTEGER", "s": "VARCHAR", "b": "BLOB", "moment": "TIMESTAMPTZ"}
TEXT = st.text(st.characters(exclude_categories=("Cs",)))
LINES = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | TEXT | st.sampled_from(["", "'", ";", ",", "x", "\0", "'); DROP TABLE kept; --"]),
    st.none() | st.binary(),
    st.none() | st.just(NOW),
)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("lines"), memory=2**30)
    store._database.writer.execute(
        f"CREATE TABLE kept ({', '.join(f'{name} {type}' for name, type in COLUMNS.items())})"
    )
    yield store._database
    store.close()


def kept(database):
    return database.writer.execute("SELECT n, i, s, b, epoch_us(moment) FROM kept").fetchall()


class _TakenBackError(Exception):
    pass


@contextlib.contextmanager
def taken_back(database):
    with contextlib.suppress(_TakenBackError), database.transaction():
        yield
        raise _TakenBackError


def told(lines):
    return [(*line[:4], line[4] and int(line[4].timestamp() * 1e6)) for line in lines]


@given(lines=st.lists(LINES, max_size=5))
def test_lines_are_kept_exactly(database, lines):
    database.writer.execute("DELETE FROM kept")

    Lines(database, "kept", COLUMNS).insert(iter(lines))

    assert kept(database) == told(lines)


def test_lines_are_kept_after_tables_were_made_changed_and_taken_back(database):
    database.writer.execute("DELETE FROM kept")
    lines = Lines(database, "kept", COLUMNS)
    line = (1, 2, "s", b"b", NOW)
    statements = ("CREATE TABLE beside (a INTEGER)", "ALTER TABLE kept ADD COLUMN more INTEGER", "SELECT 1")

    for statement in statements:
        with database.transaction() as writer:
            lines.insert([line])
            writer.execute(statement)
            lines.insert([line, line])
        with taken_back(database):
            lines.insert([line])

    assert kept(database) == told([line] * 3 * len(statements))


def test_rows_are_inserted_after_others_were_taken_back_or_had_other_columns(database):
    database.writer.execute("CREATE TABLE a (x BIGINT, y VARCHAR); CREATE TABLE b (x BIGINT)")
    one, other = pa.table({"x": [1], "y": ["a"]}), pa.table({"y": ["b", "c"]})

    for rows in (one, other, one):
        with taken_back(database):
            database.insert("a", rows)
            database.insert("b", pa.table({"x": [0]}))
        with database.transaction():
            database.insert("b", pa.table({"x": [2]}))
            database.insert("a", rows)
            database.insert("a", rows)

    rows = database.writer.execute("SELECT x, y FROM a").fetchall()
    assert rows == [(1, "a")] * 2 + [(None, "b"), (None, "c")] * 2 + [(1, "a")] * 2
    assert database.writer.execute("SELECT x FROM b").fetchall() == [(2,)] * 3


def test_rows_that_were_inserted_are_let_go(database):
    database.writer.execute("CREATE TABLE large (x BIGINT)")
    before = pa.total_allocated_bytes()

    with database.transaction():
        database.insert("large", pa.table({"x": pa.arange(0, 1_000_000)}))

    assert pa.total_allocated_bytes() - before < 1_000_000


def test_a_failing_insert_is_an_error_of_the_database(database):
    with pytest.raises(duckdb.Error):
        Lines(database, "kept", {"nothing": "BIGINT"}).insert([(1,)])
