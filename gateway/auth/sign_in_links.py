"""A link that signs in once: for the browser that `gateway serve --open` starts.

Its code has 256 random bits, of which the gateway keeps the SHA-256, in memory alone. A code ends with its first use,
with the next code, and after `LINK_SECONDS`.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable

#: Seconds in which a link must be opened.
LINK_SECONDS = 60.0


class SignInLinks:
    """The code of the present link, if there is one. Any thread may call it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sha256: bytes | None = None
        self._until = 0.0
        self._used = threading.Event()

    def create(self) -> str:
        """Return a new code. The one before it ends."""
        code = secrets.token_urlsafe(32)
        with self._lock:
            self._sha256, self._until = _digest(code), self._clock() + LINK_SECONDS
            self._used.clear()
        return code

    def use(self, code: str) -> bool:
        """Return whether a code is valid. It is valid only once."""
        with self._lock:
            known, self._sha256 = self._sha256, None
            is_valid = (
                known is not None
                and self._clock() < self._until
                and hmac.compare_digest(known, _digest(code))
            )
            if not is_valid:
                self._sha256 = known  # A wrong code ends nothing.
        if is_valid:
            self._used.set()
        return is_valid

    def wait_used(self) -> bool:
        """Wait until the present code is used, or has expired; return whether it was used."""
        return self._used.wait(LINK_SECONDS)


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode("utf-8", "surrogateescape")).digest()
