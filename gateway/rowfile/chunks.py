"""The rows of a file a piece at a time, each piece a body that can be posted as it is."""

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from gateway.ingest import csv_records
from gateway.ingest.csv_records import UnclosedQuoteError
from gateway.media_types import Media
from gateway.rowfile.source import Opened, Source

_BOM = b"\xef\xbb\xbf"
_READ = 2**20
#: How many bytes are read to find the end of a quoted cell.
_LONGEST_RECORD = 2**28
#: What is neither bracket nor comma, strings whole, and then one of them.
_MARK = re.compile(rb'(?:[^"{}\[\],]++|"(?:[^"\\]++|\\.)*+")*+([{}\[\],])', re.DOTALL)
#: Lines that are no rows. In CSV a blank is a cell.
_BLANK_LINES = {Media.CSV: re.compile(rb"(?:\r?\n)*+\r?"), Media.NDJSON: re.compile(rb"\s*+")}
#: A well-formed record of CSV with the end of its line.
_RECORD = re.compile(rb'(?:(?:"(?:[^"]++|"")*+"|[^",\n]*+),)*+(?:"(?:[^"]++|"")*+"|[^",\n]*+)\r?\n')
#: Rows of a Parquet file that are Python values at a time.
_PARQUET_ROWS = 5000


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole rows of a file.

    Attributes:
        data: The rows as a body: CSV with its header, NDJSON, or a JSON array or object.
        media: What the body is.
        line: The line of the file that its first row starts in, where the file has lines of rows.
        raw_place: How many bytes of the file on the disk have been read by now.
        head: How many bytes of the body are the header of CSV.
        elements: The rows of a JSON array or object; None for other media.
    """

    data: bytes
    media: Media
    line: int | None
    raw_place: int
    head: int = 0
    elements: tuple[bytes, ...] | None = None

    @property
    def header(self) -> bytes:
        """The header of CSV."""
        return self.data[: self.head]

    def names(self) -> list[str]:
        """Return the names of the columns: those of the header of CSV, or those that the rows have."""
        if self.media is Media.CSV:
            _, _, cells = next(csv_records.read(self.header, 0))
            return [cell or "" for cell in cells] if isinstance(cells, list) else []
        names: dict[str, None] = {}
        for row in self.rows():
            with contextlib.suppress(msgspec.DecodeError):
                found = msgspec.json.decode(row)
                names |= dict.fromkeys(found) if isinstance(found, dict) else {}
        return list(names)

    def rows(self) -> list[bytes]:
        """Return the rows without the ends of their lines."""
        if self.elements is not None:
            return list(self.elements)
        body = self.data[self.head :]
        if b'"' in body and self.media is Media.CSV:
            return [_without_end(body[begin:end]) for begin, end in self._places()]
        lines = body.split(b"\n")
        if not lines[-1]:
            lines.pop()
        if b"\r" in body:
            lines = [line.removesuffix(b"\r") for line in lines]
        return self._without_blanks(lines)

    def _without_blanks(self, lines: list[bytes]) -> list[bytes]:
        """Leave out the lines that are no rows: in CSV of one column an empty line is a row."""
        if self.media is Media.CSV:
            return lines if b"," not in self.header else [line for line in lines if line]
        return [line for line in lines if line.strip()]

    def closed(self) -> "Piece":
        """Return the piece with an end of its last line, so that its body is the same once the file has grown."""
        if self.elements is not None or self.data.endswith(b"\n"):
            return self
        return replace(self, data=self.data + b"\n")

    def part(self, begin: int, end: int) -> "Piece":
        """Return the rows from number `begin`, counted from 0, to before number `end`."""
        if self.elements is not None:
            some = self.elements[begin:end]
            body = b"[" + b",".join(some) + b"]" if self.data.startswith(b"[") else self.data
            return replace(self, data=body, elements=some)
        places = [*self._places()][begin:end]
        start, stop = (places[0][0], places[-1][1]) if places else (0, 0)
        rows = self.data[self.head + start : self.head + stop]
        line = self.line and self.line + self.data.count(b"\n", self.head, self.head + start)
        return replace(self, data=self.header + rows, line=line).closed()

    def _places(self) -> Iterator[tuple[int, int]]:
        """Yield where each row begins and ends behind the header, with the end of its line."""
        keeps_blanks = self.media is Media.CSV and b"," not in self.header
        begin = self.head
        while begin < len(self.data):
            end = self._end_of_row(begin)
            row = _without_end(self.data[begin:end])
            if keeps_blanks or (row if self.media is Media.CSV else row.strip()):
                yield begin - self.head, end - self.head
            begin = end

    def _end_of_row(self, begin: int) -> int:
        if self.media is not Media.CSV:
            return self.data.find(b"\n", begin) + 1 or len(self.data)
        found = _RECORD.match(self.data, begin)
        return found.end() if found else csv_records.end_of_first(self.data, begin, 0) or len(self.data)


def _without_end(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")


def joined(pieces: Sequence[Piece]) -> Piece:
    """Return the rows of pieces that follow each other as one piece."""
    first = pieces[0]
    if len(pieces) == 1:
        return first
    if first.elements is not None:
        elements = tuple(element for piece in pieces for element in piece.elements or ())
        return replace(first, data=b"[" + b",".join(elements) + b"]", elements=elements)
    rows = (piece.data[piece.head :] for piece in pieces)
    return replace(pieces[-1], data=first.header + b"".join(rows), line=first.line, head=first.head)


def split(source: Source, size: int) -> Iterator[Piece]:
    """Give the rows of a file in pieces of about `size` bytes; a row that is larger is a piece by itself.

    Where the pieces end depends on the bytes before and on `size` alone.

    Raises:
        ValueError: Where the file is not what it is called.
        OSError, EOFError, zstandard.ZstdError: Where it cannot be read.
    """
    if source.media is Media.PARQUET:
        yield from _parquet(source, size)
        return
    opened = source.open()
    try:
        if source.media is Media.CSV:
            yield from _csv(opened, size)
        elif source.media is Media.NDJSON:
            yield from _lines(_Buffer(opened), b"", size, Media.NDJSON, 1)
        else:
            yield from _json(opened, size)
    finally:
        opened.close()


class _Buffer:
    """The bytes of a file that have been read and not given away."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.data = b""
        self.ended = False
        self.fill(3)
        self.data = self.data.removeprefix(_BOM)

    def fill(self, size: int) -> None:
        """Read until there are so many bytes, or the end has come."""
        pieces = [self.data]
        have = len(self.data)
        while have < size and not self.ended:
            piece = self._opened.read(max(_READ, size - have))
            self.ended = not piece
            pieces.append(piece)
            have += len(piece)
        self.data = b"".join(pieces)

    def take(self, size: int) -> bytes:
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    @property
    def path(self) -> Path:
        return self._opened.path

    @property
    def raw_place(self) -> int:
        return self._opened.raw_place


def _csv(opened: Opened, size: int) -> Iterator[Piece]:
    buffer = _Buffer(opened)
    header = buffer.take(_end_of_record(buffer, 0, opened.first_line))
    if header.strip():
        yield from _lines(buffer, header, size, Media.CSV, opened.first_line + header.count(b"\n"))


def _lines(buffer: _Buffer, header: bytes, size: int, media: Media, line: int) -> Iterator[Piece]:
    while True:
        buffer.fill(size)
        if not buffer.data:
            return
        cut = _cut_records if media is Media.CSV else _cut_lines
        end = cut(buffer, size, line)
        # A last row without a line end belongs to its piece, where it is when the file has grown.
        is_last = buffer.ended and len(buffer.data) + 2 <= size
        piece = buffer.take(len(buffer.data) if is_last else end)
        # In CSV of one column an empty line is a row whose value is null.
        is_column = media is Media.CSV and b"," not in header
        if is_column or not _BLANK_LINES[media].fullmatch(piece):
            yield Piece(header + piece, media, line, buffer.raw_place, len(header))
        line += piece.count(b"\n")


def _cut_lines(buffer: _Buffer, size: int, line: int) -> int:
    """Return the end of the last whole line within `size` bytes, else that of the first."""
    end = buffer.data.rfind(b"\n", 0, size) + 1
    while not end and not (end := buffer.data.find(b"\n") + 1) and not buffer.ended:
        buffer.fill(2 * len(buffer.data))
    return end or len(buffer.data)


def _cut_records(buffer: _Buffer, size: int, line: int) -> int:
    """Return the end of the last whole record within `size` bytes, else that of the first.

    The record behind it is read to its end as well: where a quote of it is never closed, nothing of the piece is given.
    """
    end = _reading_on(buffer, lambda: csv_records.end_of_whole(buffer.data, size, line))
    behind = _end_of_record(buffer, end, line + buffer.data.count(b"\n", 0, end))
    return end or behind


def _end_of_record(buffer: _Buffer, place: int, line: int) -> int:
    """Return the end of the record that begins at `place`; that of the file where it has no line end."""
    while not (end := _reading_on(buffer, lambda: csv_records.end_of_first(buffer.data, place, line))):
        if buffer.ended:
            return len(buffer.data)
        _read_on(buffer)
    return end


def _reading_on(buffer: _Buffer, find: Callable[[], int]) -> int:
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


def _read_on(buffer: _Buffer) -> None:
    buffer.fill(2 * len(buffer.data) + _READ)


# ------------------------------------------------------------------------------------------------------
# JSON and Parquet, which have no lines


def _json(opened: Opened, size: int) -> Iterator[Piece]:
    buffer = _Buffer(opened)
    buffer.fill(size)
    start = len(buffer.data) - len(buffer.data.lstrip())
    buffer.take(start)
    if not buffer.data.startswith(b"["):
        buffer.fill(2**62)
        if buffer.data.strip():
            yield Piece(buffer.data, Media.JSON, None, buffer.raw_place, elements=(buffer.data.strip(),))
        return
    buffer.take(1)
    waiting: list[bytes] = []
    held = 0
    for element in _Array(buffer, size):
        if waiting and held + len(element) > size:
            yield _array(waiting, buffer)
            waiting, held = [], 0
        waiting.append(element)
        held += len(element) + 1
    if waiting:
        yield _array(waiting, buffer)


def _array(elements: list[bytes], buffer: _Buffer) -> Piece:
    data = b"[" + b",".join(elements) + b"]"
    return Piece(data, Media.JSON, None, buffer.raw_place, elements=tuple(elements))


class _Array:
    """Gives the elements of an array as they stand, without reading what is in them; its [ has been taken."""

    def __init__(self, buffer: _Buffer, size: int) -> None:
        self._buffer = buffer
        self._more = max(_READ, size)
        self._begin = self._place = 0  # Of the element, and of what has been looked at of it.

    def __iter__(self) -> Iterator[bytes]:
        depth = 0
        while (mark := self._next_mark()) != b"]" or depth:
            if mark in b"{[":
                depth += 1
            elif mark in b"}]":
                depth -= 1
            elif not depth:
                yield self._element()
        last = self._element()
        if last:
            yield last
        self._buffer.fill(_READ)
        if self._buffer.data[self._begin :].strip():
            what = "something stands behind the JSON array; one value to a line belongs into a file .ndjson"
            raise ValueError(f"{self._buffer.path}: {what}")

    def _next_mark(self) -> bytes:
        """Find the next bracket or comma that is in no string."""
        while not (found := _MARK.match(self._buffer.data, self._place)):
            if self._buffer.ended:
                what = "the JSON array ends before its ], as a file does that was cut off; write it anew"
                raise ValueError(f"{self._buffer.path}: {what}")
            self._buffer.take(self._begin)
            self._begin, self._place = 0, self._place - self._begin
            self._buffer.fill(len(self._buffer.data) + self._more)
        self._place = found.end()
        return found[1]

    def _element(self) -> bytes:
        element = self._buffer.data[self._begin : self._place - 1].strip()
        self._begin = self._place
        return element


def _parquet(source: Source, size: int) -> Iterator[Piece]:
    encoder = msgspec.json.Encoder(decimal_format="number")
    file = pq.ParquetFile(source.path)
    total = max(file.metadata.num_rows, 1)
    waiting: list[bytes] = []
    held = done = 0
    for batch in file.iter_batches(_PARQUET_ROWS):
        for row in _plain(batch).to_pylist(maps_as_pydicts="strict"):
            line = encoder.encode(row) + b"\n"
            done += 1
            if waiting and held + len(line) > size:
                yield Piece(b"".join(waiting), Media.NDJSON, None, source.size * done // total)
                waiting, held = [], 0
            waiting.append(line)
            held += len(line)
    if waiting:
        yield Piece(b"".join(waiting), Media.NDJSON, None, source.size)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Give a batch whose instants have microseconds, for Python has no finer ones; none may be lost."""
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
