"""Encoders: a result's Arrow batches to the bytes of a body, compressed where the client asked for it.

An encoder belongs to one response and to one thread at a time. What it holds is bounded.
"""

import io
from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gateway.media_types import Media
from gateway.query.output import Output, schema_of
from gateway.query.query import Selected

#: How many bytes of Arrow make a message of a stream, and a row group of Parquet.
_MESSAGE_BYTES, _GROUP_BYTES = 2**20, 8 * 2**20


class Encoder(Protocol):
    """Takes the batches of a result in their order and gives the bytes of the body."""

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """Give the next bytes; they may be none yet."""

    def end(self) -> bytes:
        """Give the last bytes."""


def encoder_of(output: Output, select: Sequence[Selected]) -> Encoder:
    """Make the encoder of a response."""
    if output.is_text:
        return TextEncoder(output, select)
    return _Arrow(select) if output.media is Media.ARROW else _Parquet(select)


class TextEncoder:
    """The database has written the text: the column's Arrow buffer is the body already."""

    def __init__(self, output: Output, select: Sequence[Selected]) -> None:
        self._before = output.head(select)
        self._skip = output.skip
        self._tail = output.tail

    def encode(self, batch: pa.RecordBatch) -> bytes:
        """Give the next bytes."""
        return self.begun(_text(batch.column(0)))

    def begun(self, text: bytes) -> bytes:
        """Give the next bytes, of the text of some rows."""
        if self._before or self._skip:
            text = self._before + text[self._skip :]
            self._before, self._skip = b"", 0
        return text

    def end(self) -> bytes:
        """Give the last bytes."""
        return self._before + self._tail


def _text(column: pa.StringArray) -> bytes:
    """Give the concatenated text of a column without nulls."""
    _, offsets, data = column.buffers()
    places = memoryview(offsets).cast("i")
    start, end = places[column.offset], places[column.offset + len(column)]
    return bytes(memoryview(data)[start:end]) if end > start else b""


class _Gathering:
    """Collects batches until they are worth writing."""

    def __init__(self, select: Sequence[Selected], most: int) -> None:
        self._schema = schema_of(select)
        self._sink = io.BytesIO()
        self._most = most
        self._waiting: list[pa.RecordBatch] = []
        self._bytes = 0

    def encode(self, batch: pa.RecordBatch) -> bytes:
        self._waiting.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= self._most:
            self._write()
        return self._taken()

    def end(self) -> bytes:
        if self._waiting:
            self._write()
        self._close()
        return self._taken()

    def _write(self) -> None:
        columns = pa.Table.from_batches(self._waiting).columns[: len(self._schema)]
        self._waiting, self._bytes = [], 0
        self._write_table(pa.Table.from_arrays(columns, names=self._schema.names).cast(self._schema))

    def _taken(self) -> bytes:
        taken = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return taken

    def _write_table(self, table: pa.Table) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError


class _Arrow(_Gathering):
    """https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format."""

    def __init__(self, select: Sequence[Selected]) -> None:
        super().__init__(select, _MESSAGE_BYTES)
        self._writer = pa.ipc.new_stream(self._sink, self._schema)

    def _write_table(self, table: pa.Table) -> None:
        self._writer.write_table(table.combine_chunks())

    def _close(self) -> None:
        self._writer.close()


class _Parquet(_Gathering):
    """One file, its row groups written as they fill up."""

    def __init__(self, select: Sequence[Selected]) -> None:
        super().__init__(select, _GROUP_BYTES)
        self._place = _Counting(self._sink)
        self._writer: pq.ParquetWriter | None = None

    def _write_table(self, table: pa.Table) -> None:
        self._begun(table).write_table(table)

    def _close(self) -> None:
        self._begun(self._schema.empty_table()).close()

    def _begun(self, table: pa.Table) -> pq.ParquetWriter:
        """Give the writer of a file whose first rows are those of a table."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._place, self._schema, use_dictionary=_repeating(table))
        return self._writer


#: How many rows tell whether the values of a column come again.
_SAMPLE_ROWS = 2**14


def _repeating(table: pa.Table) -> list[str]:
    """Name the columns of a file that begins with some rows whose values come again often enough for a dictionary.

    PERF: to begin one of values that do not, and then give it up, takes half of the time of a file.
    """
    sample = table.slice(0, _SAMPLE_ROWS)
    names = []
    for field, column in zip(table.schema, sample.columns, strict=True):
        if pa.types.is_list(field.type):
            names.append(f"{field.name}.list.element")
        elif 2 * pc.count_distinct(column).as_py() <= len(sample):
            names.append(field.name)
    return names


class _Counting(io.RawIOBase):
    """A file that is taken away while it is written: only its position goes on."""

    def __init__(self, sink: io.BytesIO) -> None:
        super().__init__()
        self._sink = sink
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # Arrow hands over bytes
        size = self._sink.write(data)
        self._position += size
        return size

    def tell(self) -> int:
        return self._position
