"""The data files of a lake on a file system: made durable before a commit, and kept from DuckLake's own deletion.

DuckLake does not sync its files. When the answer to COMMIT is lost, it deletes the files that it has written in that
transaction, although the transaction may be committed. A hard link of each file, made before COMMIT, brings it back.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

#: The folder of the links, one folder for each open transaction.
LINKS = ".gateway"
#: How the names of files begin that DuckLake itself has written.
_WRITTEN_BY_DUCKLAKE = "ducklake-"
#: The clocks of a file server and of this machine may differ by as many seconds.
_CLOCK_SECONDS = 60
#: After this time no transaction is open any more.
_OPEN_SECONDS = 3600


class DataFolder:
    """The folder of the data files. The writer thread alone may call it, except for `restore_all`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._links = folder / LINKS

    def make_room(self, place: str) -> None:
        """Create the folder of a table, which COPY does not create."""
        Path(place).mkdir(parents=True, exist_ok=True)

    def sync(self, file: str) -> None:
        """Sync a written file and its folder."""
        _sync(Path(file))
        _sync(Path(file).parent)

    def discard(self, file: str) -> None:
        """Delete a file of a transaction that was rolled back."""
        Path(file).unlink(missing_ok=True)

    def protect(self, nonce: str, since: float) -> None:
        """Sync and link the files that DuckLake has written since an instant."""
        links = self._links / nonce
        for file in self._written(since - _CLOCK_SECONDS):
            link = links / file.relative_to(self._folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # DuckLake has replaced it.
                _sync(file)
                link.hardlink_to(file)
                _sync(file.parent)
                _sync(file.parent.parent)

    def restore(self, nonce: str) -> None:
        """Restore the files of a committed transaction that DuckLake has deleted."""
        links = self._links / nonce
        for link in _files(links):
            file = self._folder / link.relative_to(links)
            with contextlib.suppress(FileExistsError):
                file.hardlink_to(link)
                _sync(file.parent)

    def forget(self, nonce: str) -> None:
        """Remove the links of a transaction that has ended."""
        shutil.rmtree(self._links / nonce, ignore_errors=True)

    def restore_all(self, is_committed: Callable[[str], bool]) -> None:
        """Restore the files of committed transactions whose gateway was killed, and remove links that are old."""
        if not self._links.exists():
            return
        for links in list(self._links.iterdir()):
            is_old = links.stat().st_mtime < time.time() - _OPEN_SECONDS
            if is_committed(links.name):
                self.restore(links.name)
                self.forget(links.name)
            elif is_old:
                self.forget(links.name)

    def _written(self, since: float) -> Iterator[Path]:
        """Yield the files of DuckLake in folders that have changed."""
        for folder in [each for schema in _folders(self._folder) for each in _folders(schema)]:
            if folder.stat().st_mtime < since:
                continue
            for entry in os.scandir(folder):
                if entry.name.startswith(_WRITTEN_BY_DUCKLAKE) and entry.stat().st_mtime >= since:
                    yield Path(entry.path)


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
