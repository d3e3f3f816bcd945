"""Parquet and Arrow in chunks of NDJSON, as earlier versions sent them: a load that one began goes on so."""

from collections.abc import Iterator

import msgspec
import pyarrow as pa

from gateway.media_types import Media
from gateway.rowfile.arrow_file import arrow_batches
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.source import Source

#: The number of rows that are Python values at a time.
_ROWS_AT_A_TIME = 5000


def value_chunks(source: Source, size: int) -> Iterator[Chunk]:
    """Yield the rows of a file of Arrow columns in chunks of NDJSON.

    Raises:
        ValueError: A value cannot be written as JSON, or two columns have one name.
    """
    encoder = msgspec.json.Encoder(decimal_format="number")
    waiting: list[bytes] = []
    held = 0
    for batch, bytes_read in arrow_batches(source, _ROWS_AT_A_TIME):
        for line in _lines(batch, source, encoder):
            if waiting and held + len(line) > size:
                yield Chunk(b"".join(waiting), Media.NDJSON, None, bytes_read)
                waiting, held = [], 0
            waiting.append(line)
            held += len(line)
    if waiting:
        yield Chunk(b"".join(waiting), Media.NDJSON, None, source.size)


def _lines(batch: pa.RecordBatch, source: Source, encoder: msgspec.json.Encoder) -> list[bytes]:
    try:
        rows = _in_microseconds(batch).to_pylist(maps_as_pydicts="strict")
        return [encoder.encode(row) + b"\n" for row in rows]
    except (TypeError, KeyError, OverflowError) as error:
        message = f"{source.shown} has a value that cannot be written as JSON: {error}"
        raise ValueError(f"{message}; --again loads it as columns") from error


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
