"""Byte ranges (`Range: bytes=…`, RFC 9110 section 14), for clients that seek, such as Parquet readers."""

import re
from dataclasses import dataclass

from gateway.errors import Code, GatewayError

_BYTES = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """One byte range: `first` to `last`, both included; if `first` is None, the final `last` bytes."""

    first: int | None
    last: int | None

    def of(self, size: int) -> tuple[int, int]:
        """Return its offset and its length in a body.

        Raises:
            GatewayError: 416, the body has no such bytes.
        """
        if self.first is None:
            length = min(self.last or 0, size)
            start, stop = size - length, size
        else:
            start, stop = self.first, size if self.last is None else min(self.last + 1, size)
        if start >= stop:
            message = f"the body has {size} bytes, and none in that range"
            raise GatewayError(Code.RANGE_INVALID, message, headers={"Content-Range": f"bytes */{size}"})
        return start, stop - start


def parse(header: str | None) -> ByteRange | None:
    """Parse a Range header; None if it names no bytes or several ranges, which a server may ignore."""
    match = _BYTES.fullmatch((header or "").strip())
    if not match or match.groups() == ("", ""):
        return None
    first, last = (int(digits) if digits else None for digits in match.groups())
    return None if first is not None and last is not None and last < first else ByteRange(first, last)
