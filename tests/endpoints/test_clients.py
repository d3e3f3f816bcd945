"""The libraries that consumers have, as they come: postgrest, pandas, pyarrow, polars, urllib."""

import io
import json
import random
import urllib.request

import pandas
import polars
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest
from postgrest import APIError, CountMethod, SyncPostgrestClient

CONNECTOR = """
fields:
  id: integer
  name: {type: string, nullable: true}
  amount: {type: "decimal(12, 2)", nullable: true}
  paid: {type: boolean, default: false}
  tags: {type: "string[]", nullable: true}
  data: {type: json, nullable: true}
  at: {type: timestamp, nullable: true}
access: {read: [public]}
"""
ROWS = [
    {"id": 1, "name": "Ada", "amount": 12.5, "paid": True, "tags": ["a", "b c"], "data": {"a": 1, "b": {"c": [1, 2]}},
     "at": "2026-01-01T00:00:00Z"},
    {"id": 2, "name": "Grace (b,c)", "amount": 7, "paid": False, "tags": [], "data": {"a": 2}, "at": None},
    {"id": 3, "name": 'q"t', "amount": None, "paid": False, "tags": None, "data": None, "at": "2026-06-01T00:00:00Z"},
    {"id": 4, "name": None, "amount": -1, "paid": True, "tags": ["b c"], "data": [1], "at": None},
    {"id": 5, "name": "ada.l", "amount": 100.25, "paid": True, "tags": ["z"], "data": {"a": "x"}, "at": None},
]  # fmt: skip


@pytest.fixture(scope="session")
def path(server):
    path = server.declare("clients", CONNECTOR)
    assert server.client.post(path, json=ROWS).status_code == 201
    return path


def connect(server):
    return SyncPostgrestClient(server.url, headers={"Authorization": server.client.headers["Authorization"]})


@pytest.fixture(scope="session")
def client(server, path):
    with connect(server) as client:
        yield client


@pytest.fixture
def table(client):
    return client.from_("clients")


def ids(builder):
    return [row["id"] for row in builder.execute().data]


READS = {
    "eq": (lambda q: q.eq("id", 2), [2]),
    "eq a boolean": (lambda q: q.eq("paid", True), [1, 4, 5]),
    "neq": (lambda q: q.neq("id", 2), [1, 3, 4, 5]),
    "gt": (lambda q: q.gt("amount", 7), [1, 5]),
    "gte": (lambda q: q.gte("amount", 7), [1, 2, 5]),
    "lt": (lambda q: q.lt("id", 3), [1, 2]),
    "lte": (lambda q: q.lte("id", 3), [1, 2, 3]),
    "is null": (lambda q: q.is_("name", None), [4]),
    "is true": (lambda q: q.is_("paid", "true"), [1, 4, 5]),
    "not is null": (lambda q: q.not_.is_("name", None), [1, 2, 3, 5]),
    "like": (lambda q: q.like("name", "A%"), [1]),
    "ilike": (lambda q: q.ilike("name", "A%"), [1, 5]),
    "like all of": (lambda q: q.like_all_of("name", "A%,%a"), [1]),
    "like any of": (lambda q: q.like_any_of("name", "A%,a%"), [1, 5]),
    "ilike all of": (lambda q: q.ilike_all_of("name", "a%,%A"), [1]),
    "ilike any of": (lambda q: q.ilike_any_of("name", "a%,g%"), [1, 2, 5]),
    "in": (lambda q: q.in_("id", [1, 3, 9]), [1, 3]),
    "in with awkward strings": (lambda q: q.in_("name", ["Grace (b,c)", 'q"t', "ada.l", "p(x)"]), [2, 3, 5]),
    "in nothing": (lambda q: q.in_("id", []), []),
    "contains a list": (lambda q: q.contains("tags", ["b c"]), [1, 4]),
    "contains an object": (lambda q: q.contains("data", {"a": 1}), [1]),
    "contained by": (lambda q: q.contained_by("tags", ["b c", "z", "y"]), [2, 4, 5]),
    "overlaps": (lambda q: q.overlaps("tags", ["z", "a"]), [1, 5]),
    "match": (lambda q: q.match({"paid": True, "id": 4}), [4]),
    "filter": (lambda q: q.filter("name", "match", "^A"), [1]),
    "not filter": (lambda q: q.filter("id", "not.in", "(1,2)"), [3, 4, 5]),
    "isdistinct": (lambda q: q.filter("name", "isdistinct", "Ada"), [2, 3, 4, 5]),
    "or": (lambda q: q.or_("id.eq.1,and(paid.is.true,amount.lt.0)"), [1, 4]),
    "or with quotes": (lambda q: q.or_('name.eq."Grace (b,c)",name.eq.Ada'), [1, 2]),
    "not": (lambda q: q.not_.eq("id", 1), [2, 3, 4, 5]),
    "two filters on one field": (lambda q: q.gt("id", 1).lt("id", 4), [2, 3]),
    "a place in JSON as text": (lambda q: q.eq("data->>a", "x"), [5]),
    "a place in JSON as JSON": (lambda q: q.gt("data->a", 1), [2]),
    "a deep place in JSON": (lambda q: q.eq("data->b->c->>1", "2"), [1]),
    "order": (lambda q: q.order("name"), [1, 2, 5, 3, 4]),
    "order desc": (lambda q: q.order("amount", desc=True), [3, 5, 1, 2, 4]),
    "order nulls first": (lambda q: q.order("amount", nullsfirst=True), [3, 4, 2, 1, 5]),
    "order desc nulls last": (lambda q: q.order("amount", desc=True, nullsfirst=False), [5, 1, 2, 4, 3]),
    "two orders": (lambda q: q.order("paid", desc=True).order("id", desc=True), [5, 4, 1, 3, 2]),
    "limit": (lambda q: q.limit(2), [1, 2]),
    "offset": (lambda q: q.offset(3), [4, 5]),
    "range": (lambda q: q.range(1, 3), [2, 3, 4]),
}  # fmt: skip


@pytest.mark.parametrize("case", READS)
def test_postgrest_client_reads(table, case):
    build, expected = READS[case]

    assert ids(build(table.select("*"))) == expected


def test_postgrest_client_selects_columns(table):
    def first(*columns):
        return table.select(*columns).eq("id", 1).execute().data[0]

    assert first("*") == ROWS[0]
    assert first("id", "name") == {"id": 1, "name": "Ada"}
    assert first("total:amount", "text:amount::text") == {"total": 12.5, "text": "12.50"}
    assert first("data->a", "deep:data->b->c->0", "data->b->>c") == {"a": 1, "deep": 1, "c": "[1,2]"}
    assert first("_id") == {"_id": 1}


def test_postgrest_client_aggregates(table):
    answer = (
        table.select("paid", "amount.sum()", "n:id.count()", "lowest:amount.min()").order("paid").execute()
    )

    assert answer.data == [
        {"paid": False, "sum": 7, "n": 2, "lowest": 7},
        {"paid": True, "sum": 111.75, "n": 3, "lowest": -1},
    ]


@pytest.mark.parametrize("count", list(CountMethod))
def test_postgrest_client_counts(table, count):
    assert table.select("*", count=count).limit(2).execute().count == 5
    answer = table.select("*", count=count, head=True).eq("paid", True).execute()
    assert (answer.count, answer.data) == (3, [])
    assert table.select("*").limit(2).execute().count is None


def test_postgrest_reads_one_row(table):
    assert table.select("name").eq("id", 1).single().execute().data == {"name": "Ada"}
    for builder, rows in ((table.select("*"), 5), (table.select("*").eq("id", 9), 0)):
        with pytest.raises(APIError) as error:
            builder.single().execute()
        assert error.value.code == "PGRST116"
        assert error.value.details == f"The result contains {rows} rows"


def test_postgrest_reads_one_row_or_none(table):
    assert table.select("id").eq("id", 1).maybe_single().execute().data == {"id": 1}
    assert table.select("id").eq("id", 9).maybe_single().execute() is None
    with pytest.raises(APIError):
        table.select("id").maybe_single().execute()


def test_postgrest_reads_csv(table):
    assert table.select("id", "name", "paid").limit(2).csv().execute().data == (
        'id,name,paid\n1,Ada,true\n2,"Grace (b,c)",false\n'
    )


def test_postgrest_strips_nulls(table):
    assert table.select("id", "name", "at").eq("id", 4).strip_nulls().execute().data == [{"id": 4}]


@pytest.mark.parametrize(
    ("ask", "code", "words"),
    [
        (lambda t: t.select("*").eq("nam", 1), "42703", "did you mean 'name'?"),
        (lambda t: t.select("nope"), "42703", "columns are"),
        (lambda t: t.select("*").eq("id", "x"), "22P02", "'x'"),
        (lambda t: t.select("*").eq("id", None), "22P02", "id=is.null"),
        (lambda t: t.select("*").eq("id", 1.5), "22P02", "'1.5'"),
        (lambda t: t.select("*").text_search("name", "fat & cat"), "PGRST127", "full-text"),
        (lambda t: t.select("*").range_adjacent("id", [1, 2]), "PGRST127", "range types"),
        (lambda t: t.select("*, other(*)"), "PGRST127", "embedded"),
        (lambda t: t.select("*", count=CountMethod.exact).offset(9), "PGRST103", "only 5 rows"),
        (lambda t: t.update({"name": "x"}).eq("id", 1), "PGRST117", "PATCH"),
        (lambda t: t.delete().eq("id", 1), "PGRST117", "DELETE"),
    ],
)  # fmt: skip
def test_postgrest_understands_the_errors(table, ask, code, words):
    with pytest.raises(APIError) as error:
        ask(table).execute()

    assert error.value.code == code
    assert words in f"{error.value.message} {error.value.hint} {error.value.details}"


def test_postgrest_raises_for_unknown_endpoint(client):
    with pytest.raises(APIError) as error:
        client.from_("nowhere").select("*").execute()

    assert error.value.code == "PGRST205"


def test_postgrest_client_inserts(server, name):
    server.declare(name, CONNECTOR)
    with connect(server) as client:
        table = client.from_(name)
        one = {"id": 1, "name": "Ada", "paid": True}
        assert table.insert(one).execute().data == [{**dict.fromkeys(ROWS[0]), **one}]
        ragged = [{"id": 2, "name": "x"}, {"id": 3, "paid": True, "tags": ["a"]}]
        answer = table.insert(ragged, count=CountMethod.exact, default_to_null=False).execute()
        assert [row["id"] for row in answer.data] == [2, 3]
        assert [row["paid"] for row in answer.data] == [False, True]
        assert answer.count == 2
        assert table.insert({"id": 4}, returning="minimal").execute().data == []
        assert table.insert([{"id": 5}, {"id": 6, "name": "y"}]).execute().data[1]["name"] == "y"
        with pytest.raises(APIError) as error:
            table.insert([{"id": 7}, {"id": "x"}]).execute()
        assert (error.value.code, error.value.details) == ("22P02", "1 error was found in 1 of 2 rows")
        assert "row 2, field 'id': 'x'" in error.value.message
        with pytest.raises(APIError) as error:
            table.insert([{"id": 7, "nam": 1}]).execute()
        assert error.value.code == "PGRST204"
        with pytest.raises(APIError) as error:
            table.upsert({"id": 1}).execute()
        assert error.value.code == "42P10"
        assert table.select("*", count=CountMethod.exact).execute().count == 6


def test_pandas_reads_csv(server, path):
    frame = pandas.read_csv(f"{server.url}{path}?format=csv", parse_dates=["at"])

    assert frame["id"].tolist() == [1, 2, 3, 4, 5]
    assert frame["amount"].tolist()[:2] == [12.5, 7.0]
    assert frame["name"].isna().tolist() == [False, False, False, True, False]
    assert str(frame["at"].dtype).startswith("datetime64")


def test_pandas_reads_json_lines(server, path):
    frame = pandas.read_json(f"{server.url}{path}?format=ndjson&select=id,name,paid,data", lines=True)

    assert frame["paid"].tolist() == [row["paid"] for row in ROWS]
    assert frame["data"][0] == ROWS[0]["data"]


def test_pandas_reads_parquet(server, path):
    frame = pandas.read_parquet(f"{server.url}{path}?format=parquet")

    assert frame["id"].tolist() == [1, 2, 3, 4, 5]
    assert [str(each) for each in frame["amount"][:2]] == ["12.50", "7.00"]


def test_pyarrow_reads_every_format(server, path):
    def read(format):
        with urllib.request.urlopen(
            f"{server.url}{path}?format={format}&select=id,name,amount,paid,tags,at"
        ) as body:
            return io.BytesIO(body.read())

    stream = pyarrow.ipc.open_stream(read("arrow")).read_all()
    file = pyarrow.parquet.read_table(read("parquet"))
    text = pyarrow.csv.read_csv(
        read("csv"), convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True)
    )

    assert stream.schema.equals(file.schema.remove_metadata())
    assert stream.to_pylist() == file.to_pylist()
    assert [row["tags"] for row in stream.to_pylist()] == [row["tags"] for row in ROWS]
    assert stream.schema.field("amount").type == pyarrow.decimal128(12, 2)
    assert stream.schema.field("at").type == pyarrow.timestamp("us", "UTC")
    assert text.column("id").to_pylist() == [1, 2, 3, 4, 5]


def test_polars_reads_parquet_in_parts(server, path):
    url = f"{server.url}{path}?format=parquet"

    frame = polars.read_parquet(url)

    assert frame["tags"].to_list() == [row["tags"] for row in ROWS]
    assert [json.loads(each) if each else None for each in frame["data"]] == [row["data"] for row in ROWS]
    assert polars.scan_parquet(url).filter(polars.col("paid")).select("id").collect()["id"].to_list() == [
        1,
        4,
        5,
    ]


def test_polars_reads_csv_and_json_lines(server, path):
    assert polars.read_csv(f"{server.url}{path}?format=csv")["id"].to_list() == [1, 2, 3, 4, 5]
    assert polars.read_ndjson(f"{server.url}{path}?format=ndjson&select=id,paid").height == 5


def test_parts_of_parquet_match_while_rows_arrive(server, name):
    """Check that a large Parquet file is read in parts while rows arrive."""
    path = server.declare(name, "fields: {n: integer, s: string}\naccess: {read: [public]}\n")
    chance = random.Random(1)  # What has no pattern makes a large file of few rows.
    lines = "".join(f'{{"n":{n},"s":"{chance.randbytes(80).hex()}"}}\n' for n in range(40_000)).encode()
    kind = {"Content-Type": "application/x-ndjson"}
    assert server.client.post(path, content=lines, headers=kind).status_code == 201
    url = f"{path}?format=parquet"

    end = server.client.get(url, headers={"Range": "bytes=-8"})
    size = int(end.headers["Content-Range"].partition("/")[2])
    assert server.client.post(path, json={"n": -1, "s": ""}).status_code == 201
    pieces = [
        server.client.get(url, headers={"Range": f"bytes={start}-{start + 2**20 - 1}"}).content
        for start in range(2**19, size, 2**20)
    ]
    start = server.client.get(url, headers={"Range": f"bytes=0-{2**19 - 1}"})
    anew = server.client.get(url, headers={"Range": "bytes=-8"})

    assert (end.status_code, len(end.content)) == (206, 8)
    whole = start.content + b"".join(pieces)
    assert pyarrow.parquet.read_table(io.BytesIO(whole)).num_rows == 40_000
    assert (len(whole), start.headers["ETag"]) == (size, end.headers["ETag"])
    assert anew.headers["ETag"] != end.headers["ETag"]  # Who begins anew reads what is there now.
    assert polars.read_parquet(server.url + url).height == 40_001
