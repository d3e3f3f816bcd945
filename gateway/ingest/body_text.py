"""The start of the text in a body, after a byte order mark and blanks."""

import re

_BOM = b"\xef\xbb\xbf"
_BLANKS = re.compile(rb"[ \t\r\n]*")


def start_of(data: bytes) -> int:
    """Return the start of the text of a body, after a byte order mark."""
    return len(_BOM) if data.startswith(_BOM) else 0


def first_of(data: bytes) -> int:
    """Return the position of the first byte of a body after a byte order mark, blanks, and line ends."""
    return after_blanks(data, start_of(data))


def after_blanks(data: bytes, start: int) -> int:
    """Return the position of the first byte from `start` on that is neither a blank nor a line end."""
    found = _BLANKS.match(data, start)
    assert found  # It matches the empty string, too.
    return found.end()
