"""Where the text of a body begins."""

import re

_BOM = b"\xef\xbb\xbf"
_BLANKS = re.compile(rb"[ \t\r\n]*")


def start_of(data: bytes) -> int:
    """Return where the text of a body begins: behind a byte order mark."""
    return len(_BOM) if data.startswith(_BOM) else 0


def after_blanks(data: bytes, start: int) -> int:
    """Return the place of the first byte from `start` on that is no blank and no line end."""
    found = _BLANKS.match(data, start)
    assert found  # Even nothing matches.
    return found.end()
