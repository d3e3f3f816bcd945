"""A query that streams gives the same rows and the same errors, whichever way DuckDB's client lets it stream."""

import duckdb
import pytest

from gateway.store.engine import stream
from gateway.store.engine.stream import Stream

#: With what the client of DuckDB 2 does not promise to have, and without.
WAYS = [True, False] if stream._submits() else [False]


@pytest.fixture(params=WAYS, ids=lambda submits: "private" if submits else "public")
def connection(request, monkeypatch):
    monkeypatch.setattr(stream, "_submits", lambda: request.param)
    with duckdb.connect() as connection:
        yield connection


def test_rows_come_in_batches_and_in_order(connection):
    stream = Stream(connection, "SELECT i, i || $1 AS text FROM range(5000) t(i)", ("!",))
    batches = list(stream)

    assert len(batches) > 1
    assert [row for batch in batches for row in batch.column(1).to_pylist()] == [f"{i}!" for i in range(5000)]
    assert stream.schema.names == ["i", "text"]


def test_query_without_rows_has_columns(connection):
    stream = Stream(connection, "SELECT 1 AS i WHERE false", ())

    assert list(stream) == []
    assert stream.schema.names == ["i"]


def test_failed_cast_in_any_row_is_conversion_error(connection):
    sql = "SELECT (CASE WHEN i < $1 THEN '1' ELSE 'x' END)::BIGINT FROM range(200000) t(i)"

    for place in (0, 199_999):
        with pytest.raises(duckdb.ConversionException):
            list(Stream(connection, sql, (place,)))


def test_connection_is_usable_after_closing_early(connection):
    stream = Stream(connection, "SELECT i FROM range(1000000) t(i)", ())
    next(iter(stream))
    stream.close()

    assert [batch.num_rows for batch in Stream(connection, "SELECT 1", ())] == [1]


@pytest.mark.parametrize("gone", [AttributeError, TypeError])
def test_private_api_may_be_missing(monkeypatch, gone):
    """DuckDB does not promise it."""

    def fail(*_):
        raise gone

    monkeypatch.setattr(stream, "_submitted", fail)

    assert stream._submits.__wrapped__() is False
