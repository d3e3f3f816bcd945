"""The rows of a file, split into chunks.

Only a file of columns imports pyarrow, which takes as long as all other imports of `gateway load` together.
"""

from collections.abc import Iterator

from gateway.media_types import Media
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.column_chunk import ColumnChunk
from gateway.rowfile.json_chunks import json_chunks
from gateway.rowfile.line_chunks import csv_chunks, line_chunks
from gateway.rowfile.read_buffer import ReadBuffer
from gateway.rowfile.source import Source
from gateway.rowfile.source_reader import SourceReader

#: The formats of columns.
COLUMNAR = (Media.PARQUET, Media.ARROW)


def has_columns(source: Source) -> bool:
    """Return whether the rows of a file are sent as columns.

    Raises:
        ValueError, OSError: It cannot be read, or two columns have one name.
    """
    if source.media not in COLUMNAR:
        return False
    from gateway.rowfile.arrow_file import schema_of  # noqa: PLC0415  # it imports pyarrow

    schema_of(source)
    return True


def split_as(source: Source, size: int, *, as_columns: bool) -> Iterator[Chunk | ColumnChunk]:
    """Yield the rows of a file in chunks as `split`, or `as_columns` for a file that has columns."""
    if not as_columns:
        yield from split(source, size)
        return
    from gateway.rowfile.column_chunks import column_chunks  # noqa: PLC0415  # it imports pyarrow

    yield from column_chunks(source, size)


def split(source: Source, size: int) -> Iterator[Chunk]:
    """Yield the rows of a file in chunks of about `size` bytes; a larger row is a chunk of its own.

    The end of a chunk depends only on `size` and on the rows before it.

    Raises:
        ValueError: The content is not what the name and the options say.
        OSError, EOFError, zstandard.ZstdError: The file cannot be read.
    """
    if source.media in COLUMNAR:
        from gateway.rowfile.value_chunks import value_chunks  # noqa: PLC0415  # it imports pyarrow

        yield from value_chunks(source, size)
        return
    reader = SourceReader(source)
    try:
        if source.media is Media.CSV:
            yield from csv_chunks(reader, size)
        elif source.media is Media.NDJSON:
            yield from line_chunks(ReadBuffer(reader), b"", size, Media.NDJSON, 1)
        else:
            yield from json_chunks(reader, size)
    finally:
        reader.close()
