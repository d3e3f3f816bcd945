"""Parquet in chunks of NDJSON."""

from collections.abc import Iterator

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from gateway.media_types import Media
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.source import Source

#: Rows of a Parquet file that are Python values at a time.
_PARQUET_ROWS = 5000


def parquet_chunks(source: Source, size: int) -> Iterator[Chunk]:
    """Yield the rows of a Parquet file in chunks of NDJSON."""
    encoder = msgspec.json.Encoder(decimal_format="number")
    file = pq.ParquetFile(source.path)
    total = max(file.metadata.num_rows, 1)
    waiting: list[bytes] = []
    held = done = 0
    for batch in file.iter_batches(_PARQUET_ROWS):
        for row in _plain(batch).to_pylist(maps_as_pydicts="strict"):
            line = encoder.encode(row) + b"\n"
            done += 1
            if waiting and held + len(line) > size:
                yield Chunk(b"".join(waiting), Media.NDJSON, None, source.size * done // total)
                waiting, held = [], 0
            waiting.append(line)
            held += len(line)
    if waiting:
        yield Chunk(b"".join(waiting), Media.NDJSON, None, source.size)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Give a batch whose instants have microseconds, for Python has no finer ones; none may be lost."""
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
