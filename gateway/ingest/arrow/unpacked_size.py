"""The size of a body when it is unpacked, and its limit."""

from gateway.errors import Code, GatewayError


class UnpackedSize:
    """Counts the bytes that a body will have in memory, before they are there. One thread at a time."""

    def __init__(self, max_bytes: int) -> None:
        """Create a count whose limit is that of any body, since it is a body when it is unpacked."""
        self.max_bytes = max_bytes
        self._bytes = 0

    @property
    def left(self) -> int:
        """The number of bytes that may be added."""
        return self.max_bytes - self._bytes

    def add(self, size: int) -> None:
        """Count bytes.

        Raises:
            GatewayError: They are too many.
        """
        self._bytes += size
        if self._bytes > self.max_bytes:
            raise GatewayError(
                Code.BODY_TOO_LARGE,
                f"the body is larger than {self.max_bytes} bytes when it is unpacked",
                hint="send smaller batches, or raise GATEWAY_MAX_BODY",
            )
