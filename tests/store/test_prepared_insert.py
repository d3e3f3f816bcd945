"""What goes into the database with every commit: it is there exactly, whatever happened to the catalog before."""

import contextlib
import functools
import itertools
from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import strictjson
from gateway.connectors.change import SchemaDiff
from gateway.errors import GatewayError
from gateway.ingest import payload
from gateway.ingest.validation import Validator
from gateway.media_types import Media
from gateway.store.engine import prepared_insert
from gateway.store.engine.duckdb_file import DuckDBFile
from gateway.store.engine.prepared_insert import PreparedInsert
from gateway.store.file_store import file_store
from gateway.store.sql.names import table_of
from gateway.store.tables import small_inserts
from gateway.store.tables.row_runs import with_own_columns
from gateway.store.tables.small_inserts import SmallInserts
from tests.endpoints.test_roundtrip import VALUES, fields, rows_of, value_of, yaml_of
from tests.ingest.test_columnar import connector_of, exactly
from tests.support.sizes import examples

_numbers = itertools.count()
NOW = datetime(2026, 11, 23, 8, 30, 0, 123456, UTC)
COLUMNS = {
    "n": prepared_insert.BIGINT,
    "i": prepared_insert.INTEGER,
    "s": prepared_insert.VARCHAR,
    "b": prepared_insert.BLOB,
    "moment": prepared_insert.TIMESTAMPTZ,
}
TYPES = {"n": "BIGINT", "i": "INTEGER", "s": "VARCHAR", "b": "BLOB", "moment": "TIMESTAMPTZ"}
TEXT = st.text(st.characters(exclude_categories=("Cs",)))
LINES = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none()
    | TEXT
    | st.sampled_from(["", "'", ";", '"', "\\", "null", "[1]", "\0", "'); DROP TABLE kept; --"]),
    st.none() | st.binary(),
    st.none() | st.just(NOW),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = file_store(DuckDBFile(tmp_path_factory.mktemp("lines"), memory=2**30))
    yield store
    store.close()


@pytest.fixture(scope="module")
def database(store):
    store._database.writer.execute(
        f"CREATE TABLE kept ({', '.join(f'{name} {type}' for name, type in TYPES.items())})"
    )
    return store._database


def kept(database):
    return database.writer.execute("SELECT n, i, s, b, epoch_us(moment) FROM kept").fetchall()


class _TakenBackError(Exception):
    pass


@contextlib.contextmanager
def taken_back(database):
    with contextlib.suppress(_TakenBackError), database.transaction():
        yield
        raise _TakenBackError


def told(given):
    return [(*line[:4], line[4] and int(line[4].timestamp() * 1e6)) for line in given]


@given(given=st.lists(LINES, max_size=5))
def test_prepared_insert_stores_lines_exactly(database, given):
    database.writer.execute("DELETE FROM kept")

    PreparedInsert(database, "kept", COLUMNS).insert(iter(given))

    assert kept(database) == told(given)


def test_lines_are_stored_after_changes_of_tables(database):
    """Check an insert that is prepared before tables are created, changed, and rolled back."""
    database.writer.execute("DELETE FROM kept")
    kept_lines = PreparedInsert(database, "kept", COLUMNS)
    line = (1, 2, "s", b"b", NOW)
    statements = ("CREATE TABLE beside (a INTEGER)", "ALTER TABLE kept ADD COLUMN more INTEGER", "SELECT 1")

    for statement in statements:
        with database.transaction() as writer:
            kept_lines.insert([line])
            writer.execute(statement)
            kept_lines.insert([line, line])
        with taken_back(database):
            kept_lines.insert([line])

    assert kept(database) == told([line] * 3 * len(statements))


def test_lines_are_stored_after_an_earlier_rollback(database):
    database.writer.execute("DELETE FROM kept")
    own = PreparedInsert(database, "kept", COLUMNS)
    line = (1, 2, "s", b"b", NOW)

    with taken_back(database):
        own.insert([line])
    with contextlib.suppress(GatewayError), database.transaction() as writer:
        own.insert([line])
        writer.execute("SELECT error('it fails')")
    with database.transaction():
        own.insert([line])

    assert kept(database) == told([line])


def test_rows_are_inserted_after_rollbacks_and_other_columns(database):
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


def test_inserted_rows_are_released_from_memory(database):
    database.writer.execute("CREATE TABLE large (x BIGINT)")
    before = pa.total_allocated_bytes()

    with database.transaction():
        database.insert("large", pa.table({"x": pa.arange(0, 1_000_000)}))

    assert pa.total_allocated_bytes() - before < 1_000_000


def test_failed_insert_is_an_error_of_duckdb(database):
    with pytest.raises(duckdb.Error):
        PreparedInsert(database, "kept", {"nothing": prepared_insert.BIGINT}).insert([(1,)])


# -- rows of connectors


@functools.cache
def of_kind(store, kind):
    return applied(store, {"a": (kind, True, {})})


def applied(store, declared):
    connector = replace(connector_of(yaml_of(declared)), name=f"c{next(_numbers)}")
    return store.apply([SchemaDiff(None, connector)])[0]


def require_same_rows(store, connector, rows):
    """Require of good rows that they are stored as Arrow would have stored them."""
    validator, database = Validator(connector), store._database
    good = [row for row in rows if not validator._schema_check.bad_fields(row)]
    body = b"[" + b",".join(map(strictjson.write, good)) + b"]"
    batch = validator.check(payload.parse(body, Media.JSON, connector, 100_000))
    several = [(7, batch.rows), (8, batch.rows)]
    assert SmallInserts.are(several)
    table = table_of(connector)

    with database.transaction() as writer:
        writer.execute(f"DELETE FROM {table}")
        SmallInserts(database).insert(connector, several, 1, NOW)
        database.insert(table, with_own_columns(several, 1, NOW))

    first, second = [
        database.table(f"SELECT * FROM {table} ORDER BY rowid LIMIT {2 * len(good)} OFFSET {start}")
        for start in (0, 2 * len(good))
    ]
    assert first.num_rows == second.num_rows == 2 * len(good)
    assert exactly(first) == exactly(second)


@examples(60)
@given(data=st.data())
def test_few_rows_are_stored_like_many(store, data):
    declared = data.draw(fields())

    require_same_rows(store, applied(store, declared), data.draw(rows_of(declared)))


@pytest.mark.parametrize("kind", sorted([*VALUES, *(f"{each}[]" for each in VALUES if each != "json")]))
@examples(60)
@given(data=st.data())
def test_few_values_are_stored_like_many(store, kind, data):
    """Check values of every type."""
    value = st.fixed_dictionaries({"a": st.none() | value_of(kind)})

    require_same_rows(store, of_kind(store, kind), data.draw(st.lists(value, min_size=1, max_size=20)))


def test_few_rows_are_stored_beyond_cached_connectors(store, monkeypatch):
    monkeypatch.setattr(small_inserts, "_KEPT", 2)
    connectors = [applied(store, {"a": ("integer", False, {})}) for _ in range(4)]
    rows = SmallInserts(store._database)
    batches = [Validator(each).check(payload.parse(b'{"a":1}', Media.JSON, each, 100)) for each in connectors]

    for turn in range(3):
        with store._database.transaction():
            for connector, batch in zip(connectors, batches, strict=True):
                rows.insert(connector, [(turn, batch.rows)], turn + 1, NOW)

    for connector in connectors:
        stored = store._database.rows(f"SELECT a, _id, _batch FROM {table_of(connector)} ORDER BY _id")
        assert stored == [(1, turn + 1, turn) for turn in range(3)]
