"""Chunk: whole rows of a file as a body that can be posted as it is."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from gateway.ingest import csv_records
from gateway.media_types import Media

#: A well-formed record of CSV with the end of its line.
_RECORD = re.compile(rb'(?:(?:"(?:[^"]++|"")*+"|[^",\n]*+),)*+(?:"(?:[^"]++|"")*+"|[^",\n]*+)\r?\n')


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole rows of a file.

    Attributes:
        data: The rows as a body: CSV with its header, NDJSON, or a JSON array or object.
        media: What the body is.
        line: The line of the file that its first row starts in, where the file has lines of rows.
        bytes_read: How many bytes of the file on the disk have been read by now.
        head: How many bytes of the body are the header of CSV.
        elements: The rows of a JSON array or object; None for other media.
    """

    data: bytes
    media: Media
    line: int | None
    bytes_read: int
    head: int = 0
    elements: tuple[bytes, ...] | None = None

    @property
    def header(self) -> bytes:
        """The header of CSV."""
        return self.data[: self.head]

    def column_names(self) -> list[str]:
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

    def with_line_end(self) -> "Chunk":
        """Return the chunk with an end of its last line, so that its body is the same once the file has grown."""
        if self.elements is not None or self.data.endswith(b"\n"):
            return self
        return replace(self, data=self.data + b"\n")

    def slice(self, begin: int, end: int) -> "Chunk":
        """Return the rows from number `begin`, counted from 0, to before number `end`."""
        if self.elements is not None:
            some = self.elements[begin:end]
            body = b"[" + b",".join(some) + b"]" if self.data.startswith(b"[") else self.data
            return replace(self, data=body, elements=some)
        places = [*self._places()][begin:end]
        start, stop = (places[0][0], places[-1][1]) if places else (0, 0)
        rows = self.data[self.head + start : self.head + stop]
        line = self.line and self.line + self.data.count(b"\n", self.head, self.head + start)
        return replace(self, data=self.header + rows, line=line).with_line_end()

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


def joined(chunks: Sequence[Chunk]) -> Chunk:
    """Return the rows of chunks that follow each other as one chunk."""
    first = chunks[0]
    if len(chunks) == 1:
        return first
    if first.elements is not None:
        elements = tuple(element for chunk in chunks for element in chunk.elements or ())
        return replace(first, data=b"[" + b",".join(elements) + b"]", elements=elements)
    rows = (chunk.data[chunk.head :] for chunk in chunks)
    return replace(chunks[-1], data=first.header + b"".join(rows), line=first.line, head=first.head)
