"""The arrival of a body: its chunks, as long as they come fast enough."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from gateway.errors import Code, GatewayError
from gateway.ingest.timeouts import result_of

#: How long a body may arrive at any rate, and the longest pause between two chunks. Both are below the time after
#: which gunicorn itself ends a body, as if the client had left.
GRACE_SECONDS, STALL_SECONDS = 10.0, 30.0

#: Returns the next ASGI event of a request.
Receive = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace at which a body must arrive.

    Attributes:
        seconds: How long the whole body may take.
        rate: The lowest average rate after the grace time, in bytes per second.
    """

    seconds: float
    rate: int

    def chunk_seconds(self, received: int, waited: float) -> float:
        """Return how long the next chunk may take, after `received` bytes and `waited` seconds of waiting for them."""
        return min(max(GRACE_SECONDS, received / self.rate) - waited, STALL_SECONDS)


class Arrival:
    """The chunks of a body that arrive in time. Belongs to the event loop.

    Only the time that is spent waiting for the client counts, not the time to process a chunk.

    Falcon's own stream ends a body that the client broke off as if it were complete. The only reliable sign of a
    complete body is an `http.request` event with `more_body` false (ASGI specification, HTTP, "Request").
    """

    def __init__(self, events: Receive, pace: Pace) -> None:
        self._events = events
        self._pace = pace
        self._waited = 0.0
        self._end = time.monotonic() + pace.seconds
        self.received = 0
        self.is_over = False

    async def next_chunk(self) -> bytes:
        """Return the next chunk, which may be empty.

        Raises:
            GatewayError: It does not come in time, or the client leaves before the end.
        """
        began = time.monotonic()
        chunk_seconds, left = self._pace.chunk_seconds(self.received, self._waited), self._end - began
        try:
            event = await result_of(self._events(), min(chunk_seconds, left))
        except TimeoutError as error:
            raise _too_slow(self._pace, self.received, is_at_end=left <= chunk_seconds) from error
        now = time.monotonic()
        if event["type"] != "http.request":
            raise GatewayError(Code.BODY_TRUNCATED, hint="send it again, whole")
        if now > self._end:
            raise _too_slow(self._pace, self.received, is_at_end=True)
        self._waited += now - began
        chunk: bytes = event.get("body", b"")
        self.received += len(chunk)
        self.is_over = not event.get("more_body", False)
        return chunk


def _too_slow(pace: Pace, received: int, *, is_at_end: bool) -> GatewayError:
    if is_at_end:
        return GatewayError(Code.BODY_TOO_SLOW, f"the body did not arrive within {pace.seconds:g} seconds")
    message = f"the body brings fewer than {pace.rate} bytes a second, or stands still: {received} came"
    return GatewayError(Code.BODY_TOO_SLOW, message, hint="send it again, faster")
