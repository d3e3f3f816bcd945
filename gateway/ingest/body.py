"""The bytes of a request to the whole, decompressed body, or to an error while nothing is stored."""

import asyncio
import io
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol

import zstandard
from isal import isal_zlib

from gateway.errors import Code, GatewayError
from gateway.ingest import signatures
from gateway.ingest.timeouts import InTime

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
#: How many bytes of a body are looked at to tell what it is, where it is not what its encoding says.
_LOOKED_AT = 4096
#: Below this, unpacking takes less time than handing it to a thread.
_SMALL = 4096

#: How long a body may come as slowly as it likes, and how long nothing of it may come. Below the time after which
#: gunicorn ends a body by itself, as if the client had left.
GRACE_SECONDS, STALL_SECONDS = 10.0, 30.0

Unpack = Callable[[bytes], None]
#: Gives the next ASGI event of a request.
Receive = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How a body has to arrive.

    Attributes:
        seconds: How long all of it may take.
        rate: How many bytes a second it must bring, on average, once the grace is over.
    """

    seconds: float
    rate: int

    def patience(self, received: int, waited: float) -> float:
        """Tell how many seconds the next piece may take, after so many bytes and so many seconds of waiting for them."""
        return min(max(GRACE_SECONDS, received / self.rate) - waited, STALL_SECONDS)


@dataclass(frozen=True, slots=True)
class Body:
    """A complete body: `data` decompressed, and how many bytes came over the wire."""

    data: bytes
    received_bytes: int


async def receive(
    events: Receive,
    encoding: str | None,
    *,
    limit: int,
    take: Callable[[int], None],
    pace: Pace,
    threads: Executor,
) -> Body:
    """Collect a body once, in one piece of memory.

    Args:
        events: Gives those of the request.
        encoding: The Content-Encoding header.
        limit: The most bytes it may have, on the wire and decompressed.
        take: Called with every number of decompressed bytes that are about to be held; may raise.
        pace: How fast it has to arrive.
        threads: Where decompression runs.

    Raises:
        GatewayError: Truncated, too large, too slow, or not what its encoding says.
    """
    whole = _Whole(limit, take)
    try:
        received = await _fill(whole, _Arrival(events, pace), encoding, limit, threads)
    except BaseException:
        whole.drop()
        raise
    return Body(whole.bytes(), received)


async def _fill(
    whole: "_Whole", arrival: "_Arrival", encoding: str | None, limit: int, threads: Executor
) -> int:
    """Unpack a body to its end, and give how many bytes came over the wire."""
    decoder = _decoder(encoding, whole)
    beginning = b""
    try:
        while not arrival.is_over:
            chunk = await arrival.piece()
            if arrival.received > limit:
                raise too_large(limit)
            beginning += chunk[: _LOOKED_AT - len(beginning)]
            if not chunk:
                continue
            if decoder is None:
                whole.write(chunk)
            elif len(chunk) < _SMALL:
                decoder.unpack(chunk)
            else:
                await asyncio.get_running_loop().run_in_executor(threads, decoder.unpack, chunk)
        if decoder is not None:
            decoder.finish()
    except _UndecodableError as error:
        raise _not_encoded(error, beginning) from error
    return arrival.received


class _UndecodableError(Exception):
    """A body is not what its Content-Encoding says."""

    def __init__(self, name: str, *, is_cut_off: bool = False, has_more: bool = False) -> None:
        self.name = name
        self.is_cut_off = is_cut_off
        self.has_more = has_more


def _not_encoded(error: _UndecodableError, beginning: bytes) -> GatewayError:
    """Make the error of a body that begins with these bytes, naming what it is instead."""
    kind = signatures.kind_of(beginning)
    says = f"Content-Encoding says {error.name}, but the body is"
    if not beginning:
        message, hint = f"{says} empty", "send the compressed rows"
    elif kind and kind.coding != error.name:
        instead = f"send Content-Encoding: {kind.coding}" if kind.coding else kind.fix
        message, hint = f"{says} {kind.name}", instead
    elif signatures.is_text(beginning):
        message, hint = f"{says} plain text", "leave Content-Encoding out, or compress the body"
    elif error.has_more:
        message = f"something that is not {error.name} stands behind the end of the {error.name} body"
        hint = "send what the compressor wrote, and nothing behind it"
    elif error.is_cut_off:
        message, hint = f"the {error.name} body is truncated", "send it again, whole"
    else:
        message, hint = f"the {error.name} body is damaged", "compress and send it again"
    return GatewayError(Code.ENCODING_INVALID, message, hint=hint)


class _Arrival:
    """The pieces of a body while they come fast enough. Of the pace only the waiting counts, not what is done meanwhile.

    Falcon's own stream ends a body that the client broke off as if it were complete; the one sound sign of
    completeness is a `http.request` event with `more_body` false (ASGI specification, HTTP, "Request").
    """

    def __init__(self, events: Receive, pace: Pace) -> None:
        self._events = events
        self._pace = pace
        self._waited = 0.0
        self._end = time.monotonic() + pace.seconds
        self.received = 0
        self.is_over = False

    async def piece(self) -> bytes:
        """Give the next piece, which may be empty.

        Raises:
            GatewayError: Where it does not come in time, or the client leaves before the end.
        """
        began = time.monotonic()
        patience, left = self._pace.patience(self.received, self._waited), self._end - began
        try:
            event = await InTime(self._events(), min(patience, left))
        except TimeoutError as error:
            raise _too_slow(self._pace, self.received, is_at_end=left <= patience) from error
        now = time.monotonic()
        if event["type"] != "http.request":
            raise GatewayError(Code.BODY_TRUNCATED, hint="send it again, whole")
        if now > self._end:
            raise _too_slow(self._pace, self.received, is_at_end=True)
        self._waited += now - began
        piece: bytes = event.get("body", b"")
        self.received += len(piece)
        self.is_over = not event.get("more_body", False)
        return piece


def _too_slow(pace: Pace, received: int, *, is_at_end: bool) -> GatewayError:
    if is_at_end:
        return GatewayError(Code.BODY_TOO_SLOW, f"the body did not arrive within {pace.seconds:g} seconds")
    message = f"the body brings fewer than {pace.rate} bytes a second, or stands still: {received} came"
    return GatewayError(Code.BODY_TOO_SLOW, message, hint="send it again, faster")


def too_large(limit: int) -> GatewayError:
    """Say that a body is beyond the limit."""
    return GatewayError(
        Code.BODY_TOO_LARGE,
        f"the body is larger than {limit} bytes",
        hint="send smaller batches, or raise GATEWAY_MAX_BODY",
    )


class _Whole:
    """The body so far. BytesIO hands out its buffer as bytes without copying it."""

    def __init__(self, limit: int, take: Callable[[int], None]) -> None:
        self._limit = limit
        self._take = take
        self._buffer = io.BytesIO()

    def write(self, piece: bytes) -> None:
        if self._buffer.tell() + len(piece) > self._limit:
            raise too_large(self._limit)
        self._take(len(piece))
        self._buffer.write(piece)

    def bytes(self) -> bytes:
        return self._buffer.getvalue()

    def drop(self) -> None:
        """Let go of it now: an error that was raised over it may be around for longer."""
        self._buffer.close()


class _Decoder(Protocol):
    def unpack(self, chunk: bytes) -> None: ...
    def finish(self) -> None: ...


class _Following:
    """The first bytes of what stands behind a compressed piece of a body: of another piece, or of something else."""

    def __init__(self, name: str, magics: Sequence[bytes]) -> None:
        self._name = name
        self._magics = magics
        self._beginning = b""

    def take(self, chunk: bytes) -> None:
        """Look at what comes next of it.

        Raises:
            _UndecodableError: Where no piece begins so.
        """
        size = len(self._magics[0])
        if len(self._beginning) < size:
            self._beginning += chunk[:size]
            if not any(magic.startswith(self._beginning[:size]) for magic in self._magics):
                raise _UndecodableError(self._name, has_more=True)


class _Gzip:
    """Members one after another (RFC 1952 section 2.2); a decompressor stops after the first by itself."""

    def __init__(self, whole: _Whole) -> None:
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
            raise _UndecodableError("gzip") from error

    def finish(self) -> None:
        if not self._begun or not self._member.eof:
            raise _UndecodableError("gzip", is_cut_off=True)


class _Zstd:
    """Frames one after another (RFC 8878 section 3.1)."""

    def __init__(self, whole: _Whole) -> None:
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
            raise _UndecodableError("zstd") from error

    def finish(self) -> None:
        if not self._begun or not self._frame.eof:
            raise _UndecodableError("zstd", is_cut_off=True)


class _Deflate:
    """The zlib format (RFC 1950), which `deflate` means in HTTP, or raw deflate (RFC 1951), which some clients send."""

    def __init__(self, whole: _Whole) -> None:
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
            raise _UndecodableError("deflate") from error

    def _begin(self, chunk: bytes) -> None:
        """Tell the two apart: a zlib header is a method, 8, and a checksum of two bytes."""
        is_zlib = chunk[0] & 0x0F == 8 and int.from_bytes(chunk[:2], "big") % 31 == 0
        self._stream = isal_zlib.decompressobj(15 if is_zlib else -15)

    def _unpack(self, chunk: bytes) -> None:
        if self._stream.eof:
            raise _UndecodableError("deflate", has_more=True)
        while True:
            piece = self._stream.decompress(chunk, 2**20)
            self._whole.write(piece)
            chunk = self._stream.unconsumed_tail
            if self._stream.unused_data:
                raise _UndecodableError("deflate", has_more=True)
            # Raw deflate has no checksum behind it, so its last input may be read before its output is.
            if self._stream.eof or not (chunk or len(piece) == 2**20):
                return

    def finish(self) -> None:
        if self._stream is None or not self._stream.eof:
            raise _UndecodableError("deflate", is_cut_off=True)


def _decoder(encoding: str | None, whole: _Whole) -> _Decoder | None:
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
