"""CSV and NDJSON in chunks that end at the end of a record."""

import re
from collections.abc import Callable, Iterator

from gateway.ingest import csv_records
from gateway.ingest.csv_records import UnclosedQuoteError
from gateway.media_types import Media
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.read_buffer import READ_BYTES, ReadBuffer
from gateway.rowfile.source_reader import SourceReader

#: The number of bytes after which an open quote is an error.
_RECORD_BYTES_MAX = 2**28
#: Lines that are no rows. In CSV a space is a cell.
_BLANK_LINES = {Media.CSV: re.compile(rb"(?:\r?\n)*+\r?"), Media.NDJSON: re.compile(rb"\s*+")}


def csv_chunks(reader: SourceReader, size: int) -> Iterator[Chunk]:
    """Yield the records of CSV in chunks of about `size` bytes, each with the header."""
    buffer = ReadBuffer(reader)
    header = buffer.take(_end_of_record(buffer, 0, reader.first_line))
    if header.strip():
        first = reader.first_line + header.count(b"\n") if reader.has_lines else None
        yield from line_chunks(buffer, header, size, Media.CSV, first)


def line_chunks(
    buffer: ReadBuffer, header: bytes, size: int, media: Media, line: int | None
) -> Iterator[Chunk]:
    """Yield the rest of a buffer in chunks of about `size` bytes; `line` is the line number at its start, if it has one."""
    has_lines, begin_line = line is not None, line or 0
    while True:
        buffer.fill(size)
        if not buffer.data:
            return
        cut = _cut_records if media is Media.CSV else _cut_lines
        end, next_line = cut(buffer, size, begin_line)
        # A last row without a line end stays in its chunk, so that the chunk does not change if the file grows.
        is_last = buffer.is_at_end and len(buffer.data) + 2 <= size
        chunk = buffer.take(len(buffer.data) if is_last else end)
        # In CSV with one column an empty line is a row whose value is null.
        is_column = media is Media.CSV and b"," not in header
        if is_column or not _BLANK_LINES[media].fullmatch(chunk):
            shown = begin_line if has_lines else None
            yield Chunk(header + chunk, media, shown, buffer.bytes_read, len(header))
        begin_line = next_line


def _cut_lines(buffer: ReadBuffer, size: int, line: int) -> tuple[int, int]:
    """Return the end of the last complete line within `size` bytes, or else of the first line, and its line number."""
    end = buffer.data.rfind(b"\n", 0, size) + 1
    while not end and not (end := buffer.data.find(b"\n") + 1) and not buffer.is_at_end:
        buffer.fill(2 * len(buffer.data))
    end = end or len(buffer.data)
    return end, line + buffer.data.count(b"\n", 0, end)


def _cut_records(buffer: ReadBuffer, size: int, line: int) -> tuple[int, int]:
    """Return the end of the last complete record within `size` bytes, or else of the first record, and its line number.

    The next record is also read to its end: if its quote is never closed, the whole chunk is rejected.
    """
    end = _read_until(buffer, lambda: csv_records.end_of_whole(buffer.data, size, line))
    end_line = line + buffer.data.count(b"\n", 0, end)
    next_end = _end_of_record(buffer, end, end_line)
    return (end, end_line) if end else (next_end, line + buffer.data.count(b"\n", 0, next_end))


def _end_of_record(buffer: ReadBuffer, place: int, line: int) -> int:
    """Return the end of the record that begins at `place`, or the end of the file if the record has no line end."""
    while not (end := _read_until(buffer, lambda: csv_records.end_of_first(buffer.data, place, line))):
        if buffer.is_at_end:
            return len(buffer.data)
        _read_more(buffer)
    return end


def _read_until(buffer: ReadBuffer, find: Callable[[], int]) -> int:
    """Read more bytes until `find` succeeds.

    Raises:
        UnclosedQuoteError: A quote is not closed in the file, or within the bytes that a record may have.
    """
    while True:
        try:
            return find()
        except UnclosedQuoteError:
            if buffer.is_at_end or len(buffer.data) > _RECORD_BYTES_MAX:
                raise
            _read_more(buffer)


def _read_more(buffer: ReadBuffer) -> None:
    buffer.fill(2 * len(buffer.data) + READ_BYTES)
