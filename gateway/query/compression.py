"""Compression of responses, with zstd or gzip. A compressor belongs to one response."""

import zlib
from typing import Protocol

import zstandard

#: The content codings of responses, the best first.
CODINGS = ("zstd", "gzip")
#: Half the cost of the default zlib level, for nearly the same size; and the default of zstd.
_GZIP_LEVEL, _ZSTD_LEVEL = 4, 3


class Compressor(Protocol):
    """Compresses the bytes of a body, in order."""

    def compress(self, data: bytes, /) -> bytes:
        """Return the next compressed bytes, which may be empty."""

    def flush(self) -> bytes:
        """Return the last compressed bytes."""


def compressor_of(coding: str | None) -> Compressor:
    """Return the compressor of a response; without a coding it changes nothing."""
    if coding == "zstd":
        return zstandard.ZstdCompressor(_ZSTD_LEVEL).compressobj()
    return zlib.compressobj(_GZIP_LEVEL, wbits=31) if coding else _Identity()


class _Identity:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""
