"""CSV and NDJSON in chunks, cut at the ends of records."""

import re
from collections.abc import Callable, Iterator

from gateway.ingest import csv_records
from gateway.ingest.csv_records import UnclosedQuoteError
from gateway.media_types import Media
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.read_buffer import READ_BYTES, ReadBuffer
from gateway.rowfile.source_reader import SourceReader

#: How many bytes are read to find the end of a quoted cell.
_LONGEST_RECORD = 2**28
#: Lines that are no rows. In CSV a blank is a cell.
_BLANK_LINES = {Media.CSV: re.compile(rb"(?:\r?\n)*+\r?"), Media.NDJSON: re.compile(rb"\s*+")}


def csv_chunks(opened: SourceReader, size: int) -> Iterator[Chunk]:
    """Yield the records of CSV in chunks, each with the header."""
    buffer = ReadBuffer(opened)
    header = buffer.take(_end_of_record(buffer, 0, opened.first_line))
    if header.strip():
        yield from line_chunks(buffer, header, size, Media.CSV, opened.first_line + header.count(b"\n"))


def line_chunks(buffer: ReadBuffer, header: bytes, size: int, media: Media, line: int) -> Iterator[Chunk]:
    """Yield the rest of a buffer in chunks of about `size` bytes; `line` is the number of its first line."""
    while True:
        buffer.fill(size)
        if not buffer.data:
            return
        cut = _cut_records if media is Media.CSV else _cut_lines
        end = cut(buffer, size, line)
        # A last row without a line end belongs to its chunk, where it is when the file has grown.
        is_last = buffer.ended and len(buffer.data) + 2 <= size
        chunk = buffer.take(len(buffer.data) if is_last else end)
        # In CSV of one column an empty line is a row whose value is null.
        is_column = media is Media.CSV and b"," not in header
        if is_column or not _BLANK_LINES[media].fullmatch(chunk):
            yield Chunk(header + chunk, media, line, buffer.bytes_read, len(header))
        line += chunk.count(b"\n")


def _cut_lines(buffer: ReadBuffer, size: int, line: int) -> int:
    """Return the end of the last whole line within `size` bytes, else that of the first."""
    end = buffer.data.rfind(b"\n", 0, size) + 1
    while not end and not (end := buffer.data.find(b"\n") + 1) and not buffer.ended:
        buffer.fill(2 * len(buffer.data))
    return end or len(buffer.data)


def _cut_records(buffer: ReadBuffer, size: int, line: int) -> int:
    """Return the end of the last whole record within `size` bytes, else that of the first.

    The record behind it is read to its end as well: where a quote of it is never closed, nothing of the chunk is given.
    """
    end = _reading_on(buffer, lambda: csv_records.end_of_whole(buffer.data, size, line))
    behind = _end_of_record(buffer, end, line + buffer.data.count(b"\n", 0, end))
    return end or behind


def _end_of_record(buffer: ReadBuffer, place: int, line: int) -> int:
    """Return the end of the record that begins at `place`; that of the file where it has no line end."""
    while not (end := _reading_on(buffer, lambda: csv_records.end_of_first(buffer.data, place, line))):
        if buffer.ended:
            return len(buffer.data)
        _read_on(buffer)
    return end


def _reading_on(buffer: ReadBuffer, find: Callable[[], int]) -> int:
    """Read until what is looked for is found.

    Raises:
        ValueError: Where a quote is not closed in the file, or in more bytes than a row has.
    """
    while True:
        try:
            return find()
        except UnclosedQuoteError:
            if buffer.ended or len(buffer.data) > _LONGEST_RECORD:
                raise
            _read_on(buffer)


def _read_on(buffer: ReadBuffer) -> None:
    buffer.fill(2 * len(buffer.data) + READ_BYTES)
