"""Decompression of a body, piece by piece, by its Content-Encoding."""

from collections.abc import Sequence
from typing import Any, Protocol

import zstandard
from isal import isal_zlib

from gateway.errors import Code, GatewayError

#: What a body is compressed with, as Content-Encoding names it.
ENCODINGS = ("gzip", "zstd", "deflate")
#: Frames that ask for more memory than this to unpack are refused; `zstd --long` makes such.
MAX_ZSTD_WINDOW = 8 * 2**20
#: Zstd blocks of this size unpack to at most 4 MiB, whatever they were made to hold.
_ZSTD_SLICE = 128
#: How members of gzip begin, and frames of zstd, those that are skipped among them.
_GZIP_MAGICS = (b"\x1f\x8b",)
_ZSTD_MAGICS = (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + number]) + b"\x2a\x4d\x18" for number in range(16)))
#: How many bytes tell that deflate comes with a zlib header.
_ZLIB_HEADER = 2


class UndecodableError(Exception):
    """A body is not what its Content-Encoding says."""

    def __init__(self, name: str, *, is_cut_off: bool = False, has_more: bool = False) -> None:
        self.name = name
        self.is_cut_off = is_cut_off
        self.has_more = has_more


class Sink(Protocol):
    """Where the decompressed bytes go."""

    def write(self, piece: bytes) -> None:
        """Add a piece."""


class Decoder(Protocol):
    """Decompresses a body."""

    def unpack(self, chunk: bytes) -> None:
        """Decompress the next bytes of the body."""

    def finish(self) -> None:
        """Check that the body is complete."""


class _Following:
    """The first bytes of what stands behind a compressed piece of a body: of another piece, or of something else."""

    def __init__(self, name: str, magics: Sequence[bytes]) -> None:
        self._name = name
        self._magics = magics
        self._beginning = b""

    def take(self, chunk: bytes) -> None:
        """Look at what comes next of it.

        Raises:
            UndecodableError: Where no piece begins so.
        """
        size = len(self._magics[0])
        if len(self._beginning) < size:
            self._beginning += chunk[:size]
            if not any(magic.startswith(self._beginning[:size]) for magic in self._magics):
                raise UndecodableError(self._name, has_more=True)


class _Gzip:
    """Members one after another (RFC 1952 section 2.2); a decompressor stops after the first by itself."""

    def __init__(self, whole: Sink) -> None:
        self._whole = whole
        self._member = isal_zlib.decompressobj(31)
        self._following: _Following | None = None
        self._begun = False

    def unpack(self, chunk: bytes) -> None:
        try:
            while chunk:
                if self._member.eof:
                    self._member = isal_zlib.decompressobj(31)
                    self._following = _Following("gzip", _GZIP_MAGICS)
                if self._following:
                    self._following.take(chunk)
                self._whole.write(self._member.decompress(chunk, 2**20))
                self._begun = True
                chunk = self._member.unconsumed_tail or self._member.unused_data
        except isal_zlib.error as error:  # type: ignore[misc]  # its stub calls the class an instance
            raise UndecodableError("gzip") from error

    def finish(self) -> None:
        if not self._begun or not self._member.eof:
            raise UndecodableError("gzip", is_cut_off=True)


class _Zstd:
    """Frames one after another (RFC 8878 section 3.1)."""

    def __init__(self, whole: Sink) -> None:
        self._whole = whole
        self._context = zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW)
        self._frame = self._context.decompressobj()
        self._following: _Following | None = None
        self._begun = False

    def unpack(self, chunk: bytes) -> None:
        try:
            for start in range(0, len(chunk), _ZSTD_SLICE):
                piece = chunk[start : start + _ZSTD_SLICE]
                while piece:
                    if self._frame.eof:
                        self._frame = self._context.decompressobj()
                        self._following = _Following("zstd", _ZSTD_MAGICS)
                    if self._following:
                        self._following.take(piece)
                    self._whole.write(self._frame.decompress(piece))
                    self._begun = True
                    piece = self._frame.unused_data
        except zstandard.ZstdError as error:
            raise UndecodableError("zstd") from error

    def finish(self) -> None:
        if not self._begun or not self._frame.eof:
            raise UndecodableError("zstd", is_cut_off=True)


class _Deflate:
    """The zlib format (RFC 1950), which `deflate` means in HTTP, or raw deflate (RFC 1951), which some clients send."""

    def __init__(self, whole: Sink) -> None:
        self._whole = whole
        self._stream: Any = None
        self._waiting = b""

    def unpack(self, chunk: bytes) -> None:
        if self._stream is None:
            self._waiting += chunk
            if len(self._waiting) < _ZLIB_HEADER:
                return
            chunk, self._waiting = self._waiting, b""
            self._begin(chunk)
        try:
            self._unpack(chunk)
        except isal_zlib.error as error:  # type: ignore[misc]  # its stub calls the class an instance
            raise UndecodableError("deflate") from error

    def _begin(self, chunk: bytes) -> None:
        """Tell the two apart: a zlib header is a method, 8, and a checksum of two bytes."""
        is_zlib = chunk[0] & 0x0F == 8 and int.from_bytes(chunk[:2], "big") % 31 == 0
        self._stream = isal_zlib.decompressobj(15 if is_zlib else -15)

    def _unpack(self, chunk: bytes) -> None:
        if self._stream.eof:
            raise UndecodableError("deflate", has_more=True)
        while True:
            piece = self._stream.decompress(chunk, 2**20)
            self._whole.write(piece)
            chunk = self._stream.unconsumed_tail
            if self._stream.unused_data:
                raise UndecodableError("deflate", has_more=True)
            # Raw deflate has no checksum behind it, so its last input may be read before its output is.
            if self._stream.eof or not (chunk or len(piece) == 2**20):
                return

    def finish(self) -> None:
        if self._stream is None or not self._stream.eof:
            raise UndecodableError("deflate", is_cut_off=True)


def decoder_of(encoding: str | None, whole: Sink) -> Decoder | None:
    """Return the decoder of a Content-Encoding; None where there is none."""
    name = (encoding or "identity").strip().lower()
    if name in ("identity", ""):
        return None
    if name in ("gzip", "x-gzip"):
        return _Gzip(whole)
    if name == "zstd":
        return _Zstd(whole)
    if name == "deflate":
        return _Deflate(whole)
    raise GatewayError(
        Code.ENCODING_UNSUPPORTED,
        f"the Content-Encoding '{encoding}' is not read",
        hint=f"use one of {', '.join(ENCODINGS)}, or none",
        headers={"Accept-Encoding": ", ".join(ENCODINGS)},
    )
