"""Compressed files of rows: gzip and Zstandard, by their suffixes."""

import gzip
import io
from pathlib import Path
from typing import IO

import zstandard

#: Suffixes of compressed files.
COMPRESSED = (".gz", ".zst")
#: What gzip.open may stumble over, beside a disk.
BROKEN = (OSError, EOFError, zstandard.ZstdError)


def decompressed(raw: IO[bytes], path: Path) -> IO[bytes]:
    """Return what reads a file that is compressed, if its name says so."""
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return io.BufferedReader(gzip.GzipFile(fileobj=raw))
    if suffix == ".zst":
        reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        return io.BufferedReader(reader)
    return raw
