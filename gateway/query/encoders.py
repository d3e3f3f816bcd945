"""Encoders: the Arrow batches of a result to the bytes of a body, in its format.

An encoder belongs to one response, and to one thread at a time. Its memory is bounded.
"""

import io
from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gateway.media_types import Media
from gateway.query.query import Selected
from gateway.query.row_formats import Output, schema_of

#: The size of a message in an Arrow stream, and of a row group in Parquet, in bytes of Arrow.
_MESSAGE_BYTES, _GROUP_BYTES = 2**20, 8 * 2**20


class Encoder(Protocol):
    """Encodes the batches of a result, in order."""

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """Return the next bytes, which may be empty."""

    def end(self) -> bytes:
        """Return the last bytes."""


def encoder_of(output: Output, select: Sequence[Selected]) -> Encoder:
    """Return the encoder of a response."""
    if output.is_text:
        return TextEncoder(output, select)
    return _Arrow(select) if output.media is Media.ARROW else _Parquet(select)


class TextEncoder:
    """Encodes text formats: the database writes the text, so the column's Arrow buffer is already the body."""

    def __init__(self, output: Output, select: Sequence[Selected]) -> None:
        self._before = output.head(select)
        self._skip = output.skip
        self._tail = output.tail

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """Return the next bytes."""
        return self.encode_text(_text(batch.column(0)))

    def encode_text(self, text: bytes) -> bytes:
        """Return the next bytes, from the text of some rows."""
        if self._before or self._skip:
            text = self._before + text[self._skip :]
            self._before, self._skip = b"", 0
        return text

    def end(self) -> bytes:
        """Return the last bytes."""
        return self._before + self._tail


def _text(column: pa.StringArray) -> bytes:
    """Return the concatenated text of a column without nulls."""
    _, offsets, data = column.buffers()
    places = memoryview(offsets).cast("i")
    start, end = places[column.offset], places[column.offset + len(column)]
    return bytes(memoryview(data)[start:end]) if end > start else b""


class _Buffered:
    """Collects batches until they fill a message or a row group."""

    def __init__(self, select: Sequence[Selected], size: int) -> None:
        self._schema = schema_of(select)
        self._sink = io.BytesIO()
        self._size = size
        self._waiting: list[pa.RecordBatch] = []
        self._bytes = 0

    def encode(self, batch: pa.RecordBatch) -> bytes:
        self._waiting.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= self._size:
            self._write()
        return self._take()

    def end(self) -> bytes:
        if self._waiting:
            self._write()
        self._close()
        return self._take()

    def _write(self) -> None:
        columns = pa.Table.from_batches(self._waiting).columns[: len(self._schema)]
        self._waiting, self._bytes = [], 0
        self._write_table(pa.Table.from_arrays(columns, names=self._schema.names).cast(self._schema))

    def _take(self) -> bytes:
        written = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return written

    def _write_table(self, table: pa.Table) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError


class _Arrow(_Buffered):
    """An Arrow stream: https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format."""

    def __init__(self, select: Sequence[Selected]) -> None:
        super().__init__(select, _MESSAGE_BYTES)
        self._writer = pa.ipc.new_stream(self._sink, self._schema)

    def _write_table(self, table: pa.Table) -> None:
        self._writer.write_table(table.combine_chunks())

    def _close(self) -> None:
        self._writer.close()


class _Parquet(_Buffered):
    """A Parquet file, whose row groups are written as they fill up."""

    def __init__(self, select: Sequence[Selected]) -> None:
        super().__init__(select, _GROUP_BYTES)
        self._file = _PositionedSink(self._sink)
        self._writer: pq.ParquetWriter | None = None

    def _write_table(self, table: pa.Table) -> None:
        self._writer_for(table).write_table(table)

    def _close(self) -> None:
        self._writer_for(self._schema.empty_table()).close()

    def _writer_for(self, table: pa.Table) -> pq.ParquetWriter:
        """Return the writer of the file; the first table decides which columns get a dictionary."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, self._schema, use_dictionary=_repeating(table))
        return self._writer


#: How many rows show whether the values of a column repeat.
_SAMPLE_ROWS = 2**14


def _repeating(table: pa.Table) -> list[str]:
    """Return the names of columns whose values repeat often enough for a dictionary.

    PERF: a dictionary that is started for other values, and then abandoned, takes half of the time of a file.
    """
    sample = table.slice(0, _SAMPLE_ROWS)
    names = []
    for field, column in zip(table.schema, sample.columns, strict=True):
        if pa.types.is_list(field.type):
            names.append(f"{field.name}.list.element")
        elif 2 * pc.count_distinct(column).as_py() <= len(sample):
            names.append(field.name)
    return names


class _PositionedSink(io.RawIOBase):
    """A file whose bytes are removed as they are written: only its position advances."""

    def __init__(self, sink: io.BytesIO) -> None:
        super().__init__()
        self._sink = sink
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # Arrow passes bytes
        size = self._sink.write(data)
        self._position += size
        return size

    def tell(self) -> int:
        return self._position
