"""The order of batches: one is stored behind the batch that its `Idempotency-After` names."""

import asyncio
import functools
from collections.abc import Callable

from gateway.endpoints.services import Storage
from gateway.errors import Code, GatewayError
from gateway.ingest.in_flight import InFlightKeys
from gateway.request_context import begin_stage
from gateway.threads import STOPPING

#: How long a batch waits for the one that must be stored first.
PREVIOUS_SECONDS = 10.0
#: Seconds between two looks at whether it is worth waiting.
_LOOK_SECONDS = 0.5


class BatchOrder:
    """Keeps the order of batches. Belongs to the event loop."""

    def __init__(self, in_flight: InFlightKeys, storage: Storage) -> None:
        self._in_flight = in_flight
        self._storage = storage

    async def require_stored(
        self,
        connector: str,
        token: str | None,
        key: str,
        end: asyncio.Future[None],
        has_left: Callable[[], bool],
    ) -> None:
        """Wait until the batch with a key is stored, which may be under way, or arrive late.

        Args:
            connector: The name of the connector.
            token: The name of the token whose key it is.
            key: The key.
            end: Done once a request that holds the key ends, as `InFlightKeys.end_of` gives it.
            has_left: Returns whether there is no client to answer.

        Raises:
            GatewayError: Its request ended without a receipt, or it is not stored within `PREVIOUS_SECONDS`.
        """
        begin_stage("queue")
        store, pool = self._storage.reader, self._storage.read_pool
        is_stored = functools.partial(pool.call, lambda: store.has_receipt(connector, token, key))
        if await is_stored():
            return
        await self._wait(end, lambda: self._in_flight.is_held(connector, token, key), has_left)
        if await is_stored():
            return
        how = "was answered, and is not stored" if end.done() else "has not come"
        message = f"the batch {key!r} of Idempotency-After {how}; nothing was stored"
        hint = "send that batch, corrected if it was refused, then this one again"
        raise GatewayError(Code.BATCH_AWAITED, message, hint=hint, headers={"Retry-After": "1"})

    async def _wait(
        self, end: asyncio.Future[None], is_held: Callable[[], bool], has_left: Callable[[], bool]
    ) -> None:
        """Wait for an end as long as there is someone to answer and it can still come."""
        now = asyncio.get_running_loop().time
        deadline = now() + PREVIOUS_SECONDS
        while not end.done() and (left := deadline - now()) > 0 and not has_left():
            if STOPPING.is_set() and not is_held():
                return  # It goes to the next worker, which waits for the end of this one.
            await asyncio.wait([end], timeout=min(left, _LOOK_SECONDS))
