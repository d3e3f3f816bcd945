"""The bytes of a file that were read, but are in no chunk yet."""

from pathlib import Path

from gateway.rowfile.source_reader import SourceReader

_BOM = b"\xef\xbb\xbf"
#: How many bytes are read at least at a time.
READ_BYTES = 2**20


class ReadBuffer:
    """The bytes of a file that have been read and not given away."""

    def __init__(self, opened: SourceReader) -> None:
        self._opened = opened
        self.data = b""
        self.ended = False
        self.fill(3)
        self.data = self.data.removeprefix(_BOM)

    def fill(self, size: int) -> None:
        """Read until there are so many bytes, or the end has come."""
        parts = [self.data]
        have = len(self.data)
        while have < size and not self.ended:
            part = self._opened.read(max(READ_BYTES, size - have))
            self.ended = not part
            parts.append(part)
            have += len(part)
        self.data = b"".join(parts)

    def take(self, size: int) -> bytes:
        """Remove and return the first bytes."""
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self._opened.path

    @property
    def bytes_read(self) -> int:
        """The number of bytes of the file on the disk that have been read."""
        return self._opened.bytes_read
