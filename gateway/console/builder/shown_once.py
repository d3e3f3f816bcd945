"""New tokens, or why there are none: kept in memory for minutes, and shown once to the one who wanted them."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from gateway.auth.token_maker import NewToken
from gateway.errors import GatewayError

#: The seconds after which a token is no longer shown.
KEPT_SECONDS = 600.0
#: The most tokens that wait to be shown; the oldest goes first.
_KEPT_MAX = 100


class ShownOnce:
    """Belongs to the event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], tuple[float, NewToken | GatewayError]] = OrderedDict()

    def keep(self, made: NewToken | GatewayError, asker: str) -> str:
        """Keep a token, or why there is none, for its maker, and return the id that shows it."""
        id = secrets.token_urlsafe(24)
        self._kept[id, asker] = (self._clock(), made)
        if len(self._kept) > _KEPT_MAX:
            self._kept.popitem(last=False)
        return id

    def take(self, id: str, asker: str) -> NewToken | GatewayError | None:
        """Return what was kept, and forget it; None if it was shown, is too old, or belongs to another asker."""
        since, made = self._kept.pop((id, asker), (0.0, None))
        return made if self._clock() - since < KEPT_SECONDS else None
