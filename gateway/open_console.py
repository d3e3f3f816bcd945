"""Opens the console in a browser of this machine, signed in.

The link never stands in the arguments of a program, where other users of the machine could read it. The browser opens a
file that only its owner can read, and that leads to the link.
"""

import contextlib
import html
import logging
import os
import sys
import webbrowser
from pathlib import Path

from gateway.auth.sign_in_links import LINK_SECONDS, SignInLinks
from gateway.settings import Settings

_log = logging.getLogger(__name__)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={url}">
<title>gateway</title>
<p><a href="{url}">Open the console</a></p>
</html>
"""


class ConsoleOpener:
    """Opens the console once. `open` blocks, so it has a thread of its own."""

    def __init__(self, settings: Settings, links: SignInLinks, closing: contextlib.ExitStack) -> None:
        """Prepare to open the console of a gateway.

        Args:
            settings: The settings of the gateway.
            links: Create the link.
            closing: Deletes the file that leads to the link, when the gateway stops.
        """
        closing.callback(self._clean)
        self._url = settings.local_url
        self._file = settings.data / "open-console.html"
        self._links = links

    def open(self) -> None:
        """Open a link to the console in a browser, and wait until it is used or has expired."""
        url = f"{self._url}/-/open?code={self._links.create()}"
        try:
            _write(self._file, _PAGE.format(url=html.escape(url)))
            has_opened = _has_browser() and webbrowser.open(self._file.absolute().as_uri())
        except (webbrowser.Error, OSError) as error:
            _log.warning("no browser could be started: %s", type(error).__name__)
            has_opened = False
        self._report(url, has_opened=has_opened)
        self._links.wait_used()
        self._clean()

    def _clean(self) -> None:
        self._file.unlink(missing_ok=True)

    def _report(self, url: str, *, has_opened: bool) -> None:
        """Print the link at a terminal. A log never has it."""
        if sys.stderr.isatty():
            lead = (
                "The console opens in a browser. Otherwise"
                if has_opened
                else "No browser could be opened, so"
            )
            text = (
                f"  {lead} open this link, which signs in once within {LINK_SECONDS:.0f} seconds:\n  {url}\n"
            )
            print(text, file=sys.stderr, flush=True)  # noqa: T201  # a text for the user at the terminal
        elif not has_opened:
            _log.warning("no browser could be opened; the console is at %s/-/console/", self._url)


def _has_browser() -> bool:
    """Return whether a browser with a window can be started. One that runs in the terminal would disturb the server."""
    is_windowed = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return is_windowed or bool(os.environ.get("BROWSER"))


def _write(file: Path, text: str) -> None:
    """Write a file that its owner alone can read."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as opened:  # noqa: PTH123  # of a descriptor
        opened.write(text)
