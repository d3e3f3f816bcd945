"""Idempotency keys of the batches that are being stored at this moment."""

import contextlib
from contextlib import AbstractContextManager

from gateway.errors import Code, GatewayError

_NOTHING = contextlib.nullcontext()


class InFlightKeys:
    """The idempotency keys in use, each for one connector and one token. Belongs to the event loop."""

    def __init__(self) -> None:
        self._keys: set[tuple[str, str | None, str]] = set()

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
        holding.callback(self._keys.discard, held)
        return holding
