"""What has few rows comes as values and what has more in batches; either way it is the same answer."""

import json
import threading
from contextlib import closing
from unittest.mock import patch

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Code, GatewayError
from gateway.store.engine import read_transaction
from gateway.store.engine.read_transaction import DuckDBReadTransaction
from tests.support.in_process import inside
from tests.support.sizes import examples

CONNECTOR = """
fields:
  id: integer
  text: {type: string, nullable: true}
  amount: decimal(6, 2)
  at: timestamp
access: {read: [public]}
"""
TEXTS = [None, "", "a", 'q"\\', "é日本😀", "line\nline\t", "\u007f\u2028", "x" * 3000]
ROWS = [
    {"id": number, "text": TEXTS[number % len(TEXTS)], "amount": number / 4, "at": f"2026-01-01T00:00:0{number % 10}.5Z"}
    for number in range(1500)
]  # fmt: skip


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with inside(tmp_path_factory.mktemp("few"), {"c": CONNECTOR}, GATEWAY_CACHE="1") as gateway:
        body = {"type": "http.request", "body": json.dumps(ROWS).encode(), "more_body": False}
        assert gateway.request("POST", "/c", body)[0] == 201
        yield gateway


queries = st.builds(
    lambda first, count, rest: "&".join([f"id=gte.{first}", f"id=lt.{first + count}", *rest]),
    st.integers(-10, 1490),
    st.one_of(st.integers(0, 5), st.integers(100, 140), st.integers(500, 530), st.integers(0, 1500)),
    st.tuples(
        st.sampled_from(["select=id", "select=*", "select=text,amount::text", "select=at,text.count()"]),
        st.sampled_from(["order=id", "order=_id", "select=x"]),
        st.sampled_from(["limit=1", "limit=128", "limit=511", "limit=512", "offset=3", "format=csv", "format=ndjson"]),
    ).map(lambda parts: [part for part in parts if part != "select=x"]),
)  # fmt: skip


@examples(60)
@given(queries, st.sampled_from(["*/*", "application/vnd.pgrst.object+json"]), st.booleans())
def test_answer_as_values_equals_answer_in_batches(gateway, query, accept, counted):
    headers = {"Accept": accept, **({"Prefer": "count=exact"} if counted else {})}
    sent = []
    for expected in (True, False):
        with patch("gateway.query.result_sizes.ResultSizes.expects_small", return_value=expected):
            sent.append(gateway.request("GET", "/c", query=query, headers=headers))

    assert sent[0] == sent[1]


def test_result_of_many_bytes_is_streamed(gateway):
    query = "select=text&text=eq." + "x" * 3000
    with patch("gateway.query.render.WHOLE_BYTES", 100_000):
        sent = [gateway.request("GET", "/c", query=query) for _ in range(2)]

    assert sent[0] == sent[1]
    assert "content-length" not in sent[0][1]
    assert len(json.loads(sent[0][2])) == 187


@pytest.mark.parametrize(
    "query", ["select=*", "select=id&id=lt.5", "format=parquet", "limit=1400", "select=text&limit=1000"]
)
def test_disconnected_client_leaves_no_result_open(gateway, query):
    readers = gateway.gateway.services.storage.read_pool
    with patch("gateway.query.render.WHOLE_BYTES", 10_000):
        for _ in range(3):
            gateway.request("GET", "/c", query=query, has_left=True)

    assert readers.open_results == 0


@pytest.fixture
def few(gateway):
    """Give what reads text of a `range`, of at most ten rows and a thousand characters, by one Reading."""
    with closing(gateway.store.read()) as one:

        def few(count, text="'r' || i", rest=""):
            sql = f"SELECT {text} FROM range($1) t(i) {rest}"
            return one.few(sql, (count,), most_rows=10, most_size=1000)

        few.reading = one
        yield few


def test_too_many_rows_give_none(few):
    assert few(10) == [(f"r{i}",) for i in range(10)]
    assert few(0) == []
    assert few(11) is None
    assert few(1_000_000) is None
    assert few(10) == [(f"r{i}",) for i in range(10)]


@pytest.mark.parametrize("count", [11, 127, 128, 129, 1000])
def test_too_many_rows_are_all_in_batches(few, count):
    assert few(count) is None

    batches = []
    while (batch := few.reading.next()) is not None:
        batches += batch.column(0).to_pylist()
    assert batches == [f"r{i}" for i in range(count)]
    assert few(2) == [("r0",), ("r1",)]


def test_query_of_many_rows_runs_once(gateway):
    asked = []
    few = DuckDBReadTransaction.few

    def noted(one, sql, *arguments, **options):
        asked.append(sql)
        return few(one, sql, *arguments, **options)

    with (
        patch.object(DuckDBReadTransaction, "few", noted),
        patch.object(DuckDBReadTransaction, "start", side_effect=AssertionError("it was asked already")),
    ):
        status, _, text = gateway.request("GET", "/c", query="select=id&id=gte.-5000")

    assert (status, len(asked)) == (200, 1)
    assert len(json.loads(text)) >= 1500


def test_too_much_text_gives_none(few, monkeypatch):
    monkeypatch.setattr(read_transaction, "ROWS_AT_ONCE", 2)

    assert few(10, "repeat('x', 600)") is None
    assert few(1, "repeat('x', 600)") == [("x" * 600,)]
    assert few(1, "repeat('x', 1001)") is None


def test_cursor_is_reused_unless_rows_were_left(few, gateway):
    database = few.reading._database
    few(10)
    used = few.reading._cursor
    few.reading.close()
    assert database.borrow() is used

    few(1_000_000)
    left = few.reading._cursor
    few.reading.close()
    others = [database.borrow() for _ in range(3)]
    assert left not in others
    for cursor in others:
        database.give_back(cursor)


def test_rows_are_read_in_the_begun_transaction(few, gateway):
    few.reading.begin()
    sql = 'SELECT count(*)::VARCHAR FROM rows."c@1" WHERE id < $1'
    tables = few.reading.fetch(
        "SELECT table_name FROM duckdb_tables() WHERE 'rows' IN (database_name, schema_name)", ()
    )
    sql = sql.replace("c@1", next(name for (name,) in tables if name.startswith("c@")))
    before = few.reading.few(sql, (10_000,), most_rows=10, most_size=100)
    row = {"type": "http.request", "body": json.dumps({**ROWS[0], "id": 9000}).encode(), "more_body": False}
    assert gateway.request("POST", "/c", row)[0] == 201

    assert few.reading.few(sql, (10_000,), most_rows=10, most_size=100) == before


def test_interrupted_query_gives_query_timeout(few):
    threading.Timer(0.2, few.reading.interrupt).start()
    with pytest.raises(GatewayError) as caught:
        few(100_000_000_000, "'x'", "WHERE i < 5 OR hash(i) = 1")

    assert caught.value.code is Code.QUERY_TIMEOUT


def test_parsed_statement_is_run_by_many_threads(gateway):
    sql = "SELECT $2 || i FROM range(5000) t(i) WHERE i >= $1 AND i < $1 + 20"
    wrong = []

    def run(number):
        one: DuckDBReadTransaction = gateway.store.read()
        for first in range(number, 3000, 20):
            rows = one.few(sql, (first, f"<{number}>"), most_rows=100, most_size=10_000)
            if rows != [(f"<{number}>{i}",) for i in range(first, first + 20)]:
                wrong.append((number, first, rows))
        one.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_kept_parsed_statements_are_bounded(gateway):
    database = gateway.store.read()._database
    with duckdb.connect() as connection:
        for number in range(2000):
            database.parsed(connection, f"SELECT {number}")
        database.parsed(connection, f"SELECT '{'x' * 5000}'")

    assert len(database._parsed) <= 512
    assert max(map(len, database._parsed)) < 5000
