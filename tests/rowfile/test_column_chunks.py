"""Rows of Arrow columns are cut, named, and compared by their values, however a file has encoded them."""

import datetime
import decimal
import math

import polars
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rowfile.chunks import has_columns, split
from gateway.rowfile.column_chunks import column_chunks
from gateway.rowfile.row_texts import plain_batch
from gateway.rowfile.row_texts import row_texts as row_text_array
from gateway.rowfile.source import Source
from tests.support.sizes import examples

AT = datetime.datetime(2026, 1, 31, 8, 30, tzinfo=datetime.UTC)
TABLE = pa.table(
    {
        "id": pa.array(range(5000), pa.int32()),
        "name": [None if row % 7 == 0 else "é" * (row % 50) for row in range(5000)],
        "x": [math.nan if row % 11 == 0 else row / 8 for row in range(5000)],
        "at": [AT + datetime.timedelta(seconds=row) for row in range(5000)],
    }
)


def chunks(path, size=10_000):
    return list(column_chunks(Source.from_path(path), size))


def row_texts(batch):
    return row_text_array(batch).to_pylist()


def write(table, path, **options):
    if path.suffix == ".parquet":
        pq.write_table(table, path, **options)
    elif path.suffix == ".feather":
        pyarrow.feather.write_feather(table, str(path), **options)
    else:
        with pyarrow.ipc.new_stream(str(path), table.schema) as writer:
            writer.write_table(table, **options)
    return path


def test_chunks_do_not_depend_on_the_encoding(tmp_path):
    dictionary = TABLE.set_column(1, "name", TABLE["name"].dictionary_encode())
    large = TABLE.cast(
        TABLE.schema.set(1, pa.field("name", pa.large_string())).set(0, pa.field("id", pa.int64()))
    )
    files = [
        write(TABLE, tmp_path / "a.parquet"),
        write(TABLE, tmp_path / "b.parquet", row_group_size=33, use_dictionary=False, compression="gzip"),
        write(TABLE, tmp_path / "c.feather", chunksize=101, compression="zstd"),
        write(TABLE, tmp_path / "d.arrow", max_chunksize=7),
        write(dictionary, tmp_path / "e.parquet"),
        write(dictionary, tmp_path / "f.arrow"),
        write(large, tmp_path / "g.arrow"),
    ]
    first, *others = [[(each.texts, each.header) for each in chunks(file)] for file in files]

    assert len(first) > 10
    for other in others:
        assert other == first


def test_chunk_is_a_stream_of_its_rows(tmp_path):
    found = chunks(write(TABLE, tmp_path / "a.parquet"))

    tables = [pyarrow.ipc.open_stream(each.data).read_all() for each in found]
    assert [row for table in tables for row in table.to_pylist()] == [
        {**row, "x": None if math.isnan(row["x"]) else row["x"]} for row in TABLE.to_pylist()
    ]
    assert all(len(each.rows()) == table.num_rows for each, table in zip(found, tables, strict=True))
    assert [each.bytes_read for each in found] == sorted(each.bytes_read for each in found)


def test_slices_of_a_chunk_join_again(tmp_path):
    (whole,) = chunks(write(TABLE, tmp_path / "a.arrow", max_chunksize=99), size=2**30)
    parts = [whole.slice(0, 1), whole.slice(1, 150), whole.slice(150, 5000)]

    joined = parts[0].joined(parts[1:])

    assert [len(part.rows()) for part in parts] == [1, 149, 4850]
    assert joined.texts == whole.texts
    assert pyarrow.ipc.open_stream(joined.data).read_all() == pyarrow.ipc.open_stream(whole.data).read_all()
    assert pyarrow.ipc.open_stream(parts[1].data).read_all().num_rows == 149


CELLS = st.one_of(st.none(), st.text(st.sampled_from("\0\x1f\n1a,é"), max_size=4))
ROWS = st.lists(st.tuples(CELLS, CELLS, st.one_of(st.none(), st.integers(-3, 12))), min_size=2, max_size=2)


@examples(300)
@given(rows=ROWS)
def test_different_rows_have_different_texts(rows):
    columns = list(zip(*rows, strict=True))
    batch = pa.record_batch(
        [
            pa.array(columns[0], pa.string()),
            pa.array(columns[1], pa.large_string()),
            pa.array(columns[2], pa.int64()),
        ],
        names=["a", "b", "c"],
    )

    first, second = row_texts(plain_batch(batch))

    assert (first == second) == (rows[0] == rows[1])


PLAIN = [
    pa.null(),
    pa.bool_(),
    pa.uint64(),
    pa.int8(),
    pa.float32(),
    pa.float64(),
    pa.decimal128(38, 4),
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.date32(),
    pa.date64(),
    pa.time32("ms"),
    pa.time64("ns"),
    pa.timestamp("s"),
    pa.timestamp("ns", "Europe/Berlin"),
    pa.dictionary(pa.int8(), pa.string()),
]
OTHER = [
    pa.binary(),
    pa.binary(16),
    pa.list_(pa.int64()),
    pa.struct([("a", pa.int64())]),
    pa.map_(pa.string(), pa.int64()),
    pa.duration("us"),
    pa.float16(),
    pa.decimal256(50, 2),
    pa.dictionary(pa.int8(), pa.binary()),
]


@pytest.mark.parametrize("type", [*PLAIN, *OTHER], ids=str)
def test_nulls_of_every_type_have_texts(type):
    batch = pa.record_batch([pa.nulls(3, type)], names=["a"])
    assert len(set(row_texts(plain_batch(batch)))) == 1


INNER = st.none() | st.text(st.sampled_from("\0\x1f1:,"), max_size=3)
NESTED = st.none() | st.fixed_dictionaries(
    {
        "l": st.none() | st.lists(INNER, max_size=3),
        "m": st.none() | st.lists(st.tuples(st.text("ab:", max_size=2), INNER), max_size=2),
        "b": st.none() | st.binary(max_size=3),
        "d": st.none() | st.integers(-3, 12),
    }
)
NESTED_TYPE = pa.struct(
    [
        ("l", pa.list_(pa.string())),
        ("m", pa.map_(pa.string(), pa.string())),
        ("b", pa.binary()),
        ("d", pa.duration("us")),
    ]
)


@examples(300)
@given(values=st.lists(st.lists(NESTED, max_size=2), min_size=2, max_size=2), start=st.integers(0, 1))
def test_different_nested_values_have_different_texts(values, start):
    """Check also that a slice of a batch has the same texts."""
    kind = pa.list_(NESTED_TYPE)
    array = pa.array([[None], *values], kind)
    listed = array.to_pylist()

    texts = row_texts(plain_batch(pa.record_batch([array], names=["a"])))
    first, second = texts[1:]

    assert (first == second) == (listed[1] == listed[2])
    assert row_texts(plain_batch(pa.record_batch([array.slice(start)], names=["a"]))) == texts[start:]
    assert row_texts(pa.record_batch([array.cast(pa.large_list(NESTED_TYPE))], names=["a"])) == texts


def test_instants_in_lists_have_texts():
    array = pa.array([[1], [2], None], pa.list_(pa.timestamp("ns", "Europe/Berlin")))
    assert len(set(row_texts(pa.record_batch([array], names=["a"])))) == 3


def test_extreme_values_have_texts():
    batch = pa.record_batch(
        {
            "f": pa.array([math.inf, -math.inf, math.nan, 5e-324], pa.float64()),
            "d": pa.array(
                [decimal.Decimal("1e-4"), None, decimal.Decimal(10) ** 33, decimal.Decimal(0)],
                pa.decimal128(38, 4),
            ),
            "t": pa.array([-(2**63), 2**63 - 1, 0, None], pa.timestamp("s", "UTC")),
        }
    )
    assert len(set(row_texts(plain_batch(batch)))) == 4
    assert plain_batch(batch).column("f").to_pylist() == [None, None, None, 5e-324]


def test_feather_of_polars_is_read(tmp_path):
    frame = polars.DataFrame({"id": [1, 2], "name": ["a", None]})
    frame.write_ipc(tmp_path / "a.arrow")
    frame.write_ipc_stream(tmp_path / "b.ipc", compression="zstd")
    for name in ("a.arrow", "b.ipc"):
        source = Source.from_path(tmp_path / name)
        assert [chunk.data for chunk in split(source, 100)] == [
            b'{"id":1,"name":"a"}\n{"id":2,"name":null}\n'
        ]
    assert has_columns(Source.from_path(write(TABLE, tmp_path / "c.arrow")))


def test_column_named_twice_is_an_error(tmp_path):
    table = pa.table([[1], [2]], names=["a", "a"])
    for name in ("a.parquet", "a.arrow"):
        with pytest.raises(ValueError, match="has more than one column 'a'; give each its own name"):
            has_columns(Source.from_path(write(table, tmp_path / name)))


@examples(200)
@given(lengths=st.lists(st.integers(0, 40), max_size=60), size=st.integers(1, 90), group=st.integers(1, 20))
def test_chunks_are_cut_by_their_texts_alone(tmp_path_factory, lengths, size, group):
    """Cut where the texts are larger than the size, as a loop over the rows would."""
    path = tmp_path_factory.mktemp("rows") / "a.arrow"
    write(
        pa.table({"a": pa.array(["x" * length for length in lengths], pa.string())}),
        path,
        max_chunksize=group,
    )
    (all,) = chunks(path, 2**20) or [None]
    expected, held = [], size + 1
    for text in all.texts if all else ():
        if held + len(text) > size:
            expected.append([])
            held = 0
        expected[-1].append(text)
        held += len(text) + 1

    assert [list(each.texts) for each in chunks(path, size)] == expected
