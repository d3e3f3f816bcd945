"""Decompression of gzip and Zstandard files, chosen by their suffixes, and compression for the network."""

import gzip
import io
from pathlib import Path
from typing import IO

import zstandard

#: Suffixes of compressed files.
COMPRESSED = (".gz", ".zst")
#: The errors of reading a compressed file.
BROKEN = (OSError, EOFError, zstandard.ZstdError)


def compressed(data: bytes) -> bytes:
    """Return bytes compressed with Zstandard, at the level that is faster than networks are."""
    return zstandard.ZstdCompressor(level=1).compress(data)


def decompressed(raw: IO[bytes], path: Path) -> IO[bytes]:
    """Return a reader of the decompressed bytes, or `raw` if the suffix is not that of a compressed file."""
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return io.BufferedReader(gzip.GzipFile(fileobj=raw))
    if suffix == ".zst":
        reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        return io.BufferedReader(reader)
    return raw
