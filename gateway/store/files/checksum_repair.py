"""Repair: the one damage that the kill of a process can do to a DuckDB file, mended as the file is opened.

A kill in the middle of the write of a block of metadata leaves the parts that the header points to as they were,
and the old checksum of the whole block. With its checksum made anew the block is what it was, and the WAL, which is
removed last in a checkpoint, has the rest.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import duckdb

from gateway.store.files import blocks, saved_files

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

#: What the folders with copies of the files are called, followed by the time.
WORD = "before-repair"

_STALE = re.compile(
    r"computed checksum (\d+) does not match stored checksum (\d+) in block at location (\d+)"
)


class Unopenable(Exception):  # noqa: N818  # a state of a file
    """The database file cannot be opened; the message says why, and what leads on."""


class Repairable(Unopenable):
    """It could be opened after a repair, which was not asked for."""


@dataclass(slots=True)
class Repair:
    """What was mended before a file could be opened.

    Attributes:
        copies: The folder with the files as they were.
        before: The checksums that were made anew as they had been, by the place of their block in the file.
    """

    copies: Path
    before: dict[int, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Say what was done, and where the files are as they were."""
        places = " and ".join(map(str, self.before))
        return (
            f"the write of metadata at {places} had been cut off, and its checksum was made anew;"
            f" the files as they were are in {self.copies}"
        )


def is_torn(text: str) -> bool:
    """Tell whether the error of a failed open speaks of a block that may be mended."""
    return _STALE.search(text) is not None


def opened(file: Path, connect: Callable[[], _T], where: Path | None) -> tuple[_T, Repair | None]:
    """Open a DuckDB file by `connect`, mending blocks of metadata that it stumbles over.

    The caller holds the lock of the data directory, and the process has the file not open. It may be killed at any
    point and begin anew.

    Args:
        file: The DuckDB file.
        connect: Opens it, or raises a duckdb.Error.
        where: The directory in which the files are copied before the first change; None: nothing is mended.

    Raises:
        Repairable: Where `where` is None and it could be mended.
        Unopenable: Where it cannot be opened for another reason.
    """
    repair = None
    while True:
        try:
            return connect(), repair
        except duckdb.Error as error:
            text = str(error)
        # From here on DuckDB's exception is gone, and with it whatever it held.
        place = _torn(file, text)
        if repair is not None and place in repair.before:
            raise unopenable(file, f"it cannot be read although the block at {place} was mended")
        if where is None:
            raise Repairable(
                f"{file}: the write of a block of metadata was cut off, at {place}; its rows are there"
                f" (gateway doctor --repair mends it, and so does a start of the gateway)"
            )
        repair = _mend(file, place, repair, where)


def take_back(file: Path, repair: Repair) -> None:
    """Make a file that nobody has written since unopenable again, as it was."""
    for place, value in repair.before.items():
        blocks.write_checksum(file, place, value)


def _torn(file: Path, text: str) -> int:
    """Give the place of the block that can be mended, or raise."""
    found = _STALE.search(text)
    if found is None:
        is_one = blocks.is_database(file)
        raise unopenable(file, text.splitlines()[0][:300] if is_one else "it is not a DuckDB file")
    place = int(found[3])
    _require_closed(file)
    try:
        places = blocks.metadata(file)
    except (blocks.Unreadable, OSError) as error:
        raise unopenable(file, f"the block at {place} is damaged, and {error}") from error
    if place not in places:
        raise unopenable(file, f"the block at {place} is damaged, which holds rows and cannot be mended")
    return place


def _mend(file: Path, place: int, repair: Repair | None, where: Path) -> Repair:
    """Put the files aside, and write the checksum that the block should have."""
    try:
        if repair is None:
            _log.warning("%s: the write of the block of metadata at %d was cut off", file, place)
            copies = saved_files.copied(
                saved_files.siblings(file), where, WORD, {"repaired": str(file), "block": place}
            )
            _log.warning("its files as they are were copied to %s", copies)
            repair = Repair(copies)
        block = blocks.read(file, place)
        repair.before[place] = blocks.checksum_of(block)
        blocks.write_checksum(file, place, blocks.checksum(block))
    except saved_files.NoRoom as error:
        hint = "free some, or copy them elsewhere by gateway doctor --repair --aside DIR"
        raise unopenable(
            file, f"its files must be copied before they are mended, and {error}: {hint}"
        ) from error
    except (blocks.Unreadable, OSError) as error:
        raise unopenable(file, f"the block at {place} cannot be mended: {error}") from error
    _log.warning("%s: the checksum of the block at %d was made anew", file, place)
    return repair


def _require_closed(file: Path) -> None:
    """Make sure that DuckDB has let go of a file it could not open: its locks would be lost with our closing it."""
    real, descriptors = file.resolve(), Path("/proc/self/fd")
    for descriptor in descriptors.iterdir() if descriptors.is_dir() else ():
        try:
            is_it = descriptor.readlink() == real
        except FileNotFoundError:
            continue  # That of the list itself.
        if is_it:
            raise unopenable(file, "it is still open in this process, after it could not be opened")


def unopenable(file: Path, why: str) -> Unopenable:
    """Say why a file cannot be opened, and what leads on."""
    return Unopenable(
        f"{file} cannot be opened: {why}"
        f" (gateway doctor --data {file.parent} says more; gateway restore brings a backup back)"
    )
