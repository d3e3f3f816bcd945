"""The rows of a file chunk by chunk."""

from collections.abc import Iterator

from gateway.media_types import Media
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.json_chunks import json_chunks
from gateway.rowfile.line_chunks import csv_chunks, line_chunks
from gateway.rowfile.parquet_chunks import parquet_chunks
from gateway.rowfile.read_buffer import ReadBuffer
from gateway.rowfile.source import Source
from gateway.rowfile.source_reader import SourceReader


def split(source: Source, size: int) -> Iterator[Chunk]:
    """Give the rows of a file in chunks of about `size` bytes; a row that is larger is a chunk by itself.

    Where the chunks end depends on the bytes before and on `size` alone.

    Raises:
        ValueError: Where the file is not what it is called.
        OSError, EOFError, zstandard.ZstdError: Where it cannot be read.
    """
    if source.media is Media.PARQUET:
        yield from parquet_chunks(source, size)
        return
    opened = SourceReader(source)
    try:
        if source.media is Media.CSV:
            yield from csv_chunks(opened, size)
        elif source.media is Media.NDJSON:
            yield from line_chunks(ReadBuffer(opened), b"", size, Media.NDJSON, 1)
        else:
            yield from json_chunks(opened, size)
    finally:
        opened.close()
