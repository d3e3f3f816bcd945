"""The bytes of a file that are read, but not yet part of a chunk."""

from gateway.rowfile.source_reader import SourceReader

_BOM = b"\xef\xbb\xbf"
#: The minimum number of bytes that one read requests.
READ_BYTES = 2**20


class ReadBuffer:
    """The bytes of a file that are read, but not yet taken.

    Attributes:
        data: The bytes.
        is_at_end: Whether the end of the file was read.
    """

    def __init__(self, reader: SourceReader) -> None:
        self._reader = reader
        self._most = reader.held_bytes_max
        self.data = b""
        self.is_at_end = False
        self.fill(3)
        self.data = self.data.removeprefix(_BOM)

    def fill(self, size: int) -> None:
        """Read until the buffer holds `size` bytes or the file ends.

        Raises:
            ValueError: The source bounds what a row may have, and this is more.
        """
        parts = [self.data]
        have = len(self.data)
        while have < size and not self.is_at_end:
            part = self._reader.read(max(READ_BYTES, size - have))
            self.is_at_end = not part
            parts.append(part)
            have += len(part)
            if self._most is not None and have > self._most:
                raise ValueError(
                    f"{self.shown}: a row, or one JSON value for all rows, is larger than {self._most:,} bytes;"
                    " write one row on each line"
                )
        self.data = b"".join(parts)

    def take(self, size: int) -> bytes:
        """Remove and return the first `size` bytes."""
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    @property
    def shown(self) -> str:
        """The name of the file in messages."""
        return self._reader.shown

    @property
    def bytes_read(self) -> int:
        """The number of bytes of the file on disk that have been read."""
        return self._reader.bytes_read
