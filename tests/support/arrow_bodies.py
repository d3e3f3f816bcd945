"""Writers of Parquet and Arrow: a table to a body, in every encoding and compression that pyarrow writes."""

import functools
import io
from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

PARQUET, STREAM = "application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"
FILE = "application/vnd.apache.arrow.file"


def parquet(table: pa.Table, **options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def stream(table: pa.Table, codec: str | None = None, rows: int | None = None) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=codec)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue()


def feather(table: pa.Table, codec: str = "lz4") -> bytes:
    sink = io.BytesIO()
    pyarrow.feather.write_feather(table, sink, compression=codec)
    return sink.getvalue()


_CODECS = ("none", "snappy", "gzip", "zstd", "lz4", "brotli")
_PARQUETS: Mapping[str, Mapping] = {
    **{codec: {"compression": codec} for codec in _CODECS},
    "v1": {"version": "1.0", "data_page_version": "1.0"},
    "v2 pages": {"data_page_version": "2.0", "compression": "zstd"},
    "plain": {"use_dictionary": False},
    "small pages": {"data_page_size": 32, "write_batch_size": 2, "use_dictionary": False},
    "small row groups": {"row_group_size": 2},
    "page index": {"write_page_index": True},
    "split": {"use_dictionary": False, "use_byte_stream_split": True},
    "no statistics": {"write_statistics": False, "store_schema": False},
}
#: The writers by what they write: a media type and a function of the table.
WRITERS: Mapping[str, tuple[str, Callable[[pa.Table], bytes]]] = {
    **{
        f"parquet {name}": (PARQUET, functools.partial(parquet, **options))
        for name, options in _PARQUETS.items()
    },
    "stream": (STREAM, stream),
    "stream of small batches": (STREAM, functools.partial(stream, rows=2)),
    "stream lz4": (STREAM, functools.partial(stream, codec="lz4")),
    "stream zstd": (STREAM, functools.partial(stream, codec="zstd")),
    "file": (FILE, functools.partial(feather, codec="uncompressed")),
    "file lz4": (FILE, feather),
    "file zstd": (FILE, functools.partial(feather, codec="zstd")),
}
