"""Consoles of rich that remove control characters from text.

`gateway.printable` protects everything that is written to stdout and stderr. The consoles bypass it, because rich
writes control characters for colors, so they make the text printable earlier.
"""

import sys
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from gateway.printable import PrintableStream, printable


class _Console(Console):
    """Makes text printable during rendering, before styles become control characters."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


def console(*, stderr: bool = False, soft_wrap: bool = False) -> Console:
    """Return a console for stdout or stderr."""
    stream = sys.stderr if stderr else sys.stdout
    file = stream.unprotected if isinstance(stream, PrintableStream) else stream
    return _Console(file=file, stderr=stderr, highlight=False, soft_wrap=soft_wrap)
