"""Replace a store by the files of a copy, all files or none."""

from pathlib import Path

from gateway.store.files import saved_files
from gateway.store.files.checksum_repair import Unopenable

#: The prefix of the folders with the replaced files, followed by the time.
WORD = "before-restore"
#: Exists while files change places; a gateway that found only some of them would lose the rows of the others.
UNFINISHED = "restore.unfinished"
_PART = ".restored"


class Occupied(Exception):  # noqa: N818  # a state of a directory
    """The directory has a store already."""


def require_finished(directory: Path) -> None:
    """Check that no restore into a directory was interrupted.

    Raises:
        Unopenable: One was; the message has the next action.
    """
    if (directory / UNFINISHED).exists():
        raise Unopenable(
            f"a restore into {directory} was interrupted, so its files do not belong together:"
            f" repeat it by gateway restore FILE --data {directory} --move-aside"
        )


def put(copy: Path, store: Path, *, move_aside: bool) -> Path | None:
    """Put a DuckDB file and its siblings in the place of `store`. The caller holds the lock of the directory.

    A kill at any point is safe: repeat the restore.

    Returns:
        The folder with the replaced files, or None if there were none.

    Raises:
        Occupied: There are files, and `move_aside` is False.
        NoRoom: The disk has too little space.
        OSError: The directory cannot be written.
    """
    directory = store.parent
    if (there := saved_files.siblings(store)) and not move_aside:
        raise Occupied(f"{directory} has a store already: {', '.join(each.name for each in there)}")
    for each in directory.glob(f"{store.name}*{_PART}"):
        each.unlink()  # An interrupted restore has left it.
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
