"""A directory to "it changed": events as hints, a rescan as the truth."""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from gateway.connectors.directory import Directory, Listing
from gateway.errors import trace

_log = logging.getLogger(__name__)

#: How often the directory is read without any hint; it alone keeps the promise of one second.
RESCAN_SECONDS = 0.5
#: How long two listings must agree before they are believed, so that no half of a file ever is.
SETTLE_SECONDS = 0.15
#: How long an empty directory must stay empty before its connectors count as removed.
EMPTY_SECONDS = 5.0

_READS = frozenset(("opened", "closed_no_write"))


class Watch:
    """A thread that calls `changed` with each new listing of a directory, once it has settled.

    `tick` is called after every rescan and is where other files that must be looked at live.
    """

    def __init__(self, path: Path, changed: Callable[[Listing], None], tick: Callable[[], None]) -> None:
        self.directory = Directory(path)
        self._changed = changed
        self._tick = tick
        self._hint = threading.Event()
        self._stopping = False
        self._shown: str | None = None
        # The first look, which is believed once another that agrees comes late enough.
        self._first: tuple[Listing, float] | None = None
        self._empty_since: float | None = None
        self._reading = threading.Lock()
        self._hints = _Hints(self._hint.set)
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def look(self) -> Listing:
        """Look at the directory for the first time, without believing it yet.

        Whoever has something to do until then does it between this and the first `scan`.
        """
        listing = self.directory.read()
        self._first = (listing, time.monotonic())
        return listing

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and wait for it."""
        self._stopping = True
        self._hint.set()
        if self._thread.is_alive():
            self._thread.join()
        self._hints.stop()

    def scan(self, *, again: bool = False) -> None:
        """Read the directory now and show what it holds, if it is new or asked for `again`.

        Any thread may call it; it returns once what was shown is live.
        """
        with self._reading:
            listing = self._settled()
            if listing is None or self._is_momentarily_empty(listing):
                return
            digest = listing.digest
            if again or digest != self._shown:
                self._changed(listing)
                self._shown = digest

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._hints.follow(self.directory.path)
                self._hint.wait(RESCAN_SECONDS)
                self._hint.clear()
                self.scan()
                self._tick()
            except Exception as error:  # noqa: BLE001  # it is tried again, and must be
                _log.error("%s could not be shown, trying again: %s", self.directory.path, trace(error))

    def _settled(self) -> Listing | None:
        """Give the listing once it stands still; None while it keeps changing for longer than a second."""
        listing, seen = self._first or (self.directory.read(), time.monotonic())
        self._first = None
        if listing.digest == self._shown:
            return listing
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline and not self._stopping:
            time.sleep(max(0.0, seen + SETTLE_SECONDS - time.monotonic()))
            again = self.directory.read()
            if again.digest == listing.digest:
                return listing
            listing, seen = again, time.monotonic()
        return None

    def _is_momentarily_empty(self, listing: Listing) -> bool:
        if listing.files or listing.problem or self._shown is None:
            self._empty_since = None
            return False
        if self._empty_since is None:
            self._empty_since = time.monotonic()
        return time.monotonic() - self._empty_since < EMPTY_SECONDS


class _Hints(FileSystemEventHandler):
    """Kernel events about the directory and every link on the way to it. Only the watch thread touches it.

    An inotify watch stays with the inode: it is blind to a link flipped above the directory and to the
    directory replaced by rename, and it dies with `rm -rf`. So what is watched is looked up again before
    every wait, and nothing depends on an event arriving.
    """

    def __init__(self, hint: Callable[[], None]) -> None:
        self._hint = hint
        self._observer: BaseObserver | None = None
        self._followed: frozenset[tuple[str, int]] = frozenset()

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type not in _READS:
            self._hint()

    def follow(self, path: Path) -> None:
        """Watch what the path leads through now."""
        wanted = _places(path)
        alive = self._observer is None or all(emitter.is_alive() for emitter in self._observer.emitters)
        if wanted == self._followed and alive:
            return
        self.stop()
        self._followed = wanted
        try:
            observer = Observer()
            for place, _ in wanted:
                observer.schedule(self, place, recursive=False)
            observer.start()
            self._observer = observer
        except OSError as error:  # No inotify instance left, or a file system without events.
            _log.warning("no file events for %s (%s); rescanning every %s s", path, error, RESCAN_SECONDS)
        self._hint()  # What happened between the last scan and this watch was not seen.

    def stop(self) -> None:
        """Let go of every watch."""
        if self._observer is not None:
            self._observer.unschedule_all()
            self._observer.stop()
            self._observer.join()
        self._observer, self._followed = None, frozenset()


def _places(path: Path) -> frozenset[tuple[str, int]]:
    """Give the directories, each with its inode, whose entries decide what the path holds.

    They are the directory itself and every one that holds a link on the way to it.
    """
    places = set()
    current = Path(os.path.abspath(path))  # noqa: PTH100  # links must stay in it
    for _ in range(40):
        link = next((part for part in (current, *current.parents) if part.is_symlink()), None)
        if link is None:
            break
        places.add(str(link.parent))
        current = Path(os.path.abspath(link.parent / os.readlink(link) / current.relative_to(link)))  # noqa: PTH100, PTH115
    places.add(str(current))
    with contextlib.suppress(OSError):
        return frozenset((place, os.stat(place).st_ino) for place in places if os.path.isdir(place))  # noqa: PTH112, PTH116
    return frozenset()
