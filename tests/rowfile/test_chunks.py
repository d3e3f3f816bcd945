"""Chunks of a file are complete rows, all of them, in order, byte for byte, for any size of a chunk."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import example, given, reject
from hypothesis import strategies as st

from gateway.ingest import csv_records
from gateway.ingest.csv_records import UnclosedQuoteError
from gateway.media_types import Media
from gateway.rowfile import json_chunks, read_buffer
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.chunks import split
from gateway.rowfile.source import Source
from tests.support.sizes import examples

SIZES = st.integers(1, 200)
CELLS = st.text(alphabet='ab,"\n\r é', max_size=6)


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set('",\n\r') or not cell else cell


def written(tmp_path_factory, name, data):
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data)
    return Source.from_path(path)


@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=20),
    size=SIZES,
    end=st.sampled_from(["", "\n"]),
)
def test_csv_chunks_end_at_records_with_header(tmp_path_factory, rows, size, end):
    text = "\n".join(",".join(map(quoted, row)) for row in [["a", 'the "b"'], *rows]) + end
    chunks = list(split(written(tmp_path_factory, "x.csv", text.encode()), size))

    header = b'a,"the ""b"""\n'
    assert all(chunk.data.startswith(header) for chunk in chunks)
    assert (
        b"".join(chunk.data.removeprefix(header) for chunk in chunks) == text.encode()[len(header) :]
        or not rows
    )
    read = [record for chunk in chunks for line, _, record in csv_records.read(chunk.data, 0) if line > 1]
    assert [[cell or "" for cell in record] for record in read] == rows
    for chunk in chunks:
        before = (
            text.encode().split(chunk.data.removeprefix(header))[0]
            if chunk.data.removeprefix(header)
            else b""
        )
        assert chunk.line >= 2
        assert chunk.line <= before.count(b"\n") + 1 + text.count("\n")


@given(lines=st.lists(st.text(alphabet="ab {}é", max_size=30), max_size=20), size=SIZES)
def test_ndjson_is_cut_between_lines(tmp_path_factory, lines, size):
    data = "\n".join(lines).encode()
    chunks = list(split(written(tmp_path_factory, "x.ndjson", data), size))

    assert [line for chunk in chunks for line in chunk.data.decode().split("\n") if line.strip()] == [
        line for line in lines if line.strip()
    ]
    starts = [line for line, text in enumerate(lines, 1) if text.strip()]
    assert not chunks or chunks[0].line <= starts[0]


VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a",[]{}\\é\n', max_size=5) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='k"]', max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(rows=st.lists(VALUES, max_size=20), size=SIZES, indent=st.sampled_from([None, 1]))
def test_a_json_array_is_cut_between_elements(tmp_path_factory, rows, size, indent):
    data = json.dumps(rows, indent=indent, ensure_ascii=False).encode()
    chunks = list(split(written(tmp_path_factory, "x.json", b"\xef\xbb\xbf \n" + data + b"\n"), size))

    assert [value for chunk in chunks for value in json.loads(chunk.data)] == rows


ELEMENTS = st.sampled_from(
    [
        '{"a":1}',
        ' {"a":{"b":"}"}}',
        '{"a":"},{"}\n',
        "1",
        '"x,]"',
        '{"a" 1}',
        "",
        "[{}]",
        '{"é\\"":[1,{}]}',
        "{",
        "]",
    ]
)


@examples(1000)
@given(
    elements=st.lists(ELEMENTS, max_size=12),
    end=st.sampled_from(["]", " ]\n", '] {"b":2}', "", ",]"]),
    read=st.integers(1, 40),
    size=st.integers(1, 40),
)
def test_elements_found_together_are_those_found_by_marks(tmp_path_factory, elements, end, read, size):
    source = written(tmp_path_factory, "x.json", f"[{','.join(elements)}{end}".encode())
    found = []
    for tries in (json_chunks._TRIES_MAX, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(json_chunks, "_TRIES_MAX", tries)
            for module in (json_chunks, read_buffer):
                patch.setattr(module, "READ_BYTES", read)
            found.append([])
            try:
                found[-1] += (chunk.elements for chunk in split(source, size))
            except ValueError as error:
                found[-1].append(str(error))

    assert found[0] == found[1]


@example(text='a"\n\r', header="a\n", kind="csv", size=1, place=0)
@given(
    text=st.text(alphabet='a,"\n\r', max_size=60),
    header=st.sampled_from(["a\n", "a,b\n", '"a\n","b"\r\n']),
    kind=st.sampled_from(["csv", "ndjson"]),
    size=SIZES,
    place=st.integers(0, 10),
)
def test_rows_do_not_depend_on_chunks(tmp_path_factory, text, header, kind, size, place):
    source = written(tmp_path_factory, f"x.{kind}", (header + text).encode())
    try:
        whole = list(split(source, 2**20))
    except UnclosedQuoteError:
        reject()
    chunks = list(split(source, size))
    rows = [row for chunk in whole for row in chunk.rows()]

    assert [row for chunk in chunks for row in chunk.rows()] == rows
    for chunk in whole:
        place = min(place, len(rows))
        parts = [part for part in (chunk.slice(0, place), chunk.slice(place, len(rows))) if part.rows()]
        assert not rows or parts[0].joined(parts[1:]).rows() == rows


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("kind", ["csv", "ndjson", "json"])
def test_large_and_compressed_files_are_read_in_pieces(tmp_path, kind, suffix):
    rows = [{"n": n, "s": f"{n} é, {'x' * (n % 300)}"} for n in range(12_000)]
    if kind == "csv":
        text = ("n,s\n" + "".join(f'{row["n"]},"{row["s"]}"\n' for row in rows)).encode()
    else:
        first, between, last = {"ndjson": ("", "\n", "\n"), "json": ("[\n", ",\n ", "]")}[kind]
        text = (first + between.join(map(json.dumps, rows)) + last).encode()
    packed = {"": lambda data: data, ".gz": gzip.compress, ".zst": zstandard.compress}[suffix](text)
    path = tmp_path / f"rows.{kind}{suffix}"
    path.write_bytes(packed)

    chunks = list(split(Source.from_path(path), 300_000))

    assert len(chunks) > 5
    assert all(len(chunk.data) <= 300_100 for chunk in chunks)
    assert chunks[-1].bytes_read == len(packed)
    if kind == "json":
        assert [row for chunk in chunks for row in json.loads(chunk.data)] == rows
    else:
        head = b"n,s\n" if kind == "csv" else b""
        assert head + b"".join(chunk.data.removeprefix(head) for chunk in chunks) == text


def test_parquet_chunks_are_ndjson(tmp_path):
    path = tmp_path / "rows.parquet"
    table = pa.table(
        {
            "n": pa.array([1, None], pa.int32()),
            "d": pa.array(["1.50", "2.00"]).cast(pa.decimal128(9, 2)),
            "at": pa.array([0, 1_500_000_000], pa.timestamp("ns", "UTC")),
            "local": pa.array([0, 1], pa.timestamp("ms")),
            "day": pa.array([0, 1], pa.date32()),
            "time": pa.array([0, 1_000_000], pa.time64("us")),
            "tags": [["a"], []],
            "extra": [{"k": 1}, {"k": None}],
        }
    )
    pq.write_table(table, path)

    (chunk,) = split(Source.from_path(path), 2**20)

    assert chunk.media is Media.NDJSON
    assert chunk.data.splitlines()[0] == (
        b'{"n":1,"d":1.50,"at":"1970-01-01T00:00:00Z","local":"1970-01-01T00:00:00","day":"1970-01-01",'
        b'"time":"00:00:00","tags":["a"],"extra":{"k":1}}'
    )
    assert len(list(split(Source.from_path(path), 10))) == 2


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("x.json", b'[{"a": 1}', "ends without its ]"),
        ("x.json", b'[{"a": "1}]', "ends without its ]"),
        ("x.json", b"[1] [2]", "data follows the end"),
    ],
)
def test_a_broken_array_is_an_error(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)

    with pytest.raises(ValueError, match=words):
        list(split(Source.from_path(tmp_path / name), 100))


def test_unknown_suffix_is_an_error(tmp_path):
    (tmp_path / "rows.txt").write_text("n\n1\n")
    with pytest.raises(ValueError, match=r"\.csv, \.tsv, \.json, \.ndjson"):
        Source.from_path(tmp_path / "rows.txt")
    with pytest.raises(ValueError, match="is a workbook of Excel 97; open it"):
        Source.from_path(tmp_path / "rows.xls")


@examples(500)
@given(body=st.text(st.sampled_from('a",\n\r'), min_size=1, max_size=14))
def test_rows_are_those_of_their_slices(body):
    """Read all rows at once, by their lines where each record is one, and one by one, by the grammar of CSV."""
    chunk = Chunk(b"h,i\n" + body.encode(), Media.CSV, 2, 0, 4)
    try:
        rows = chunk.rows()
    except ValueError:
        return

    assert [chunk.slice(at, at + 1).rows() for at in range(len(rows))] == [[row] for row in rows]
