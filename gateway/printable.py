"""Escapes text of files and clients for a terminal.

A terminal obeys control characters: text could ring, recolor, overwrite lines above it, or change what is typed next.
Characters that reverse the direction of writing show text in another order than it has.
"""

import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO, cast

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


#: Blanks that look like others, and characters that take no room.
_UNSEEN = re.compile(
    "[\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180e\u2000-\u200d\u202f\u205f-\u2064\u206a-\u206f\u3000\ufe00-\ufe0f\ufeff]"
)


def visible(text: str) -> str:
    r"""Write unsafe characters in the way of `printable`, and those that are invisible, such as `\u00a0`."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", printable(text))


def printable(text: str) -> str:
    r"""Write each unsafe character as JSON does, such as `\u001b`; line breaks and tabs stay."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class PrintableStream:
    """A text stream that writes everything in printable form."""

    def __init__(self, stream: TextIO) -> None:
        self.unprotected = stream

    def write(self, text: str) -> int:
        """Write text."""
        self.unprotected.write(printable(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unprotected, name)


def protect_terminal() -> None:
    """Escape unprintable characters in `sys.stdout` and `sys.stderr` from now on."""
    if not isinstance(sys.stdout, PrintableStream):
        sys.stdout = cast("TextIO", PrintableStream(sys.stdout))
    if not isinstance(sys.stderr, PrintableStream):
        sys.stderr = cast("TextIO", PrintableStream(sys.stderr))
