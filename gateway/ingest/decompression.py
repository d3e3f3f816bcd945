"""Decompression of a body, chunk by chunk, by its Content-Encoding."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import zstandard
from isal import isal_zlib

from gateway.errors import Code, GatewayError
from gateway.ingest.signatures import GZIP_MAGIC, ZSTD_MAGIC

#: The encodings of a body, as Content-Encoding names them.
ENCODINGS = ("gzip", "zstd", "deflate")

#: Frames that need more memory than this to decompress are rejected; `zstd --long` writes them.
ZSTD_WINDOW_BYTES_MAX = 8 * 2**20

#: Zstd input of this size decompresses to at most 4 MiB, however it was compressed.
_ZSTD_SLICE_BYTES = 128
#: How zstd frames begin: data frames and skippable frames.
_ZSTD_MAGICS = (ZSTD_MAGIC, *(bytes([0x50 + number]) + b"\x2a\x4d\x18" for number in range(16)))
#: The size of a zlib header.
_ZLIB_HEADER_BYTES = 2
#: How many bytes one call decompresses at most.
_OUTPUT_BYTES = 2**20

#: Adds decompressed bytes to the body.
Write = Callable[[bytes], None]


class UndecodableError(Exception):
    """A body is not what its Content-Encoding says.

    Attributes:
        name: The encoding.
        is_cut_off: Whether the body ends too early.
        has_more: Whether something else follows the end of the compressed body.
    """

    def __init__(self, name: str, *, is_cut_off: bool = False, has_more: bool = False) -> None:
        self.name = name
        self.is_cut_off = is_cut_off
        self.has_more = has_more


class Decoder(Protocol):
    """Decompresses one body. One thread at a time."""

    def decode(self, chunk: bytes) -> None:
        """Decompress the next bytes of the body.

        Raises:
            UndecodableError: They do not continue the compressed body.
        """

    def finish(self) -> None:
        """Check that the body is complete.

        Raises:
            UndecodableError: It is not.
        """


class _Concatenated:
    """Compressed units one after another; a decompressor object stops after the first by itself.

    Each unit begins with one of `magics`, all of one length.
    """

    def __init__(self, name: str, magics: Sequence[bytes], write: Write, begin: Callable[[], Any]) -> None:
        self._name = name
        self._magics = magics
        self._write = write
        self._begin = begin
        self._unit = begin()
        #: The first bytes of the current unit, which the first unit leaves to its decompressor.
        self._magic: bytes | None = None
        self._has_begun = False

    def _enter_unit(self, chunk: bytes) -> None:
        """Begin the next unit if the last one has ended, and check how it begins."""
        if self._unit.eof:
            self._unit = self._begin()
            self._magic = b""
        size = len(self._magics[0])
        if self._magic is not None and len(self._magic) < size:
            self._magic += chunk[: size - len(self._magic)]
            if not any(magic.startswith(self._magic) for magic in self._magics):
                raise UndecodableError(self._name, has_more=True)

    def finish(self) -> None:
        if not self._has_begun or not self._unit.eof:
            raise UndecodableError(self._name, is_cut_off=True)


class _Gzip(_Concatenated):
    """Members of gzip (RFC 1952 section 2.2)."""

    def __init__(self, write: Write) -> None:
        super().__init__("gzip", [GZIP_MAGIC], write, lambda: isal_zlib.decompressobj(31))

    def decode(self, chunk: bytes) -> None:
        try:
            while chunk:
                self._enter_unit(chunk)
                self._write(self._unit.decompress(chunk, _OUTPUT_BYTES))
                self._has_begun = True
                chunk = self._unit.unconsumed_tail or self._unit.unused_data
        except isal_zlib.error as error:  # type: ignore[misc]  # its stub calls the class an instance
            raise UndecodableError("gzip") from error


class _Zstd(_Concatenated):
    """Frames of zstd (RFC 8878 section 3.1)."""

    def __init__(self, write: Write) -> None:
        context = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES_MAX)
        super().__init__("zstd", _ZSTD_MAGICS, write, context.decompressobj)

    def decode(self, chunk: bytes) -> None:
        try:
            for start in range(0, len(chunk), _ZSTD_SLICE_BYTES):
                piece = chunk[start : start + _ZSTD_SLICE_BYTES]
                while piece:
                    self._enter_unit(piece)
                    self._write(self._unit.decompress(piece))
                    self._has_begun = True
                    piece = self._unit.unused_data
        except zstandard.ZstdError as error:
            raise UndecodableError("zstd") from error


class _Deflate:
    """The zlib format (RFC 1950), which `deflate` means in HTTP, or raw deflate (RFC 1951), which some clients send."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._stream: Any = None
        self._header = b""

    def decode(self, chunk: bytes) -> None:
        if self._stream is None:
            self._header += chunk
            if len(self._header) < _ZLIB_HEADER_BYTES:
                return
            chunk, self._header = self._header, b""
            self._begin(chunk)
        try:
            self._decompress(chunk)
        except isal_zlib.error as error:  # type: ignore[misc]  # its stub calls the class an instance
            raise UndecodableError("deflate") from error

    def _begin(self, chunk: bytes) -> None:
        """Choose the format by the first bytes: a zlib header is a method, 8, and a checksum of 2 bytes."""
        is_zlib = chunk[0] & 0x0F == 8 and int.from_bytes(chunk[:2], "big") % 31 == 0
        self._stream = isal_zlib.decompressobj(15 if is_zlib else -15)

    def _decompress(self, chunk: bytes) -> None:
        if self._stream.eof:
            raise UndecodableError("deflate", has_more=True)
        while True:
            piece = self._stream.decompress(chunk, _OUTPUT_BYTES)
            self._write(piece)
            chunk = self._stream.unconsumed_tail
            if self._stream.unused_data:
                raise UndecodableError("deflate", has_more=True)
            # Raw deflate ends without a checksum, so its last input may be consumed before its output is.
            if self._stream.eof or not (chunk or len(piece) == _OUTPUT_BYTES):
                return

    def finish(self) -> None:
        if self._stream is None or not self._stream.eof:
            raise UndecodableError("deflate", is_cut_off=True)


def decoder_of(encoding: str, write: Write) -> Decoder | None:
    """Return the decoder of a Content-Encoding; None for a body that is not compressed.

    Raises:
        GatewayError: The encoding is not supported.
    """
    name = encoding.strip().lower()
    if name in ("identity", ""):
        return None
    if name in ("gzip", "x-gzip"):
        return _Gzip(write)
    if name == "zstd":
        return _Zstd(write)
    if name == "deflate":
        return _Deflate(write)
    raise GatewayError(
        Code.ENCODING_UNSUPPORTED,
        f"the Content-Encoding '{encoding}' is not supported",
        hint=f"use one of {', '.join(ENCODINGS)}, or none",
        headers={"Accept-Encoding": ", ".join(ENCODINGS)},
    )
