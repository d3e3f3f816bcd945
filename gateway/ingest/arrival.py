"""Arrival of a body: its pieces, while they come fast enough."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from gateway.errors import Code, GatewayError
from gateway.ingest.timeouts import WithTimeout

#: How long a body may come as slowly as it likes, and how long nothing of it may come. Below the time after which
#: gunicorn ends a body by itself, as if the client had left.
GRACE_SECONDS, STALL_SECONDS = 10.0, 30.0
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


class Arrival:
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
            event = await WithTimeout(self._events(), min(patience, left))
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
