"""Parquet in chunks of NDJSON."""

from collections.abc import Iterator

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gateway.media_types import Media
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.source import Source

#: The number of rows that are Python values at a time.
_ROWS_AT_A_TIME = 5000
#: The most bytes and values of one column in a row group, where a source is bounded.
_COLUMN_BYTES_MAX, _COLUMN_VALUES_MAX = 2**28, 2**26


def parquet_chunks(source: Source, size: int) -> Iterator[Chunk]:
    """Yield the rows of a Parquet file in chunks of NDJSON.

    Raises:
        ValueError: A column has nanoseconds, or two columns have one name.
    """
    encoder = msgspec.json.Encoder(decimal_format="number")
    file = open_parquet(source)
    if source.held_bytes_max is not None:
        _check_row_groups(source, file.metadata)
        texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
        file = pq.ParquetFile(source.path, read_dictionary=texts)
    total = max(file.metadata.num_rows, 1)
    waiting: list[bytes] = []
    held = done = 0
    for batch in _pieces(source, file.iter_batches(_ROWS_AT_A_TIME)):
        for row in _in_microseconds(batch).to_pylist(maps_as_pydicts="strict"):
            line = encoder.encode(row) + b"\n"
            done += 1
            if waiting and held + len(line) > size:
                yield Chunk(b"".join(waiting), Media.NDJSON, None, source.size * done // total)
                waiting, held = [], 0
            waiting.append(line)
            held += len(line)
    if waiting:
        yield Chunk(b"".join(waiting), Media.NDJSON, None, source.size)


def open_parquet(source: Source) -> pq.ParquetFile:
    """Open a Parquet file whose columns can be the keys of rows.

    Raises:
        ValueError: Two columns have one name.
    """
    file = pq.ParquetFile(source.path)
    names = file.schema_arrow.names
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        columns = ", ".join(map(repr, twice[:5]))
        raise ValueError(f"{source.shown} has more than one column {columns}; give each its own name")
    return file


def _check_row_groups(source: Source, metadata: pq.FileMetaData) -> None:
    """Check that no part of a file grows too large when it is decompressed.

    Raises:
        ValueError: One does.
    """
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    for chunk in (group.column(place) for group in groups for place in range(group.num_columns)):
        if chunk.total_uncompressed_size > _COLUMN_BYTES_MAX or chunk.num_values > _COLUMN_VALUES_MAX:
            raise ValueError(
                f"{source.shown} has a row group with {chunk.num_values:,} values of {chunk.path_in_schema!r} in"
                f" {chunk.total_uncompressed_size:,} bytes, which is too large; write it with smaller row groups"
            )


def _pieces(source: Source, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield batches cut so that the texts of each fit the source's bound: a dictionary may repeat a long one."""
    for batch in batches:
        size = sum(_text_bytes(column) for column in batch.columns)
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


def _in_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with its times cast to microseconds without loss, the finest unit of Python."""
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_timestamp(column.type) or pa.types.is_time64(column.type):
            kind = (
                pa.timestamp("us", column.type.tz) if pa.types.is_timestamp(column.type) else pa.time64("us")
            )
            try:
                columns.append(column.cast(kind))
            except pa.ArrowInvalid as error:
                raise ValueError(
                    f"the column '{name}' has nanoseconds, which no type of the gateway holds"
                ) from error
        else:
            columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
