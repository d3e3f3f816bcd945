"""Files of Arrow columns in chunks that end where the texts of their rows say so."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import methodcaller

import pyarrow as pa
import pyarrow.compute as pc

from gateway.rowfile.arrow_file import arrow_batches
from gateway.rowfile.arrow_rows import ArrowRows
from gateway.rowfile.column_chunk import ColumnChunk
from gateway.rowfile.row_texts import plain_batch, row_texts
from gateway.rowfile.source import Source

#: The number of rows that are decoded at a time.
_ROWS_AT_A_TIME = 2**15
_AS_NUMBER = methodcaller("as_py")


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
        ends = pc.cumulative_sum(pc.add(pc.binary_length(found), 1))
        rows = found.to_pylist()
        begin = before = 0
        while (end := bisect_right(ends, before + size + 1 - held, key=_AS_NUMBER)) < len(rows):
            end = max(end, begin if texts else begin + 1)
            yield _chunk([*batches, batch.slice(begin, end - begin)], [*texts, *rows[begin:end]], bytes_read)
            batches, texts, held = [], [], 0
            begin, before = end, ends[end - 1].as_py() if end else 0
        batches.append(batch.slice(begin))
        texts += rows[begin:]
        held += ends[-1].as_py() - before if rows else 0
    if texts:
        yield _chunk(batches, texts, bytes_read)


def _chunk(batches: Sequence[pa.RecordBatch], texts: Sequence[bytes], bytes_read: int) -> ColumnChunk:
    rows = ArrowRows(tuple(batch for batch in batches if batch.num_rows))
    return ColumnChunk(rows, tuple(texts), bytes_read)
