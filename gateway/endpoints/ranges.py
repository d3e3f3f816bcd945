"""Parts of a body (`Range: bytes=…`, RFC 9110 section 14), for readers that seek, such as those of Parquet."""

import re
from dataclasses import dataclass

from gateway.errors import Code, GatewayError

_BYTES = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """One range of bytes: `first` to `last`, or where `first` is None the `last` bytes there are."""

    first: int | None
    last: int | None

    def of(self, size: int) -> tuple[int, int]:
        """Give the place and the length of it in a body.

        Raises:
            GatewayError: Where the body has no such bytes.
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
    """Read a Range header; None where it names no bytes, or several ranges, which nobody has to serve."""
    found = _BYTES.fullmatch((header or "").strip())
    if not found or found.groups() == ("", ""):
        return None
    first, last = (int(each) if each else None for each in found.groups())
    return None if first is not None and last is not None and last < first else ByteRange(first, last)
