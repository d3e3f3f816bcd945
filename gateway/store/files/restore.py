"""Restore: the files of a copy put in the place of a store, whole or not at all."""

from pathlib import Path

from gateway.store.files import saved_files
from gateway.store.files.checksum_repair import Unopenable

#: What the folders with the files that were there before are called, followed by the time.
WORD = "before-restore"
#: Is there while files change places; a gateway that found only some of them would lose what is in the others.
UNFINISHED = "restore.unfinished"
_PART = ".restored"


class Occupied(Exception):  # noqa: N818  # a state of a directory
    """There is a store already."""


def require_finished(directory: Path) -> None:
    """Refuse a directory in which a restore was interrupted.

    Raises:
        Unopenable: Saying how to go on.
    """
    if (directory / UNFINISHED).exists():
        raise Unopenable(
            f"a restore into {directory} was interrupted, so its files do not belong together:"
            f" repeat it by gateway restore FILE --data {directory} --move-aside"
        )


def put(copy: Path, store: Path, *, move_aside: bool) -> Path | None:
    """Put a DuckDB file, with what belongs to it, in the place of `store`, whose directory's lock the caller holds.

    It may be killed at any point and be repeated.

    Returns:
        The folder to which the files that were there have been moved, or None where there were none.

    Raises:
        Occupied: Where there are files, and they are not to be moved aside.
        NoRoom: Where the disk has too little.
        OSError: Where it cannot be written.
    """
    directory = store.parent
    if (there := saved_files.siblings(store)) and not move_aside:
        raise Occupied(f"{directory} has a store already: {', '.join(each.name for each in there)}")
    for each in directory.glob(f"{store.name}*{_PART}"):
        each.unlink()  # A restore that was interrupted has left it.
    files = saved_files.siblings(copy)
    saved_files.require_room(directory, sum(each.stat().st_size for each in files))
    names = {each: store.name + each.name.removeprefix(copy.name) for each in files}
    for each, name in names.items():
        saved_files.copy(each, directory / (name + _PART))
    mark = directory / UNFINISHED
    mark.touch(mode=0o600)
    saved_files.sync(directory)
    folder = saved_files.moved(there, directory, WORD) if there else None
    for name in names.values():
        (directory / (name + _PART)).rename(directory / name)
    saved_files.sync(directory)
    mark.unlink()
    saved_files.sync(directory)
    return folder
