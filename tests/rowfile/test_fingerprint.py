"""Fingerprints of files stay as they are: a later version has to recognize the loads that this one has recorded."""

import datetime
import decimal
import hashlib
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rowfile.chunks import COLUMNAR, split_as
from gateway.rowfile.fingerprint import RowDigest, RowSample
from gateway.rowfile.source import Source
from tests.support.sizes import examples

AT = datetime.datetime(2026, 1, 31, 8, 30, tzinfo=datetime.UTC)
TABLE = pa.table(
    {
        "id": pa.array([1, 2, None], pa.int32()),
        "name": ["é\n", None, ""],
        "price": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-0.05")], pa.decimal128(12, 2)),
        "share": [0.1, 1e300, None],
        "paid": [True, False, None],
        "at": [AT, None, AT + datetime.timedelta(microseconds=1)],
        "day": [AT.date(), None, AT.date()],
        "tags": [["a", None], [], None],
        "more": [{"x": 1, "y": "b"}, {"x": None, "y": ""}, None],
    }
)
TEXTS = {
    "rows.csv": b'id,name\r\n1,"a\nb"\r\n\r\n2,\n3,c',
    "column.csv": b"name\na\n\nb\n",
    "rows.ndjson": b'{"id":1}\r\n \n\n {"id":2} \n{"id":3}',
    "rows.json": b'[{"id":1}, {"id":2}\n,{"id":3}]',
}
#: The marks after each row, and the sample.
RECORDED = {
    "rows.csv": (
        ["2e0f91fabb6ac300", "bf4129d8261d7a0f", "3b822c263bd70752"],
        [887544215, 1420924352, 2658216557],
    ),
    "column.csv": (["6c956c0af6506963", "4fe28ce6646ccd8b", "84894810a7cb071a"], [0, 1908338681, 3904355907]),
    "rows.ndjson": (
        ["51bc513113548e06", "6746510a70a0b3a0", "cb92d41c508fbddd"],
        [1147009221, 1253991891, 1986763335],
    ),
    "rows.json": (
        ["51bc513113548e06", "c63f6dd68b68601e", "c83135caa2c4f328"],
        [1147009221, 1869654790, 1986763335],
    ),
    "rows.parquet": (
        ["13d313cf65d3eafb", "2866175880cef7e1", "decad9456b43e1cd"],
        [892115429, 1480780469, 4027651676],
    ),
}


def fingerprint(path):
    source = Source.from_path(path)
    digest, sample, marks = None, RowSample(), {}
    for chunk in split_as(source, 20, as_columns=source.media in COLUMNAR):
        digest = digest or RowDigest(chunk.header)
        marks |= digest.add(chunk.rows())
        sample = sample.with_rows(chunk.rows())
    return list(marks.values()), sorted(sample.hashes)


@pytest.mark.parametrize("name", [*TEXTS, "rows.parquet"])
def test_fingerprints_are_those_of_earlier_versions(tmp_path, name):
    path = tmp_path / name
    if name in TEXTS:
        path.write_bytes(TEXTS[name])
    else:
        pq.write_table(TABLE, path)

    assert fingerprint(path) == RECORDED[name]


@examples(200)
@given(
    rows=st.lists(st.binary(max_size=40).map(lambda row: row.replace(b"\n", b"")), max_size=20),
    cuts=st.lists(st.integers(0, 20), max_size=5),
)
def test_marks_are_digests_and_samples_are_checksums(rows, cuts):
    digest, sample, marks = RowDigest(b"h\n"), RowSample(), {}
    ends = sorted({min(cut, len(rows)) for cut in cuts} | {len(rows)})
    for begin, end in zip([0, *ends], ends, strict=False):
        marks |= digest.add(rows[begin:end])
        sample = sample.with_rows(rows[begin:end])

    assert marks == {
        number: hashlib.sha256(b"h" + b"".join(row + b"\n" for row in rows[:number])).hexdigest()[:16]
        for number in range(1, len(rows) + 1)
    }
    assert sample.hashes == set(map(zlib.crc32, rows))
