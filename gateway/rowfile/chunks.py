"""The rows of a file, split into chunks."""

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
    """Yield the rows of a file in chunks of about `size` bytes; a larger row is a chunk of its own.

    The end of a chunk depends only on `size` and on the bytes before it.

    Raises:
        ValueError: The content is not what the name and the options say.
        OSError, EOFError, zstandard.ZstdError: The file cannot be read.
    """
    if source.media is Media.PARQUET:
        yield from parquet_chunks(source, size)
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
