"""Idempotency keys of the batches that are being stored at this moment."""

import asyncio
import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager

from gateway.errors import Code, GatewayError

_NOTHING: AbstractContextManager[None] = contextlib.nullcontext()
#: A key with its connector and its token.
_Key = tuple[str, str | None, str]


class InFlightKeys:
    """The idempotency keys in use, each for one connector and one token. Belongs to the event loop."""

    def __init__(self) -> None:
        self._keys: set[_Key] = set()
        self._ends: dict[_Key, set[asyncio.Future[None]]] = {}

    def hold(self, connector: str, token: str | None, key: str | None) -> AbstractContextManager[object]:
        """Hold a key while a block runs; without a key it does nothing.

        Raises:
            GatewayError: Another request holds the key; its result answers this one, too. With `Retry-After`.
        """
        if key is None:
            return _NOTHING
        held = (connector, token, key)
        if held in self._keys:
            hint = "send it again a little later: then there is a receipt, or the batch can be stored"
            raise GatewayError(Code.KEY_RUNNING, hint=hint, headers={"Retry-After": "1"})
        holding = contextlib.ExitStack()
        self._keys.add(held)
        holding.callback(self._release, held)
        return holding

    def end_of(
        self, connector: str, token: str | None, key: str | None
    ) -> "AbstractContextManager[asyncio.Future[None] | None]":
        """Return a context with a future that is done once a request that holds a key ends; None without a key.

        The request may hold the key already, or begin to within the context.
        """
        return _NOTHING if key is None else self._end_of((connector, token, key))

    @contextlib.contextmanager
    def _end_of(self, held: _Key) -> "Iterator[asyncio.Future[None]]":
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        ends = self._ends.setdefault(held, set())
        ends.add(end)
        try:
            yield end
        finally:
            ends.discard(end)
            if not ends:
                self._ends.pop(held, None)

    def is_held(self, connector: str, token: str | None, key: str) -> bool:
        """Return whether a request holds a key."""
        return (connector, token, key) in self._keys

    def end_waits(self, connector: str, token: str | None, key: str) -> bool:
        """End the waits for a key, and return whether there were any."""
        waits = [end for end in self._ends.get((connector, token, key), ()) if not end.done()]
        for end in waits:
            end.set_result(None)
        return bool(waits)

    def _release(self, held: _Key) -> None:
        self._keys.discard(held)
        self.end_waits(*held)
