"""Consoles of rich that are safe for a terminal, whatever they are given to print.

`gateway.printable` covers all that is written to stdout and stderr. rich writes control characters of its own, for
colors, past that; so it has to make its text printable before.
"""

import sys
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from gateway.printable import PrintableStream, printable


class _Console(Console):
    """Makes text printable as it is rendered, before styles become control characters."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


def console(*, stderr: bool = False, soft_wrap: bool = False) -> Console:
    """Return a console for one of the two streams."""
    stream = sys.stderr if stderr else sys.stdout
    file = stream.unprotected if isinstance(stream, PrintableStream) else stream
    return _Console(file=file, stderr=stderr, highlight=False, soft_wrap=soft_wrap)
