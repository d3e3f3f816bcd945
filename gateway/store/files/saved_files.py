"""Copies of store files in a new dated folder of the data directory, all files or none."""

import json
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

#: The suffixes of the files that DuckDB may leave beside its file; all of them belong together.
SIBLINGS = ("", ".wal", ".wal.checkpoint", ".wal.recovery")
#: The note in a folder: the names of the files, and the reason.
NOTE = "note.json"
_PART = ".part"


class NoRoom(Exception):  # noqa: N818  # a state of a disk
    """The disk has too little space for the files."""


def siblings(file: Path) -> list[Path]:
    """Return the files of a store that exist."""
    return [each for suffix in SIBLINGS if (each := file.with_name(file.name + suffix)).exists()]


def copied(files: Iterable[Path], where: Path, word: str, why: dict[str, Any]) -> Path:
    """Copy files into a new folder of `where` and return the folder. No process may have the files open.

    Files that were copied there before and have not changed since are not copied again. So a start that is killed
    repeatedly does not fill the disk.

    Raises:
        NoRoom: The disk has too little space.
        OSError: They cannot be copied.
    """
    files = list(files)
    note = {**why, "files": {each.name: [each.stat().st_size, each.stat().st_mtime_ns] for each in files}}
    for folder in folders(where, word):
        if _note(folder) == note:
            return folder
    sweep(where)
    require_room(where, sum(each.stat().st_size for each in files))
    return _filled(_new(where, word), files, note)


def moved(files: Iterable[Path], where: Path, word: str) -> Path:
    """Move files of `where` into a new folder of it, the last of `files` first, and return the folder."""
    folder = _new(where, word)
    folder.mkdir(mode=0o700)
    for each in reversed(list(files)):
        each.rename(folder / each.name)
    sync(folder)
    sync(where)
    return folder


def folders(where: Path, word: str) -> list[Path]:
    """Return the folders that were filled for the same reason, oldest first."""
    return sorted(each for each in where.glob(f"{word}-*") if each.is_dir() and each.suffix != _PART)


def sweep(where: Path) -> None:
    """Remove the remains of a copy that was killed."""
    for each in where.glob(f"*{_PART}"):
        if each.is_dir():
            shutil.rmtree(each)


def copy(source: Path, target: Path) -> None:
    """Copy a file; returns when it is on the disk."""
    shutil.copyfile(source, target)
    target.chmod(0o600)
    sync(target)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def require_room(where: Path, size: int) -> None:
    """Check that the disk has `size` bytes free.

    Raises:
        NoRoom: It has fewer; the message has both numbers.
    """
    free = shutil.disk_usage(where).free
    if free < size:
        raise NoRoom(f"{where} has {free:,} bytes free, and {size:,} are needed")


def _filled(folder: Path, files: Iterable[Path], note: dict[str, Any]) -> Path:
    part = folder.with_name(folder.name + _PART)
    part.mkdir(mode=0o700)
    try:
        for each in files:
            copy(each, part / each.name)
        (part / NOTE).write_text(json.dumps(note))
        sync(part / NOTE)
        sync(part)
        part.rename(folder)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        raise
    sync(folder.parent)
    return folder


def _new(where: Path, word: str) -> Path:
    """Choose the name of a folder that does not exist yet."""
    name = f"{word}-{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}"
    taken = {each.name.removesuffix(_PART) for each in where.glob(f"{name}*")}
    number = 1
    while (unused := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return where / unused


def _note(folder: Path) -> Any:
    try:
        return json.loads((folder / NOTE).read_text())
    except (OSError, ValueError):
        return None
