"""The data files of a lake on a file system: made durable before a commit, and kept from DuckLake's own deletion.

DuckLake does not sync its files. When the answer to COMMIT is lost, it deletes the files that it has written in that
transaction, although the transaction may be committed. A hard link of each file, made before COMMIT, brings it back.
"""

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from gateway.store.lake.lake_address import LakeAddress

#: The file that `gateway lake init` tries the place of the data files with. It stays there, shows that a file system is
#: mounted, and names the catalog of the files. DuckLake deletes no file of this kind.
MARKER = "gateway-lake.csv"
#: The folder of the links, one folder for each open transaction.
LINKS = ".gateway"
#: What is wrong with a folder without the marker.
NOT_THERE = f"it has no {MARKER}; is its file system mounted?"
#: How the names of files begin that DuckLake itself has written.
_WRITTEN_BY_DUCKLAKE = "ducklake-"
#: The clocks of a file server and of this machine may differ by as many seconds.
_CLOCK_SECONDS = 60
#: After this time no transaction is open any more.
_OPEN_SECONDS = 3600


class DataPlace(Protocol):
    """The place of the data files: what must be done there, beside what DuckDB does.

    The thread of a transaction alone may call it for that, and any thread `restore_all`.
    """

    @property
    def is_there(self) -> bool:
        """True if the place is that of the lake."""

    def make_room(self, place: str) -> None:
        """Create the folder of a table, which COPY does not create."""

    def sync(self, file: str) -> None:
        """Sync a written file and its folder."""

    def discard(self, file: str) -> None:
        """Delete a file of a transaction that was rolled back."""

    def protect(self, nonce: str, seconds: float) -> None:
        """Sync and link the files that DuckLake has written in a transaction that began `seconds` ago."""

    def restore(self, nonce: str) -> None:
        """Restore the files of a transaction that DuckLake has deleted, and that may be committed."""

    def forget(self, nonce: str) -> None:
        """Remove the links of a transaction that has ended."""

    def restore_all(self, is_committed: Callable[[str], bool]) -> int:
        """Restore the files of committed transactions whose gateway was killed, and return how many had links."""


class ObjectStore:
    """A bucket: objects are durable once they are written, and the credentials of the gateways delete none."""

    is_there = True

    def make_room(self, place: str) -> None:
        """Accept any name: a bucket has no folders."""

    def sync(self, file: str) -> None:
        """Return at once: the object is durable."""

    def discard(self, file: str) -> None:
        """Leave the object to the orphan sweep."""

    def protect(self, nonce: str, seconds: float) -> None:
        """Return at once: DuckLake may delete no object."""

    def restore(self, nonce: str) -> None:
        """Return at once: no object was deleted."""

    def forget(self, nonce: str) -> None:
        """Return at once: there are no links."""

    def restore_all(self, is_committed: Callable[[str], bool]) -> int:
        """Return that no transaction had links."""
        return 0


class DataFolder:
    """A folder: `DataPlace` on a file system."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._links = folder / LINKS

    def make_room(self, place: str) -> None:
        """Create the folder of a table, which COPY does not create.

        Raises:
            FileNotFoundError: The folder is not that of the lake: perhaps its file system is not mounted.
        """
        if not self.is_there:
            raise FileNotFoundError(errno.ENOENT, NOT_THERE)
        Path(place).mkdir(parents=True, exist_ok=True)

    @property
    def is_there(self) -> bool:
        """True if the folder is that of the lake. Rows must never go into an empty folder that a file system hides."""
        return (self._folder / MARKER).exists()

    def sync(self, file: str) -> None:
        """Sync a written file and its folder."""
        _sync(Path(file))
        _sync(Path(file).parent)

    def discard(self, file: str) -> None:
        """Delete a file of a transaction that was rolled back."""
        Path(file).unlink(missing_ok=True)

    def protect(self, nonce: str, seconds: float) -> None:
        """Sync and link the files that DuckLake has written in a transaction that began `seconds` ago.

        PERF: not those of the transactions before it, although changes of rows may come many times a second.
        """
        links = self._links / nonce
        for file in self._written(time.time() - seconds):
            link = links / file.relative_to(self._folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # DuckLake has replaced it.
                _sync(file)
                link.hardlink_to(file)
                _sync(file.parent)
                _sync(file.parent.parent)

    def restore(self, nonce: str) -> None:
        """Restore the files of a transaction that DuckLake has deleted, and that may be committed."""
        links = self._links / nonce
        for link in _files(links):
            file = self._folder / link.relative_to(links)
            # It was not deleted, or the gateway that has made the link removes it at this moment.
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                file.hardlink_to(link)
                _sync(file.parent)

    def forget(self, nonce: str) -> None:
        """Remove the links of a transaction that has ended."""
        shutil.rmtree(self._links / nonce, ignore_errors=True)

    def restore_all(self, is_committed: Callable[[str], bool]) -> int:
        """Restore the files of committed transactions whose gateway was killed, and remove links that are old.

        Returns:
            How many committed transactions had links.
        """
        restored = 0
        for links in _folders(self._links):
            with contextlib.suppress(FileNotFoundError):  # Its gateway lives, and has ended the transaction.
                is_old = links.stat().st_mtime < time.time() - _OPEN_SECONDS
                if is_committed(links.name):
                    self.restore(links.name)
                    restored += 1
                elif not is_old:
                    continue
                self.forget(links.name)
        return restored

    def _written(self, since: float) -> Iterator[Path]:
        """Yield the files of DuckLake since an instant of this machine, whose clock their names have."""
        first = _WRITTEN_BY_DUCKLAKE + _uuid7_at(since)
        for folder in [each for schema in _folders(self._folder) for each in _folders(schema)]:
            if folder.stat().st_mtime < since - _CLOCK_SECONDS:
                continue
            for entry in os.scandir(folder):
                if entry.name.startswith(_WRITTEN_BY_DUCKLAKE) and entry.name >= first:
                    yield Path(entry.path)


def data_place(address: LakeAddress) -> DataPlace:
    """Return the place of the data files of a lake."""
    return ObjectStore() if address.folder is None else DataFolder(address.folder)


def _uuid7_at(instant: float) -> str:
    """Return the beginning of the UUIDs of version 7 that were made since an instant."""
    digits = f"{int(instant * 1000) - 1:012x}"
    return f"{digits[:8]}-{digits[8:]}"


def _folders(folder: Path) -> list[Path]:
    if not folder.exists():
        return []
    return [Path(each.path) for each in os.scandir(folder) if each.is_dir() and each.name != LINKS]


def _files(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


def _sync(path: Path) -> None:
    """Sync a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
