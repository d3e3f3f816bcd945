"""Parquet and Arrow are posted as other formats are: their values are those that a careful writer of JSON would send."""

import datetime
import io
import uuid
from decimal import Decimal

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

PARQUET, STREAM = "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"
FILE = "application/vnd.apache.arrow.file"
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


def parquet(table: pa.Table, **options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def stream(table: pa.Table, **options) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, **options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def feather(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pyarrow.feather.write_feather(table, sink)
    return sink.getvalue()


WRITERS = {PARQUET: parquet, STREAM: stream, FILE: feather}


@pytest.mark.parametrize("media", [*WRITERS, None, "application/octet-stream"])
def test_every_type_is_stored_as_its_json_value(server, name, media):
    path = server.declare(name, EVERY_TYPE)
    body = WRITERS.get(media, parquet)(pa.table(COLUMNS))

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
