"""Receive and decompress the body of a request; refuse it before anything is stored."""

import functools
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.errors import Code, GatewayError
from gateway.ingest import signatures
from gateway.ingest.arrival import Arrival, Pace, Receive
from gateway.ingest.decompression import Decoder, UndecodableError, decoder_of

#: How many bytes of a body are kept to recognize it, if it is not what its encoding says.
_BEGINNING_BYTES = 4096
#: A smaller chunk is decompressed on the event loop: a thread would take longer to start.
_SMALL_CHUNK_BYTES = 4096

#: Runs a call in a thread.
Run = Callable[[Callable[[], None]], Awaitable[None]]


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
    grow: Callable[[int], None] | None,
    pace: Pace,
    run: Run,
) -> Body:
    """Receive a body into one block of memory. Runs on the event loop.

    Args:
        events: Returns the next ASGI event of the request.
        encoding: The Content-Encoding header.
        limit: The most bytes that it may have, on the wire and decompressed.
        grow: Called with the size of each chunk before it is kept, may raise; None counts nothing.
        pace: How fast the body must arrive.
        run: Runs a call that decompresses a part of the body, in a thread.

    Raises:
        GatewayError: The body is truncated, too large, too slow, or not what its encoding says.
    """
    buffer = _Buffer(limit, grow)
    try:
        received = await _fill(buffer, Arrival(events, pace), encoding, limit, run)
    except BaseException:
        buffer.close()
        raise
    return Body(buffer.bytes(), received)


async def _fill(buffer: "_Buffer", arrival: Arrival, encoding: str | None, limit: int, run: Run) -> int:
    """Receive a body to its end, and return how many bytes came over the wire."""
    decoder = decoder_of(encoding, buffer.write) if encoding else None
    beginning = b""
    try:
        while not arrival.is_over:
            chunk = await arrival.next_chunk()
            if arrival.received > limit:
                raise too_large(limit)
            beginning += chunk[: _BEGINNING_BYTES - len(beginning)]
            if not chunk:
                continue
            if decoder is None:
                buffer.write(chunk)
            else:
                await _decode(decoder, chunk, run)
        if decoder is not None:
            decoder.finish()
    except UndecodableError as error:
        raise _not_encoded(error, beginning) from error
    return arrival.received


async def _decode(decoder: Decoder, chunk: bytes, run: Run) -> None:
    if len(chunk) < _SMALL_CHUNK_BYTES:
        decoder.decode(chunk)
    else:
        await run(functools.partial(decoder.decode, chunk))


def _not_encoded(error: UndecodableError, beginning: bytes) -> GatewayError:
    """Return the error of a body that begins with these bytes; it names what the body is instead."""
    found = signatures.format_of(beginning)
    says = f"Content-Encoding says {error.name}, but the body is"
    if not beginning:
        message, hint = f"{says} empty", "send the compressed rows"
    elif found and found.coding != error.name:
        instead = f"send Content-Encoding: {found.coding}" if found.coding else found.fix
        message, hint = f"{says} {found.name}", instead
    elif signatures.is_text(beginning):
        message, hint = f"{says} plain text", "omit Content-Encoding, or compress the body"
    elif error.has_more:
        message = f"something that is not {error.name} follows the end of the {error.name} body"
        hint = "send what the compressor wrote, and nothing after it"
    elif error.is_cut_off:
        message, hint = f"the {error.name} body is truncated", "send it again, whole"
    else:
        message, hint = f"the {error.name} body is damaged", "compress and send it again"
    return GatewayError(Code.ENCODING_INVALID, message, hint=hint)


def too_large(limit: int) -> GatewayError:
    """Return the error of a body with more bytes than the limit."""
    return GatewayError(
        Code.BODY_TOO_LARGE,
        f"the body is larger than {limit} bytes",
        hint="send smaller batches, or raise GATEWAY_MAX_BODY",
    )


class _Buffer:
    """The body so far. BytesIO returns its buffer as bytes without a copy."""

    def __init__(self, limit: int, grow: Callable[[int], None] | None) -> None:
        self._limit = limit
        self._grow = grow
        self._buffer = io.BytesIO()

    def write(self, chunk: bytes) -> None:
        if self._buffer.tell() + len(chunk) > self._limit:
            raise too_large(self._limit)
        if self._grow is not None:
            self._grow(len(chunk))
        self._buffer.write(chunk)

    def bytes(self) -> bytes:
        return self._buffer.getvalue()

    def close(self) -> None:
        """Free the memory now: the traceback of an error may refer to this buffer for longer."""
        self._buffer.close()
