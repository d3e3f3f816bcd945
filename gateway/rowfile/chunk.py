"""Chunk: whole rows of a file as a request body."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import msgspec

from gateway.ingest import csv_records
from gateway.media_types import Media

#: A well-formed CSV record with its line end.
_RECORD = re.compile(rb'(?:(?:"(?:[^"]++|"")*+"|[^",\n]*+),)*+(?:"(?:[^"]++|"")*+"|[^",\n]*+)\r?\n')
#: Well-formed CSV records of one line each; the last may have no line end.
_LINES = re.compile(
    rb'(?:(?:"(?:[^"\n]++|"")*+"(?=[,\r\n])|[^",\n]*+)(?:,|\r?\n))*+(?:"(?:[^"\n]++|"")*+"|[^",\n]*+)'
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole rows of a file as a request body.

    Attributes:
        data: The body: CSV with its header, NDJSON, or a JSON array or object.
        media: The media type of the body.
        line: The line of the file in which the first row starts; None for JSON and Parquet.
        bytes_read: The number of bytes of the file on disk that have been read so far.
        header_size: The number of bytes of the CSV header in `data`.
        elements: The rows of a JSON array or object; None for other media types.
    """

    data: bytes
    media: Media
    line: int | None
    bytes_read: int
    header_size: int = 0
    elements: tuple[bytes, ...] | None = None

    #: True: other bytes are other rows.
    is_bytes: ClassVar[bool] = True

    def identity(self, digest: str) -> bytes:
        """Return the bytes that tell the rows; `digest` is that of the rows of the file up to its end."""
        return self.data

    @property
    def header(self) -> bytes:
        """The CSV header with its line end."""
        return self.data[: self.header_size]

    def column_names(self) -> list[str]:
        """Return the column names: the cells of the CSV header, or the keys of the JSON rows."""
        if self.media is Media.CSV:
            _, _, cells = next(csv_records.read(self.header, 0))
            return [cell or "" for cell in cells] if isinstance(cells, list) else []
        names: dict[str, None] = {}
        for row in self.rows():
            with contextlib.suppress(msgspec.DecodeError):
                value = msgspec.json.decode(row)
                names |= dict.fromkeys(value) if isinstance(value, dict) else {}
        return list(names)

    def rows(self) -> list[bytes]:
        """Return the rows without their line ends."""
        if self.elements is not None:
            return list(self.elements)
        data, begin = self.data, self.header_size
        may_span_lines = self.media is Media.CSV and data.find(b'"', begin) >= 0
        if may_span_lines and not _LINES.fullmatch(data, begin):
            return [_without_end(data[begin + start : begin + end]) for start, end in self._places()]
        lines = data.split(b"\n")
        del lines[: self.header.count(b"\n")]
        if not lines[-1]:
            lines.pop()
        if data.find(b"\r", begin) >= 0:
            lines = [line.removesuffix(b"\r") for line in lines]
        return self._without_blanks(lines)

    def _without_blanks(self, lines: list[bytes]) -> list[bytes]:
        """Remove the lines that are no rows. In CSV with one column an empty line is a row."""
        if self.media is not Media.CSV:
            return list(filter(bytes.strip, lines))
        return lines if b"," not in self.header or all(lines) else list(filter(None, lines))

    def joined(self, others: Sequence["Chunk"]) -> "Chunk":
        """Return one chunk with the rows of this and the following ones."""
        chunks = (self, *others)
        if self.elements is not None:
            elements = tuple(element for chunk in chunks for element in chunk.elements or ())
            return replace(self, data=b"[" + b",".join(elements) + b"]", elements=elements)
        rows = (chunk.data[chunk.header_size :] for chunk in chunks)
        data = self.header + b"".join(rows)
        return replace(chunks[-1], data=data, line=self.line, header_size=self.header_size)

    def with_line_end(self) -> "Chunk":
        """Return the chunk with a line end after its last row, so that its body stays the same if the file grows."""
        if self.elements is not None or self.data.endswith(b"\n"):
            return self
        return replace(self, data=self.data + b"\n")

    def slice(self, begin: int, end: int) -> "Chunk":
        """Return the rows from index `begin` up to, but without, index `end`; the first row has index 0."""
        if self.elements is not None:
            elements = self.elements[begin:end]
            body = b"[" + b",".join(elements) + b"]" if self.data.startswith(b"[") else self.data
            return replace(self, data=body, elements=elements)
        places = [*self._places()][begin:end]
        start, stop = (places[0][0], places[-1][1]) if places else (0, 0)
        rows = self.data[self.header_size + start : self.header_size + stop]
        line = self.line and self.line + self.data.count(b"\n", self.header_size, self.header_size + start)
        return replace(self, data=self.header + rows, line=line).with_line_end()

    def _places(self) -> Iterator[tuple[int, int]]:
        """Yield the start and end offsets of each row, relative to the end of the header."""
        keeps_blanks = self.media is Media.CSV and b"," not in self.header
        begin = self.header_size
        while begin < len(self.data):
            end = self._end_of_row(begin)
            row = _without_end(self.data[begin:end])
            if keeps_blanks or (row if self.media is Media.CSV else row.strip()):
                yield begin - self.header_size, end - self.header_size
            begin = end

    def _end_of_row(self, begin: int) -> int:
        if self.media is not Media.CSV:
            return self.data.find(b"\n", begin) + 1 or len(self.data)
        record = _RECORD.match(self.data, begin)
        return record.end() if record else csv_records.end_of_first(self.data, begin, 0) or len(self.data)


def _without_end(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")
