"""A directory to "it changed": events as hints, a rescan as the truth.

A file that somebody is still writing, as events and the kernel tell where they can, counts as what it was
before, however slowly the rest of it comes.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from watchdog import events
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from gateway.connectors.directory import WRITING_SECONDS, Directory, DirectoryListing, file_being_written
from gateway.errors import trace

_log = logging.getLogger(__name__)

#: How often the directory is read without any hint; it alone keeps the promise of one second.
RESCAN_SECONDS = 0.5
#: How long two listings must agree before they are believed, so that no half of a file ever is.
SETTLE_SECONDS = 0.15
#: How long an empty directory must stay empty before its connectors count as removed.
EMPTY_SECONDS = 5.0

_READS = frozenset(("opened", "closed_no_write"))
#: PERF: what is only read is not even told of, for each of our own looks would be an event or two per file.
_TOLD = [
    kind
    for kind in vars(events).values()
    if isinstance(kind, type)
    and issubclass(kind, FileSystemEvent)
    and getattr(kind, "event_type", None) not in {None, *_READS}
]
#: PERF: of what is beside the way only names matter. A log may be written there, which would be events per request.
_NAMED = [kind for kind in _TOLD if kind.event_type in ("created", "moved", "deleted")]
#: What ends the writing of a file, under its name.
_ENDS = frozenset(("closed", "moved", "deleted"))


class Shows(Protocol):
    """What is shown new listings."""

    def apply(self, listing: DirectoryListing, *, at_once: bool) -> None:
        """Make a listing what is live; what is missing in it may be given some time unless it is `at_once`."""

    def linger(self) -> float | None:
        """Do what has been given its time; tell in how many seconds there is more of it, or None."""


class Watch:
    """A thread that shows each new listing of a directory once it has settled.

    `tick` is called after every rescan and is where other files that must be looked at live.
    """

    def __init__(self, path: Path, shows: Shows, tick: Callable[[], None]) -> None:
        self.directory = Directory(path)
        self._shows = shows
        self._tick = tick
        self._hint = threading.Event()
        self._stopping = False
        self._shown: DirectoryListing | None = None
        # The first look, which is believed once another that agrees comes late enough.
        self._first: tuple[DirectoryListing, float] | None = None
        self._empty_since: float | None = None
        self._reading = threading.Lock()
        self._hints = _Hints(self._hint.set)
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def look(self) -> DirectoryListing:
        """Look at the directory for the first time, without believing it yet.

        Whoever has something to do until then does it between this and the first `scan`.
        """
        listing = self._read()
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
            if again or not self._is_shown(listing):
                self._shows.apply(listing, at_once=again)
                self._shown = listing

    def _run(self) -> None:
        wait = RESCAN_SECONDS
        while not self._stopping:
            try:
                self._hints.follow(self.directory.path)
                self._hint.wait(wait)
                self._hint.clear()
                self.scan()
                wait = min(self._shows.linger() or RESCAN_SECONDS, RESCAN_SECONDS)
                self._tick()
            except Exception as error:  # noqa: BLE001  # it is tried again, and must be
                _log.error("%s could not be shown, trying again: %s", self.directory.path, trace(error))

    def _settled(self) -> DirectoryListing | None:
        """Give the listing once it stands still; None while it keeps changing for longer than a second."""
        listing, seen = self._first or (self._read(), time.monotonic())
        self._first = None
        if self._is_shown(listing):
            return listing
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline and not self._stopping:
            time.sleep(max(0.0, seen + SETTLE_SECONDS - time.monotonic()))
            again = self._read()
            if again.digest == listing.digest:
                return listing
            listing, seen = again, time.monotonic()
        return None

    def _read(self) -> DirectoryListing:
        """Read the directory, with the files that are being written as they were shown last."""
        listing = self.directory.read()
        files = dict(listing.files)
        before = self._shown.files if self._shown else {}
        is_open = {name for name, file in files.items() if file.is_open}
        for name in is_open | (self._hints.being_written(listing.path) & files.keys()):
            if name in before:
                files[name] = before[name]
            elif self._shown is None:  # It may be what is served of it that goes on being so.
                files[name] = file_being_written(name)
            else:
                del files[name]
        return replace(listing, files=files)

    def _is_shown(self, listing: DirectoryListing) -> bool:
        return self._shown is not None and self._shown.digest == listing.digest

    def _is_momentarily_empty(self, listing: DirectoryListing) -> bool:
        if listing.files or listing.problem or self._shown is None:
            self._empty_since = None
            return False
        if self._empty_since is None:
            self._empty_since = time.monotonic()
        return time.monotonic() - self._empty_since < EMPTY_SECONDS


#: A directory, its inode, and the names in it that matter; none is all of them.
_Place = tuple[str, int, frozenset[str]]


class _Hints(FileSystemEventHandler):
    """Kernel events about the directory and every link on the way to it. Only the watch thread touches it.

    An inotify watch stays with the inode: it is blind to a link flipped above the directory and to the
    directory replaced by rename, and it dies with `rm -rf`. So what is watched is looked up again before
    every wait, and nothing depends on an event arriving.
    """

    def __init__(self, hint: Callable[[], None]) -> None:
        self._hint = hint
        self._observer: BaseObserver | None = None
        self._followed: frozenset[_Place] = frozenset()
        self._names: dict[str, frozenset[str]] = {}
        # Files that have been written to and not closed since, with the moment of that; filled by the
        # observer's thread and looked at by others, one operation of a dict at a time.
        self._writing: dict[str, float] = {}

    def on_any_event(self, event: FileSystemEvent) -> None:
        paths = [os.fsdecode(path) for path in (event.src_path, event.dest_path) if path]
        if not any(map(self._matters, paths)):
            return
        path = paths[0]
        if event.event_type == "modified" and not event.is_directory:
            self._writing[path] = time.monotonic()
        elif event.event_type in _ENDS:
            for path in paths:
                self._writing.pop(path, None)
        if event.event_type not in _READS:
            self._hint()

    def _matters(self, path: str) -> bool:
        """Tell whether a path is in the directory, or on the way to it; beside the way there may be much else."""
        place, name = os.path.split(path)
        names = self._names.get(place)
        return names is not None and (not names or name in names)

    def being_written(self, directory: str) -> set[str]:
        """Name the files of a directory that somebody is writing to."""
        since = time.monotonic() - WRITING_SECONDS
        writing = [path for path, at in list(self._writing.items()) if at > since]
        return {name for place, name in map(os.path.split, writing) if place == directory}

    def follow(self, path: Path) -> None:
        """Watch what the path leads through now."""
        wanted = _places(path)
        alive = self._observer is None or all(emitter.is_alive() for emitter in self._observer.emitters)
        if wanted == self._followed and alive:
            return
        self.stop()
        self._followed = wanted
        self._names = {place: names for place, _, names in wanted}
        try:
            observer = Observer()
            for place, names in self._names.items():
                observer.schedule(self, place, recursive=False, event_filter=_NAMED if names else _TOLD)
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
        self._writing.clear()


def _places(path: Path) -> frozenset[_Place]:
    """Give the directories whose entries decide what the path holds: itself, and those that hold its way.

    The way is every link that leads to it, and its own name in its parent; where it is not there, the nearest
    parent that is holds the name that is missing.
    """
    names: dict[str, set[str]] = {}
    current = Path(os.path.abspath(path))  # noqa: PTH100  # links must stay in it
    for _ in range(40):
        link = next((part for part in (current, *current.parents) if part.is_symlink()), None)
        if link is None:
            break
        names.setdefault(str(link.parent), set()).add(link.name)
        current = Path(os.path.abspath(link.parent / os.readlink(link) / current.relative_to(link)))  # noqa: PTH100, PTH115
    missing = current
    while not missing.parent.is_dir() and missing != missing.parent:
        missing = missing.parent
    names.setdefault(str(missing.parent), set()).add(missing.name)
    names[str(current)] = set()
    with contextlib.suppress(OSError):
        return frozenset(
            (place, os.stat(place).st_ino, frozenset(some))  # noqa: PTH116
            for place, some in names.items()
            if os.path.isdir(place)  # noqa: PTH112
        )
    return frozenset()
