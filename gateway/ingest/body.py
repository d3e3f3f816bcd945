"""The bytes of a request to the whole, decompressed body, or to an error while nothing is stored."""

import asyncio
import io
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from gateway.errors import Code, GatewayError
from gateway.ingest import signatures
from gateway.ingest.arrival import Arrival, Pace, Receive
from gateway.ingest.decompression import UndecodableError, decoder_of

#: How many bytes of a body are looked at to tell what it is, where it is not what its encoding says.
_LOOKED_AT = 4096
#: Below this, unpacking takes less time than handing it to a thread.
_SMALL = 4096


Unpack = Callable[[bytes], None]


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
    grow: Callable[[int], None],
    pace: Pace,
    threads: Executor,
) -> Body:
    """Collect a body once, in one piece of memory.

    Args:
        events: Gives those of the request.
        encoding: The Content-Encoding header.
        limit: The most bytes it may have, on the wire and decompressed.
        grow: Called with every number of decompressed bytes that are about to be held; may raise.
        pace: How fast it has to arrive.
        threads: Where decompression runs.

    Raises:
        GatewayError: Truncated, too large, too slow, or not what its encoding says.
    """
    whole = _Whole(limit, grow)
    try:
        received = await _fill(whole, Arrival(events, pace), encoding, limit, threads)
    except BaseException:
        whole.drop()
        raise
    return Body(whole.bytes(), received)


async def _fill(
    whole: "_Whole", arrival: "Arrival", encoding: str | None, limit: int, threads: Executor
) -> int:
    """Unpack a body to its end, and give how many bytes came over the wire."""
    decoder = decoder_of(encoding, whole)
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
    except UndecodableError as error:
        raise _not_encoded(error, beginning) from error
    return arrival.received


def _not_encoded(error: UndecodableError, beginning: bytes) -> GatewayError:
    """Make the error of a body that begins with these bytes, naming what it is instead."""
    kind = signatures.format_of(beginning)
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


def too_large(limit: int) -> GatewayError:
    """Say that a body is beyond the limit."""
    return GatewayError(
        Code.BODY_TOO_LARGE,
        f"the body is larger than {limit} bytes",
        hint="send smaller batches, or raise GATEWAY_MAX_BODY",
    )


class _Whole:
    """The body so far. BytesIO hands out its buffer as bytes without copying it."""

    def __init__(self, limit: int, grow: Callable[[int], None]) -> None:
        self._limit = limit
        self._grow = grow
        self._buffer = io.BytesIO()

    def write(self, piece: bytes) -> None:
        if self._buffer.tell() + len(piece) > self._limit:
            raise too_large(self._limit)
        self._grow(len(piece))
        self._buffer.write(piece)

    def bytes(self) -> bytes:
        return self._buffer.getvalue()

    def drop(self) -> None:
        """Let go of it now: an error that was raised over it may be around for longer."""
        self._buffer.close()
