"""A file of rows, plain or compressed: what its rows are written in, and its bytes."""

import gzip
import io
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import zstandard

from gateway.media import Media

#: Suffixes of files, as they are called out there.
SUFFIXES = {
    ".csv": Media.CSV,
    ".json": Media.JSON,
    ".ndjson": Media.NDJSON,
    ".jsonl": Media.NDJSON,
    ".parquet": Media.PARQUET,
}
COMPRESSED = (".gz", ".zst")
#: What gzip.open may stumble over, beside a disk.
BROKEN = (OSError, EOFError, zstandard.ZstdError)


@dataclass(frozen=True, slots=True)
class Source:
    """A file of rows."""

    path: Path
    media: Media

    @classmethod
    def of(cls, path: Path) -> "Source":
        """Tell by its name what a file is.

        Raises:
            ValueError: Where the name does not tell.
        """
        suffixes = [suffix.lower() for suffix in path.suffixes]
        if suffixes and suffixes[-1] in COMPRESSED:
            suffixes.pop()
        if not suffixes or suffixes[-1] not in SUFFIXES:
            known = ", ".join([*SUFFIXES, *(f"those with {each} behind" for each in COMPRESSED)])
            raise ValueError(f"{path} is not called like a file of rows: {known}")
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is not a regular file")
        return cls(path, SUFFIXES[suffixes[-1]])

    @property
    def size(self) -> int:
        """How many bytes it has on the disk."""
        return self.path.stat().st_size

    def open(self) -> "Opened":
        """Open it for reading, decompressed."""
        return Opened(self.path)


class Opened:
    """The decompressed bytes of a file, and how far they have been read on the disk."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("rb")
        self._file: IO[bytes] | gzip.GzipFile
        suffix = path.suffix.lower()
        if suffix == ".gz":
            self._file = gzip.open(self._raw)  # noqa: SIM115  # `close` closes it
        elif suffix == ".zst":
            reader = zstandard.ZstdDecompressor().stream_reader(self._raw, read_across_frames=True)
            self._file = io.BufferedReader(reader)
        else:
            self._file = self._raw

    @property
    def raw_place(self) -> int:
        """How many bytes of the file on the disk have been read."""
        return self._raw.tell()

    def read(self, size: int) -> bytes:
        """Read up to so many bytes; none at the end."""
        return self._file.read(size)

    def close(self) -> None:
        """Close it."""
        self._file.close()
        self._raw.close()
