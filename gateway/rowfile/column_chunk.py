"""ColumnChunk: whole rows of a file of Arrow columns as a request body."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import ClassVar

import pyarrow as pa
import pyarrow.ipc

from gateway.media_types import Media
from gateway.rowfile.arrow_file import arrow_batches
from gateway.rowfile.row_texts import plain_batch, row_texts
from gateway.rowfile.source import Source

#: The number of rows that are decoded at a time.
_ROWS_AT_A_TIME = 2**15


@dataclass(frozen=True)
class ColumnChunk:
    """Whole rows of a file as a request body: a stream of Arrow.

    Attributes:
        batches: The rows.
        texts: The text of each row, which tells equal rows of other files.
        bytes_read: The number of bytes of the file on disk that have been read so far.
        media: The media type of the body.
        line: None: no row has a line.
    """

    batches: tuple[pa.RecordBatch, ...]
    texts: tuple[bytes, ...]
    bytes_read: int
    media: Media = Media.ARROW
    line: None = None

    @cached_property
    def data(self) -> bytes:
        """The body."""
        sink = pa.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, self.batches[0].schema) as writer:
            for batch in self.batches:
                writer.write_batch(batch)
        data: bytes = sink.getvalue().to_pybytes()
        return data

    #: False: another version of the libraries may write the same rows with other bytes.
    is_bytes: ClassVar[bool] = False

    def identity(self, digest: str) -> bytes:
        """Return the bytes that tell the rows: the digest of the rows of the file up to its end."""
        return digest.encode()

    @property
    def header(self) -> bytes:
        """The names of the columns, as the first bytes of the rows' digest."""
        return "\x1f".join(self.column_names()).encode()

    def column_names(self) -> list[str]:
        """Return the names of the columns."""
        names: list[str] = self.batches[0].schema.names
        return names

    def rows(self) -> Sequence[bytes]:
        """Return the texts of the rows."""
        return self.texts

    def with_line_end(self) -> "ColumnChunk":
        """Return the chunk itself: its rows end without a line end."""
        return self

    def slice(self, begin: int, end: int) -> "ColumnChunk":
        """Return the rows from index `begin` up to, but without, index `end`; the first row has index 0."""
        table = pa.Table.from_batches(self.batches).slice(begin, end - begin)
        return ColumnChunk(tuple(table.to_batches()), self.texts[begin:end], self.bytes_read)

    def joined(self, others: Sequence["ColumnChunk"]) -> "ColumnChunk":
        """Return one chunk with the rows of this and the following ones."""
        chunks = (self, *others)
        return ColumnChunk(
            tuple(batch for chunk in chunks for batch in chunk.batches),
            tuple(text for chunk in chunks for text in chunk.texts),
            chunks[-1].bytes_read,
        )


def column_chunks(source: Source, size: int) -> Iterator[ColumnChunk]:
    """Yield the rows of a file whose texts have about `size` bytes in each chunk; a larger row is a chunk of its own.

    Raises:
        ValueError: Two columns have one name, or a part of the file is too large.
    """
    batches: list[pa.RecordBatch] = []
    texts: list[bytes] = []
    held, bytes_read = 0, 0
    for piece, bytes_read in arrow_batches(source, _ROWS_AT_A_TIME):
        batch = plain_batch(piece)
        found = row_texts(batch)
        # The bytes of the texts up to each row, with one between two rows.
        ends = list(accumulate(map(_length, found)))
        begin = before = 0
        while (end := bisect_right(ends, before + size + 1 - held)) < len(ends):
            end = max(end, begin if texts else begin + 1)
            yield _chunk([*batches, batch.slice(begin, end - begin)], [*texts, *found[begin:end]], bytes_read)
            batches, texts, held = [], [], 0
            begin, before = end, ends[end - 1] if end else 0
        batches.append(batch.slice(begin))
        texts += found[begin:]
        held += ends[-1] - before if ends else 0
    if texts:
        yield _chunk(batches, texts, bytes_read)


def _length(text: bytes) -> int:
    return len(text) + 1


def _chunk(batches: Sequence[pa.RecordBatch], texts: Sequence[bytes], bytes_read: int) -> ColumnChunk:
    return ColumnChunk(tuple(batch for batch in batches if batch.num_rows), tuple(texts), bytes_read)
