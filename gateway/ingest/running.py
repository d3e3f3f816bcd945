"""Running: the batches with an Idempotency-Key that are being stored at this moment."""

import contextlib
from collections.abc import Iterator

from gateway.errors import Code, GatewayError


class Running:
    """The keys that are in use, each of one connector and one token. Belongs to the event loop."""

    def __init__(self) -> None:
        self._keys: set[tuple[str, str | None, str]] = set()

    @contextlib.contextmanager
    def hold(self, connector: str, token: str | None, key: str | None) -> Iterator[None]:
        """Hold a key for the time of a block; None is none.

        Raises:
            GatewayError: Where another request holds it, with `Retry-After`: what becomes of that is the answer.
        """
        held = (connector, token, key or "")
        if held in self._keys:
            hint = "send it again a little later: then there is a receipt, or the batch can be stored"
            raise GatewayError(Code.KEY_RUNNING, hint=hint, headers={"Retry-After": "1"})
        if key is not None:
            self._keys.add(held)
        try:
            yield
        finally:
            self._keys.discard(held)
