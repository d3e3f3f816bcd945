"""Compression of responses."""

import zlib
from typing import Protocol

import zstandard

#: What responses may be compressed with, the best first, by the names of Accept-Encoding.
CODINGS = ("zstd", "gzip")
#: A zlib level that costs half of the default and gains nearly as much; zstd's own default.
_GZIP_LEVEL, _ZSTD_LEVEL = 4, 3


class Compressor(Protocol):
    """Takes the bytes of a body in their order and gives them compressed."""

    def compress(self, data: bytes, /) -> bytes:
        """Give the next bytes; they may be none yet."""

    def flush(self) -> bytes:
        """Give the last bytes."""


def compressor_of(coding: str | None) -> Compressor:
    """Make the compressor of a response; without a coding it changes nothing."""
    if coding == "zstd":
        return zstandard.ZstdCompressor(_ZSTD_LEVEL).compressobj()
    return zlib.compressobj(_GZIP_LEVEL, wbits=31) if coding else _Plain()


class _Plain:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""
