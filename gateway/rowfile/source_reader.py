"""The text of a file of rows: decompressed, in UTF-8, with commas between the cells of CSV."""

import codecs
import itertools
from collections.abc import Iterator

from gateway.media_types import Media
from gateway.rowfile.compression import decompressed
from gateway.rowfile.separators import with_commas
from gateway.rowfile.source import Source, csv_cells
from gateway.rowfile.workbook.csv_text import SheetText


class SourceReader:
    """Reads the text of a file.

    Attributes:
        shown: The name of the file in messages.
        held_bytes_max: The most bytes of a row; None does not bound them.
        has_lines: Whether the lines of the text are those of the file.
        first_line: The line number at which the text begins: 0 if a header was added before the file's first line.
    """

    def __init__(self, source: Source) -> None:
        self.shown = source.shown
        self.held_bytes_max = source.held_bytes_max
        self.has_lines = not source.is_workbook
        self._raw = source.path.open("rb")
        self._file = self._raw if source.is_workbook else decompressed(self._raw, source.path)
        self.first_line = 1
        self._rest = b""
        try:
            self._chunks = self._opened(source)
        except BaseException:
            self.close()
            raise

    def _opened(self, source: Source) -> Iterator[bytes]:
        """Return the text, after its first bytes were read."""
        chunks = _bounded(
            source, _sheet(source).pieces(self._raw) if source.is_workbook else self._decoded(source)
        )
        if source.media is Media.CSV and source.separator not in (None, b","):
            chunks, skips = with_commas(chunks, source.separator or b",")
            self.first_line += skips
        first = next(chunks, b"").removeprefix(b"\xef\xbb\xbf")
        # If the user names the existing first line, it is the header.
        if source.header and csv_cells(first.partition(b"\n")[0]) != csv_cells(source.header):
            first = source.header + first
            self.first_line -= 1
        return itertools.chain([first], chunks)

    def _decoded(self, source: Source) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(source.encoding)() if source.encoding else None
        while data := self._file.read(2**20):
            try:
                yield decoder.decode(data).encode() if decoder else data
            except UnicodeError as error:
                raise _not_encoded(source, error) from error
        if decoder:
            try:
                yield decoder.decode(b"", final=True).encode()
            except UnicodeError as error:
                raise _not_encoded(source, error) from error

    @property
    def bytes_read(self) -> int:
        """The number of bytes of the file on disk that have been read."""
        return self._raw.tell()

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, or none at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = chunk
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._raw.close()


def sheet_note(source: Source) -> str:
    """Return the sentence about the sheets of a workbook that are not read; empty if there are none.

    Raises:
        ValueError: The workbook cannot be read.
    """
    if not source.is_workbook:
        return ""
    with source.path.open("rb") as raw:
        return _sheet(source).note(raw)


def _sheet(source: Source) -> SheetText:
    """Return how the sheet is read."""
    width = len(csv_cells(source.header)) if source.header else 0
    return SheetText(source.shown, source.sheet, width, source.text_bytes_max)


def _bounded(source: Source, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the pieces of a text.

    Raises:
        ValueError: The source bounds its text, and this is more.
    """
    total = 0
    for data in pieces:
        total += len(data)
        if source.text_bytes_max is not None and total > source.text_bytes_max:
            raise ValueError(
                f"{source.shown} has more than {source.text_bytes_max:,} bytes once decompressed; split it"
            )
        yield data


def _not_encoded(source: Source, error: UnicodeError) -> ValueError:
    message = f"{source.shown} is not {source.encoding}, the encoding of --encoding: {error}"
    return ValueError(f"{message}; omit it for UTF-8, or name another one")
