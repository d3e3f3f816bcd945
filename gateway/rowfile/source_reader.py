"""The text of a file of rows: decompressed, in UTF-8, with commas between the cells of CSV."""

import codecs
import itertools
from collections.abc import Iterator

from gateway.media_types import Media
from gateway.rowfile.compression import decompressed
from gateway.rowfile.separators import with_commas
from gateway.rowfile.source import Source, csv_cells


class SourceReader:
    """Reads the text of a file.

    Attributes:
        shown: The name of the file in messages.
        held_bytes_max: The most bytes of a row; None does not bound them.
        first_line: The line number at which the text begins: 0 if a header was added before the file's first line.
    """

    def __init__(self, source: Source) -> None:
        self.shown = source.shown
        self.held_bytes_max = source.held_bytes_max
        self._raw = source.path.open("rb")
        self._file = decompressed(self._raw, source.path)
        self.first_line = 1
        chunks = self._decoded(source)
        if source.media is Media.CSV and source.separator not in (None, b","):
            chunks, skips = with_commas(chunks, source.separator or b",")
            self.first_line += skips
        first = next(chunks, b"").removeprefix(b"\xef\xbb\xbf")
        # If the user names the existing first line, it is the header.
        if source.header and csv_cells(first.partition(b"\n")[0]) != csv_cells(source.header):
            first = source.header + first
            self.first_line -= 1
        self._chunks = itertools.chain([first], chunks)
        self._rest = b""

    def _decoded(self, source: Source) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(source.encoding)() if source.encoding else None
        total = 0
        while data := self._file.read(2**20):
            total += len(data)
            if source.text_bytes_max is not None and total > source.text_bytes_max:
                raise ValueError(
                    f"{source.shown} has more than {source.text_bytes_max:,} bytes once decompressed; split it"
                )
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


def _not_encoded(source: Source, error: UnicodeError) -> ValueError:
    message = f"{source.shown} is not {source.encoding}, the encoding of --encoding: {error}"
    return ValueError(f"{message}; omit it for UTF-8, or name another one")
