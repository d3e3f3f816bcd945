"""Files of Arrow columns on disk, Parquet and Arrow IPC, read batch by batch."""

import contextlib
import mmap
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet as pq

from gateway.ingest.arrow.end_marker import END_BYTES_MAX, is_end
from gateway.ingest.arrow.parquet_sizes import read_footer
from gateway.ingest.arrow.thrift import InvalidThriftError
from gateway.media_types import Media
from gateway.rowfile.source import Source

#: The most bytes and values of one column in a row group, where a source is bounded.
_COLUMN_BYTES_MAX, _COLUMN_VALUES_MAX = 2**28, 2**26
_FILE_MAGIC = b"ARROW1"
#: The length of a footer of Parquet, and the magic behind it.
_TAIL_BYTES = 8


def schema_of(source: Source) -> pa.Schema:
    """Return the schema of a file whose columns can be the keys of rows.

    Raises:
        ValueError: It cannot be read, two columns have one name, or it is Arrow that a bounded source does not take.
        OSError: The disk fails.
    """
    if source.media is Media.ARROW and source.held_bytes_max is not None:
        raise ValueError(f"{source.shown} is Arrow; write it as Parquet, or load it with gateway load")
    with _named(source):
        if source.media is Media.PARQUET:
            schema = pq.read_schema(source.path)
        else:
            with pa.OSFile(str(source.path)) as file, _open_ipc(file) as reader:
                schema = reader.schema
    names = schema.names
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        columns = ", ".join(map(repr, twice[:5]))
        raise ValueError(f"{source.shown} has more than one column {columns}; give each its own name")
    return schema


@contextlib.contextmanager
def _named(source: Source) -> Iterator[None]:
    """Add the name of the file to errors of pyarrow."""
    try:
        yield
    except pa.ArrowException as error:
        reason = str(error).split("\n", 1)[0]
        message = f"{source.shown} is not {source.media.format.title()}, or it is cut off: {reason}"
        raise ValueError(message) from error


def arrow_batches(source: Source, rows: int) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Yield the rows of a file, at most `rows` at a time, each with the bytes of the file that were read.

    The batches of a bounded source are cut so that their texts fit its bound: a dictionary may repeat a long one.

    Raises:
        ValueError: As `schema_of`; or a part of the file is too large for a bounded source.
        OSError: The disk fails.
    """
    schema_of(source)
    batches = _parquet_batches(source, rows) if source.media is Media.PARQUET else _ipc_batches(source, rows)
    total = 0
    while True:
        with _named(source):
            batch, bytes_read = next(batches, (None, 0))
        if batch is None:
            return
        size = sum(_text_bytes(column) for column in batch.columns)
        total += size
        if source.text_bytes_max is not None and total > source.text_bytes_max:
            raise ValueError(
                f"{source.shown} has more than {source.text_bytes_max:,} bytes once decompressed; split it"
            )
        for piece in _pieces(source, batch, size):
            yield piece, bytes_read


def _parquet_batches(source: Source, rows: int) -> Iterator[tuple[pa.RecordBatch, int]]:
    with pq.ParquetFile(source.path) as file:
        metadata, schema = file.metadata, file.schema_arrow
    texts = None
    if source.held_bytes_max is not None:
        _check_row_groups(source)
        texts = [field.name for field in schema if _is_text(field.type)]
    total, done = max(metadata.num_rows, 1), 0
    with pq.ParquetFile(source.path, read_dictionary=texts) as file:
        # PERF: More threads would decode no faster than the rest of a load goes on, and each has memory of its own.
        for batch in file.iter_batches(rows, use_threads=False):
            done += batch.num_rows
            yield batch, source.size * done // total


def _ipc_batches(source: Source, rows: int) -> Iterator[tuple[pa.RecordBatch, int]]:
    with pa.OSFile(str(source.path)) as file, _open_ipc(file) as reader:
        end = file.tell()
        for batch in _batches_of(reader):
            end = file.tell()
            # The reader does not check the buffers that a file describes, and compute functions trust them.
            batch.validate(full=True)
            for start in range(0, batch.num_rows, rows):
                yield batch.slice(start, rows), min(file.tell(), source.size)
        if isinstance(reader, pyarrow.ipc.RecordBatchStreamReader):
            file.seek(end)
            if not is_end(file.read(END_BYTES_MAX)):
                raise ValueError(f"{source.shown} has no end marker, so it is cut off; write it again")


def _batches_of(
    reader: pyarrow.ipc.RecordBatchFileReader | pyarrow.ipc.RecordBatchStreamReader,
) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pyarrow.ipc.RecordBatchFileReader):
        yield from map(reader.get_batch, range(reader.num_record_batches))
    else:
        yield from reader


def _open_ipc(file: pa.NativeFile) -> pyarrow.ipc.RecordBatchFileReader | pyarrow.ipc.RecordBatchStreamReader:
    """Open an Arrow file or stream; its first bytes tell which."""
    begin = file.read(len(_FILE_MAGIC))
    file.seek(0)
    return pyarrow.ipc.open_file(file) if begin == _FILE_MAGIC else pyarrow.ipc.open_stream(file)


def _check_row_groups(source: Source) -> None:
    """Check that no part of a file grows too large when it is decompressed.

    Raises:
        ValueError: One does, or the footer is damaged: pyarrow would end the process where it shows its columns.
    """
    with source.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        data = bytes(mapped[-_TAIL_BYTES:])
        length = int.from_bytes(data[:4], "little")
        footer = memoryview(bytes(mapped[-_TAIL_BYTES - length : -_TAIL_BYTES]))
    try:
        _, chunks = read_footer(footer, 0, len(footer))
    except InvalidThriftError as error:
        raise ValueError(f"{source.shown} is not Parquet: its footer is damaged") from error
    for chunk in chunks:
        if chunk.size > _COLUMN_BYTES_MAX or chunk.num_values > _COLUMN_VALUES_MAX:
            raise ValueError(
                f"{source.shown} has a row group with {chunk.num_values:,} values of {chunk.path!r} in"
                f" {chunk.size:,} bytes, which is too large; write it with smaller row groups"
            )


def _pieces(source: Source, batch: pa.RecordBatch, size: int) -> Iterator[pa.RecordBatch]:
    rows = batch.num_rows
    if source.held_bytes_max is not None and size > source.held_bytes_max:
        rows = max(1, rows * source.held_bytes_max // size)
    for begin in range(0, batch.num_rows, max(rows, 1)):
        yield batch.slice(begin, rows)


def _text_bytes(column: pa.Array) -> int:
    """Return the bytes of the texts of a column with a dictionary; 0 for any other column."""
    if not pa.types.is_dictionary(column.type) or not _is_text(column.type.value_type):
        return 0
    lengths = pc.binary_length(column.dictionary).take(column.indices)
    return pc.sum(lengths.cast(pa.int64())).as_py() or 0


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return any(
        test(kind)
        for test in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    )
