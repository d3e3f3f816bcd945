"""Watches the directory of connector files: events are hints, a rescan decides.

A file that a program is still writing counts as its former version until the writing ends. Events and the kernel report
that where they can.
"""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
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

#: Seconds between two reads of the directory without a hint; these alone keep the promise of one second.
RESCAN_SECONDS = 0.5
#: How long two listings must agree before they are applied, so that no incomplete file is.
SETTLE_SECONDS = 0.15
#: How long a directory must stay empty before its connectors count as removed.
EMPTY_SECONDS = 5.0

_READS = frozenset(("opened", "closed_no_write"))
#: PERF: events of reads are filtered out, because each rescan would cause one or two per file.
_CHANGES = [
    kind
    for kind in vars(events).values()
    if isinstance(kind, type)
    and issubclass(kind, FileSystemEvent)
    and getattr(kind, "event_type", None) not in {None, *_READS}
]
#: PERF: beside the links only names matter. A log written there would cause events with every request.
_NAME_CHANGES = [kind for kind in _CHANGES if kind.event_type in ("created", "moved", "deleted")]
#: The events that end the writing of a file.
_WRITE_ENDS = frozenset(("closed", "moved", "deleted"))


class Applies(Protocol):
    """Applies new listings."""

    def apply(self, listing: DirectoryListing, *, at_once: bool, saved: Collection[str] = ()) -> None:
        """Apply a listing; unless `at_once` or `saved`, connectors whose file is missing may be removed later."""

    @property
    def is_outdated(self) -> bool:
        """True if the listing must be applied again, because another gateway has changed a connector."""

    def linger(self) -> float | None:
        """Remove the connectors whose time is over; return the seconds until the next, or None."""


class Watch:
    """A thread that applies each new listing of a directory once it has settled.

    It calls `tick` after every rescan, for other files that must be read again.
    """

    def __init__(self, path: Path, reload: Applies, tick: Callable[[], None]) -> None:
        self.directory = Directory(path)
        self._reload = reload
        self._tick = tick
        self._hint = threading.Event()
        self._stopping = False
        self._shown: DirectoryListing | None = None
        # The first listing, which is applied once a later one agrees.
        self._first: tuple[DirectoryListing, float] | None = None
        self._empty_since: float | None = None
        self._reading = threading.Lock()
        self._hints = _Hints(self._hint.set)
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def look(self) -> DirectoryListing:
        """Return the first listing, which is applied by the first `scan`.

        The caller can parse the files in the meantime, while the listing settles.
        """
        listing = self._read()
        self._first = (listing, time.monotonic())
        return listing

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def hint(self) -> None:
        """Read the directory soon; any thread may call it."""
        self._hint.set()

    def stop(self) -> None:
        """Stop the thread and wait for it."""
        self._stopping = True
        self._hint.set()
        if self._thread.is_alive():
            self._thread.join()
        self._hints.stop()

    def scan(self, *, again: bool = False) -> None:
        """Read the directory now, and apply the listing if it is new, or always with `again`.

        Any thread may call it; it returns once the listing is live.
        """
        with self._reading:
            listing = self._settled()
            if listing is None:
                return
            is_shown = self._is_shown(listing)
            if not is_shown and self._is_momentarily_empty(listing):
                return
            if again or self._reload.is_outdated or not is_shown:
                self._reload.apply(listing, at_once=again)
                self._shown = listing

    @contextlib.contextmanager
    def saving(self) -> Iterator[Callable[[Mapping[str, str | None]], bool]]:
        """Yield a function that applies the files that the block has changed.

        Its argument is the digests of these files, None for deleted ones. They are written whole, so only other changes
        must settle; the function returns False if those do not. Any thread may enter the block. Until its end nothing
        else reads the directory, so that no scan waits for the changes to settle.
        """
        with self._reading:
            yield self._apply_saved

    def _apply_saved(self, saved: Mapping[str, str | None]) -> bool:
        listing: DirectoryListing | None = self._read()
        if listing is None or not self._has_only(listing, saved):
            listing = self._settled()
        if listing is None:
            return False
        self._reload.apply(listing, at_once=False, saved=saved)
        self._shown = listing
        return True

    def _has_only(self, listing: DirectoryListing, saved: Mapping[str, str | None]) -> bool:
        """Return whether a listing differs from the applied one by saved files alone."""
        if self._shown is None or listing.problem or listing.path != self._shown.path:
            return False
        expected = {name: file.digest for name, file in self._shown.files.items() if name not in saved}
        expected |= {name: digest for name, digest in saved.items() if digest is not None}
        return expected == {name: file.digest for name, file in listing.files.items()}

    def _run(self) -> None:
        wait = RESCAN_SECONDS
        while not self._stopping:
            try:
                self._hints.follow(self.directory.path)
                self._hint.wait(wait)
                self._hint.clear()
                self.scan()
                wait = min(self._reload.linger() or RESCAN_SECONDS, RESCAN_SECONDS)
                self._tick()
            except Exception as error:  # noqa: BLE001  # the next scan tries again
                _log.error("%s could not be applied, trying again: %s", self.directory.path, trace(error))

    def _settled(self) -> DirectoryListing | None:
        """Return the listing once it is stable, or None if it keeps changing for longer than a second."""
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
        """Read the directory, with files that are being written as they were applied last."""
        listing = self.directory.read()
        files = dict(listing.files)
        before = self._shown.files if self._shown else {}
        is_open = {name for name, file in files.items() if file.is_open}
        for name in is_open | (self._hints.being_written(listing.path) & files.keys()):
            if name in before:
                files[name] = before[name]
            elif self._shown is None:  # Its last good version may be served on.
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


#: A directory, its inode, and the names in it that matter; empty for all names.
_Place = tuple[str, int, frozenset[str]]


class _Hints(FileSystemEventHandler):
    """Kernel events about the directory and every link on its path. Only the watch thread calls it.

    An inotify watch belongs to an inode. It does not see that a link above the directory changes, or that the directory
    is replaced by rename, and it ends with `rm -rf`. So the watched directories are found again before every wait, and
    nothing depends on an event.
    """

    def __init__(self, hint: Callable[[], None]) -> None:
        self._hint = hint
        self._observer: BaseObserver | None = None
        self._followed: frozenset[_Place] = frozenset()
        self._names: dict[str, frozenset[str]] = {}
        # Files that were written and not closed since, with the time of the last write. The observer's thread adds them,
        # and others read them, each with single operations of a dict.
        self._writing: dict[str, float] = {}

    def on_any_event(self, event: FileSystemEvent) -> None:
        paths = [os.fsdecode(path) for path in (event.src_path, event.dest_path) if path]
        if not any(map(self._matters, paths)):
            return
        path = paths[0]
        if event.event_type == "modified" and not event.is_directory:
            self._writing[path] = time.monotonic()
        elif event.event_type in _WRITE_ENDS:
            for path in paths:
                self._writing.pop(path, None)
        if event.event_type not in _READS:
            self._hint()

    def _matters(self, path: str) -> bool:
        """Return whether a path is in the directory, or one of the links that lead to it."""
        place, name = os.path.split(path)
        names = self._names.get(place)
        return names is not None and (not names or name in names)

    def being_written(self, directory: str) -> set[str]:
        """Return the names of files in a directory that are being written."""
        since = time.monotonic() - WRITING_SECONDS
        writing = [path for path, at in list(self._writing.items()) if at > since]
        return {name for place, name in map(os.path.split, writing) if place == directory}

    def follow(self, path: Path) -> None:
        """Watch the directories that the path leads through now."""
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
                observer.schedule(
                    self, place, recursive=False, event_filter=_NAME_CHANGES if names else _CHANGES
                )
            observer.start()
            self._observer = observer
        except OSError as error:  # No inotify instance left, or a file system without events.
            _log.warning("no file events for %s (%s); rescanning every %s s", path, error, RESCAN_SECONDS)
        self._hint()  # Changes between the last scan and this watch caused no event.

    def stop(self) -> None:
        """Stop every watch."""
        if self._observer is not None:
            self._observer.unschedule_all()
            self._observer.stop()
            self._observer.join()
        self._observer, self._followed = None, frozenset()
        self._writing.clear()


def _places(path: Path) -> frozenset[_Place]:
    """Return the directories whose entries decide what the path holds: itself, and those of every link that leads to it.

    The parent of the path counts with its name. If the path is missing, the nearest existing parent counts with the name
    that is missing.
    """
    names: dict[str, set[str]] = {}
    current = Path(os.path.abspath(path))  # noqa: PTH100  # it must keep links
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
            (place, os.stat(place).st_ino, frozenset(matching))  # noqa: PTH116
            for place, matching in names.items()
            if os.path.isdir(place)  # noqa: PTH112
        )
    return frozenset()
