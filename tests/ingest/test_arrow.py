"""Parquet and Arrow are posted as other formats are: their values are those that a careful writer of JSON would send."""

import contextlib
import datetime
import gzip
import io
import struct
import uuid
from decimal import Decimal

import duckdb
import pandas
import polars
import pyarrow as pa
import pytest

from gateway.errors import GatewayError
from gateway.ingest.arrow.tables import read_table
from tests.support.arrow_bodies import FILE, PARQUET, STREAM, feather, parquet, stream
from tests.support.server import serving

EVERY_TYPE = """
fields:
  i: {type: integer, nullable: true}
  n: {type: number, nullable: true}
  d: {type: "decimal(12, 2)", nullable: true}
  s: {type: string, nullable: true}
  b: {type: boolean, nullable: true}
  day: {type: date, nullable: true}
  clock: {type: time, nullable: true}
  t: {type: timestamp, nullable: true}
  dt: {type: datetime, nullable: true}
  u: {type: uuid, nullable: true}
  j: {type: json, nullable: true}
  l: {type: "integer[]", nullable: true}
  ls: {type: "string[]", nullable: true}
  ld: {type: "decimal(9, 1)[]", nullable: true}
access: {read: [public], change: [admin]}
"""
UUID = uuid.UUID("0190d6b2-7b7e-7c3a-9f2e-3c1d5a6b7c8d")
MOMENT = datetime.datetime(2026, 11, 23, 8, 30, 0, 123456)
COLUMNS = {
    "i": pa.array([1, None], pa.int32()),
    "n": pa.array([1.5, None]),
    "d": pa.array([Decimal("10.25"), None], pa.decimal128(7, 2)),
    "s": pa.array(["Ada ☃", None], pa.large_string()),
    "b": pa.array([True, None]),
    "day": pa.array([MOMENT.date(), None]),
    "clock": pa.array([MOMENT.time(), None], pa.time64("us")),
    "t": pa.array([MOMENT, None], pa.timestamp("us", "Europe/Berlin")),
    "dt": pa.array([MOMENT, None], pa.timestamp("ns")),
    "u": pa.array([UUID.bytes, None], pa.uuid()),
    "j": pa.array([{"a": [1, None], "b": "x"}, None]),
    "l": pa.array([[1, 2], None], pa.list_(pa.int16())),
    "ls": pa.array([["a", ""], []]),
    "ld": pa.array([[Decimal("1.5")], None], pa.list_(pa.decimal128(5, 1))),
}
JSON_ROWS = [
    {
        "i": 1, "n": 1.5, "d": 10.25, "s": "Ada ☃", "b": True, "day": "2026-11-23", "clock": "08:30:00.123456",
        "t": "2026-11-23T08:30:00.123456Z", "dt": "2026-11-23T08:30:00.123456", "u": str(UUID),
        "j": {"a": [1, None], "b": "x"}, "l": [1, 2], "ls": ["a", ""], "ld": [1.5],
    },
    dict.fromkeys(COLUMNS) | {"ls": []},
]  # fmt: skip


BODIES = {PARQUET: parquet, STREAM: stream, FILE: feather}


@pytest.mark.parametrize("media", [*BODIES, None, "application/octet-stream"])
def test_every_type_is_stored_as_its_json_value(server, name, media):
    path = server.declare(name, EVERY_TYPE)
    body = BODIES.get(media, parquet)(pa.table(COLUMNS))

    answer = server.client.post(path, content=body, headers={"Content-Type": media} if media else {})

    assert answer.status_code == 201, answer.text
    assert answer.json()["stored"] == 2
    assert server.client.get(path).json() == JSON_ROWS


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_rows_that_are_served_can_be_posted_back(server, name, format):
    path = server.declare(name, EVERY_TYPE)
    server.client.post(path, json=JSON_ROWS)
    served = server.client.get(path, params={"format": format})

    answer = server.client.put(
        path, content=served.content, headers={"Content-Type": served.headers["Content-Type"]}
    )

    assert answer.status_code == 201, answer.text
    assert server.client.get(path).json() == JSON_ROWS


def post(server, path, table, params="", **headers):
    """Post a table as Parquet."""
    headers = {"Content-Type": PARQUET, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return server.client.post(f"{path}{params}", content=parquet(table), headers=headers)


# -- strangers

ORDERS = """
fields:
  order_id: integer
  customer: {type: string, max_length: 50}
  amount: {type: "decimal(12, 2)", nullable: true}
  paid: {type: boolean, default: false}
  placed_at: timestamp
  day: {type: date, nullable: true}
  tags: {type: "string[]", nullable: true}
  extra: {type: json, nullable: true}
access: {read: [public], change: [admin]}
"""
PLACED = datetime.datetime(2026, 11, 23, 8, 30, tzinfo=datetime.UTC)
FRAME = {
    "order_id": [1, 2],
    "customer": ["Ada", "Grace"],
    "amount": [Decimal("12.50"), None],
    "paid": [True, False],
    "placed_at": [PLACED, PLACED],
    "day": [PLACED.date(), None],
    "tags": [["new"], []],
    "extra": [{"k": 1}, None],
}
STORED = [
    {
        "order_id": 1, "customer": "Ada", "amount": 12.50, "paid": True, "placed_at": "2026-11-23T08:30:00Z",
        "day": "2026-11-23", "tags": ["new"], "extra": {"k": 1},
    },
    {
        "order_id": 2, "customer": "Grace", "amount": None, "paid": False, "placed_at": "2026-11-23T08:30:00Z",
        "day": None, "tags": [], "extra": None,
    },
]  # fmt: skip


def polars_parquet(sink) -> None:
    polars.DataFrame(FRAME).write_parquet(sink)


def polars_ipc(sink) -> None:
    polars.DataFrame(FRAME).write_ipc(sink, compression="zstd")


def polars_ipc_stream(sink) -> None:
    polars.DataFrame(FRAME).write_ipc_stream(sink)


def polars_categories(sink) -> None:
    frame = polars.DataFrame(FRAME).with_columns(polars.col("customer").cast(polars.Categorical))
    frame.write_parquet(sink)


def pandas_parquet(sink) -> None:
    pandas.DataFrame(FRAME).to_parquet(sink)


def pandas_feather(sink) -> None:
    pandas.DataFrame(FRAME).astype({"customer": "category"}).to_feather(sink)


STRANGERS = [polars_parquet, polars_ipc, polars_ipc_stream, polars_categories, pandas_parquet, pandas_feather]


@pytest.mark.parametrize("write", STRANGERS, ids=lambda write: write.__name__)
def test_files_of_data_frames_are_stored(server, name, write):
    path = server.declare(name, ORDERS)
    sink = io.BytesIO()
    write(sink)

    answer = server.client.post(path, content=sink.getvalue())

    assert answer.status_code == 201, answer.text
    assert server.client.get(path).json() == STORED


def test_parquet_of_duckdb_is_stored(server, name, tmp_path):
    path = server.declare(
        name,
        """
        fields: {i: integer, h: number, d: "decimal(9, 3)", t: timestamp, dt: datetime, day: date, clock: time, u: uuid,
                 l: "string[]", j: json, s: json, m: json, e: string}
        access: {read: [public]}
        """,
    )
    file = tmp_path / "rows.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"""COPY (SELECT 7::UTINYINT AS i, 12::HUGEINT AS h, 1.5::DECIMAL(5, 1) AS d,
                TIMESTAMPTZ '2026-11-23 08:30:00Z' AS t, TIMESTAMP '2026-11-23 08:30:00.5' AS dt, DATE '2026-11-23' AS day,
                TIME '08:30:00' AS clock, UUID '{UUID}' AS u, ['a'] AS l, '{{"a": 1}}'::JSON AS j, {{'b': [1, 2]}} AS s,
                MAP {{'k': 2}} AS m, 'x'::ENUM('x', 'y') AS e) TO '{file}' (FORMAT parquet)"""
        )

    answer = server.client.post(path, content=file.read_bytes(), headers={"Content-Type": PARQUET})

    assert answer.status_code == 201, answer.text
    assert server.client.get(path).json() == [
        {
            "i": 7, "h": 12, "d": 1.5, "t": "2026-11-23T08:30:00Z", "dt": "2026-11-23T08:30:00.5", "day": "2026-11-23",
            "clock": "08:30:00", "u": str(UUID), "l": ["a"], "j": {"a": 1}, "s": {"b": [1, 2]}, "m": {"k": 2}, "e": "x",
        }
    ]  # fmt: skip


# -- columns that do not fit

_NAIVE = pa.array([MOMENT], pa.timestamp("us"))
UNFIT = [
    ("timestamp", _NAIVE, "is timestamp[us], and the field a is timestamp", "df['a'].dt.tz_localize('UTC')"),
    ("datetime", pa.array([MOMENT], pa.timestamp("us", "UTC")), "is timestamp[us, tz=UTC]", ".dt.tz_localize(None)"),
    ("date", pa.array([MOMENT], pa.timestamp("us")), "is timestamp[us], and the field a is date; row 1: a value has a time of day", ".dt.date"),
    ("timestamp", pa.array([0, 1001], pa.timestamp("ns", "UTC")), "row 2: a value has nanoseconds", ".dt.floor('us')"),
    ("number", pa.array([0, 2**53 + 1]), "is int64, and the field a is number; row 2: a value has more digits than a double holds", "declare the field as integer"),
    ("string", pa.array([1]), "is int64, and the field a is string", "write text, in pandas: df['a'].astype('string'); in polars: pl.col('a').cast(pl.String); or declare the field as integer"),
    ("string", pa.array([1.0, None]), "is double", "df['a'].astype('Int64').astype('string'); or write other numbers as text, in pandas: df['a'].astype('string')"),
    ("string", pa.array([b"x"]), "is binary", "df['a'].map(bytes.decode, na_action='ignore')"),
    ("uuid", pa.array([b"x"]), "is binary", "write"),
    ("integer", pa.array([True]), "is bool", "declare the field as boolean"),
    ("boolean", pa.array([1]), "is int64", "df['a'].astype('boolean')"),
    ("number", pa.array(["1"]), "is string", "pandas.to_numeric(df['a'])"),
    ("integer", pa.array([[1]]), "is list<", "write one value in each row; or declare the field as integer[]"),
    ("integer[]", pa.array([1]), "is int64, and the field a is integer[]", "write lists"),
    ("integer[]", pa.array([[True]]), "is list<", "declare the field as boolean[]"),
    ("string", pa.array([{"x": 1}]), "is struct<", "declare the field as json"),
    ("number", pa.array([1], pa.duration("s")), "is duration[s]", ".dt.total_seconds()"),
    ("json", pa.array([b"x"]), "is binary", "df['a'].map(bytes.decode, na_action='ignore')"),
    ("json", pa.array([{"x": {"y": b"x"}}]), "is struct<", "the member 'x.y' is binary: write text; or write base64"),
    ("json", pa.array([[{"y": b"x"}]]), "is list<", "the member 'y' is binary: write text; or write base64"),
    ("json", pa.array([{"t": 1}], pa.struct([("t", pa.time64("ns"))])), "is json; the member 't' has nanoseconds", "pl.field('t')"),
    ("json", pa.array([[(0.5, 1)]], pa.map_(pa.float64(), pa.int64())), "is map<", "the column has keys that are no text: write text as keys"),
    ("json", pa.array([[("k", b"x")]], pa.map_(pa.string(), pa.binary())), "is map<", "a value inside is binary: write text; or write base64"),
    ("date", pa.array([1], pa.duration("s")), "is duration[s]", "declare the field as number, and write a number of seconds, in pandas: df['a'].dt"),
    ("integer", pa.array([{"x": 1}]), "is struct<", "write values of the type integer; or declare the field as json"),
    ("integer", pa.array([{"x": b"x"}]), "is struct<", "write values of the type integer"),
    ("decimal(5, 2)", pa.array([MOMENT.date()]), "is date32[day]", "declare the field as date"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "array", "words", "hint"), UNFIT, ids=range(len(UNFIT)))
def test_column_that_does_not_fit_is_one_error(server, name, kind, array, words, hint):
    path = server.declare(name, f"fields: {{a: {{type: '{kind}', nullable: true}}}}\non_invalid: keep\n")

    answer = server.client.post(
        path, content=stream(pa.table({"a": array})), headers={"Content-Type": STREAM}
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "42804")
    assert words in answer.json()["message"]
    assert hint in answer.json()["hint"]


def test_every_column_that_does_not_fit_is_named(server, name):
    path = server.declare(name, "fields: {a: string, b: boolean, c: timestamp, d: integer}\n")
    table = pa.table({"a": [1], "b": [1], "c": pa.array([1001], pa.timestamp("ns", "UTC")), "d": [1]})

    answer = post(server, path, table)

    error = answer.json()
    assert (answer.status_code, error["code"]) == (400, "42804")
    assert error["message"] == (
        "3 columns do not fit: the column 'a' is int64, and the field a is string; the column 'b' is int64, and the field b is"
        " boolean; the column 'c' is timestamp[ns, tz=UTC], and the field c is timestamp; row 1: a value has nanoseconds, and"
        " microseconds are stored"
    )
    assert all(f"df['{column}']" in error["hint"] for column in "abc")


def test_only_five_of_many_unfit_columns_are_shown(server, name):
    names = [f"f{number}" for number in range(50)]
    path = server.declare(name, f"fields: {{{', '.join(f'{each}: string' for each in names)}}}\n")

    error = post(server, path, pa.table({each: [1] for each in names})).json()

    assert error["message"].startswith("50 columns do not fit: the column 'f0' is int64")
    assert error["message"].endswith("the column 'f4' is int64, and the field f4 is string; and 45 more")
    assert "'f5'" not in error["hint"]


@pytest.mark.parametrize(
    ("names", "code", "words"),
    [
        (["a", "b", "amuont"], "PGRST204", "the Parquet schema names 'amuont', which is not a field"),
        (["a", "__index_level_0__"], "PGRST204", "__index_level_0__"),
        (["b"], "23502", "the Parquet schema lacks the required a"),
        (["a", "a"], "PGRST102", "the Parquet schema names 'a' twice"),
        (["a", "old"], "PGRST102", "'a' and 'old', which are one field"),
        (["a", ""], "PGRST204", "a column without a name"),
        ([], "PGRST102", "names no field"),
    ],
)
def test_names_of_columns_are_checked_as_a_csv_header_is(server, name, names, code, words):
    path = server.declare(
        name, "fields: {a: {type: integer, renamed_from: old}, b: {type: integer, nullable: true}}"
    )
    table = pa.Table.from_arrays([pa.array([1])] * len(names), names=names)

    answer = post(server, path, table)

    assert answer.json()["code"] == code
    assert words in answer.json()["message"]


# -- rows


@pytest.fixture
def items(server, name):
    declared = """
    fields: {id: integer, n: {type: number, nullable: true, maximum: 10}, j: {type: json, nullable: true}, d: {type: string, default: x}}
    primary_key: [id]
    on_invalid: keep
    access: {read: [public], change: [admin]}
    """
    return server.declare(name, declared)


def test_bad_rows_are_kept_as_json_and_replayed(server, items):
    table = pa.table(
        {"id": [1, 2, 3, None], "n": [1.0, 11.0, float("nan"), 4.0], "j": ["1", "[2]", "3", "{x"]}
    )

    answer = post(server, items, table)

    assert (answer.status_code, answer.json()["stored"], answer.json()["rejected"]) == (207, 1, 3), (
        answer.text
    )
    assert [error["field"] for error in answer.json()["errors"]] == ["n", "n", "j"]
    assert "NaN is no number" in answer.json()["errors"][1]["message"]
    rejected = server.client.get(f"/-/connectors{items}/rejected").json()
    assert [row["raw"] for row in rejected] == [
        '{"id":2,"n":11.0,"j":[2]}', '{"id":3,"n":NaN,"j":3}', '{"id":null,"n":4.0,"j":{x}'
    ]  # fmt: skip
    edited = [{"_id": rejected[0]["_id"], "id": 2, "n": 2, "j": [2]}]
    assert server.client.post(f"/-/connectors{items}/rejected/replay", json=edited).status_code < 300
    assert server.client.get(f"{items}?order=id").json() == [
        {"id": 1, "n": 1, "j": 1, "d": "x"}, {"id": 2, "n": 2, "j": [2], "d": "x"}
    ]  # fmt: skip


def test_bad_rows_of_a_strict_request_are_listed(server, items):
    table = pa.table({"id": [1, 2], "n": [1.0, 11.0]})

    answer = post(server, items, table, Prefer="handling=strict")

    assert answer.status_code == 422
    assert [(error["row"], error["line"], error["field"]) for error in answer.json()["errors"]] == [
        (2, None, "n")
    ]
    assert server.client.get(items).json() == []


def test_parameters_and_preferences_hold_for_parquet(server, items):
    table = pa.table({"id": [1, 2], "n": [1.0, 2.0], "other": [1, 2]})

    assert post(server, items, table, "?columns=id,n", Prefer="tx=rollback").status_code == 200
    assert server.client.get(items).json() == []
    shown = post(server, items, table, "?columns=id,n", Prefer="return=representation")
    assert [row["d"] for row in shown.json()] == ["x", "x"]
    assert post(server, items, table, "?columns=id,n").json()["code"] == "23505"
    others = pa.table({"id": [2, 3], "n": [9.0, 3.0]})
    merged, again = (
        post(server, items, others, Prefer="resolution=merge-duplicates", Idempotency_Key="m")
        for _ in range(2)
    )
    assert (merged.status_code, again.headers["Idempotent-Replayed"]) == (201, "true"), merged.text
    assert [row["n"] for row in server.client.get(f"{items}?order=id").json()] == [1, 9, 3]


def test_schema_alone_is_no_row(server, items):
    table = pa.table({"id": pa.array([], pa.int64())})
    for body in (parquet(table), stream(table), feather(table)):
        answer = server.client.post(items, content=body)
        assert (answer.status_code, answer.json()["received"]) == (201, 0), answer.text
        assert server.client.put(items, content=body).json()["code"] == "21000"


def test_compressed_body_of_parquet_is_unpacked(server, items):
    body = gzip.compress(parquet(pa.table({"id": [1]})))

    answer = server.client.post(
        items, content=body, headers={"Content-Type": PARQUET, "Content-Encoding": "gzip"}
    )

    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body is empty"),
        (b"id\n1\n", "the body is text, not Parquet"),
        (b'[{"id":1}]', "the body is JSON, not Parquet"),
        (gzip.compress(b"x"), "the body is gzip, not Parquet"),
        (parquet(pa.table({"id": [1]}))[:-9], "it does not end with PAR1, so it is cut off"),
        (b"PARE" + bytes(20), "it is encrypted"),
        (b"PAR1" + bytes(20) + b"\xff\xff\xff\x7fPAR1", "its footer has 2147483647 bytes"),
        (b"PAR1" + bytes(20) + b"\x05\0\0\0PAR1", "its footer is damaged"),
    ],
    ids=range(8),
)
def test_body_that_is_no_parquet_is_named(server, items, body, words):
    answer = server.client.post(items, content=body, headers={"Content-Type": PARQUET})

    assert answer.status_code == 400
    assert words in answer.json()["message"]


def test_stream_cut_between_its_batches_is_refused(server, items):
    """Cut a stream at each end of a message; what is left is a stream of fewer batches but for its end marker."""
    whole = stream(pa.concat_tables([pa.table({"id": [1]}), pa.table({"id": [2]})]))
    reader = pa.BufferReader(whole)
    messages = pa.ipc.MessageReader.open_stream(reader)
    ends = [reader.tell() for _ in messages]

    answers = [server.client.post(items, content=whole[:end]) for end in (*ends, ends[-1] + 4, len(whole))]

    assert len(ends) == 3
    assert [answer.status_code for answer in answers] == [400, 400, 400, 400, 201]
    assert "the stream has no end marker, so it is cut off" in answers[0].json()["message"]


def test_end_marker_of_old_writers_is_taken(server, items):
    whole = stream(pa.table({"id": [1]}))

    assert server.client.post(items, content=whole[:-8] + bytes(4)).status_code == 201


# -- sizes


def bombs() -> dict[str, bytes]:
    """Bodies of far less than 1 MiB, which would be some or many MiB if they were unpacked."""
    nulls = pa.table({"id": pa.nulls(1)}).schema
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, nulls) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays([pa.nulls(10**9)], schema=nulls))
    size, count = 2**14, 1000
    text, places = pa.array(["x" * size]), pa.array([0] * count, pa.int32())
    dictionary = pa.DictionaryArray.from_arrays(places, text)
    each = struct.pack("<i4sii", size, b"xxxx", 0, 0)
    views = [None, pa.py_buffer(each * count), pa.py_buffer(b"x" * size)]
    view = pa.Array.from_buffers(pa.string_view(), count, views)
    items = pa.array(range(size), pa.int32())
    shared = pa.ListViewArray.from_arrays(places, pa.array([size] * count, pa.int32()), items)
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([10**6], pa.int32()), pa.array([1]))
    ids, zeros = pa.array(range(count)), pa.table({"id": pa.array([0] * 2**18)})
    lists = pa.ListArray.from_arrays(pa.array([0, count], pa.int32()), dictionary)
    return {
        "nulls in Arrow": sink.getvalue().to_pybytes(),
        "nulls in Parquet": parquet(pa.table({"n": pa.nulls(2**18, pa.float64()), "id": pa.nulls(2**18, pa.int64())})),
        "zeros in Parquet": parquet(zeros, compression="zstd", use_dictionary=False),
        "zeros in a stream": stream(zeros, "zstd"),
        "zeros in a file": feather(zeros, "zstd"),
        "dictionary in Arrow": stream(pa.table({"d": dictionary, "id": ids})),
        "dictionary in Parquet": parquet(pa.table({"d": dictionary, "id": ids})),
        "dictionary in Parquet without its schema": parquet(pa.table({"d": dictionary, "id": ids}), store_schema=False),
        "dictionary in a list": parquet(pa.table({"j": lists, "id": [1]}), store_schema=False),
        "delta texts": parquet(
            pa.table({"d": ["x" * size] * count, "id": ids}),
            use_dictionary=False, column_encoding={"d": "DELTA_BYTE_ARRAY"},
        ),
        "delta texts in a list": parquet(
            pa.table({"j": [["x" * size] * count], "id": [1]}),
            use_dictionary=False, column_encoding={"j.list.element": "DELTA_BYTE_ARRAY"},
        ),
        "views": stream(pa.table({"d": view, "id": ids})),
        "list views": stream(pa.table({"j": shared, "id": ids})),
        "runs": stream(pa.table({"id": runs})),
    }  # fmt: skip


def test_small_bodies_that_unpack_to_huge_ones_are_refused(tmp_path):
    """Check that each is answered, and that the gateway takes no memory for it."""
    packed = bombs()
    with serving(tmp_path, GATEWAY_MAX_BODY="1M") as server:
        path = server.declare(
            "c", "fields: {id: integer, d: {type: string, default: x}, j: {type: json, nullable: true}}"
        )
        assert post(server, path, pa.table({"id": [1]})).status_code == 201
        before = server.memory()

        answers = {name: server.client.post(path, content=body) for name, body in packed.items()}

        growth = server.memory() - before
        assert server.client.get(f"{path}?select=id").json() == [{"id": 1}]
    assert {name: len(body) for name, body in packed.items() if len(body) > 2**17} == {}
    found = {name: (answer.status_code, answer.json()["message"]) for name, answer in answers.items()}
    assert {name: each for name, each in found.items() if each[0] not in (400, 413)} == {}
    assert [name for name, each in found.items() if each[0] == 400] == ["delta texts in a list"]
    assert growth < 50 * 2**20


def test_every_damaged_byte_of_a_footer_is_survived():
    """pyarrow ends the process where it shows a column whose histogram is damaged, so it is not asked to."""
    whole = parquet(pa.table({"a": [1, None], "s": ["x", "y"], "l": [[1], []]}), compression="none")
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for place in range(footer, len(whole)):
        for change in (1, 0x7F, 0xFF):
            body = bytearray(whole)
            body[place] ^= change
            with contextlib.suppress(GatewayError):
                read_table(bytes(body), 2**20)
