"""Repair of the one damage that a killed process can do to a DuckDB file, when the file is opened.

A kill during the write of a metadata block leaves the parts that the header points to unchanged, with the old
checksum of the whole block. After its checksum is computed again, the block is valid. The WAL, which a checkpoint
removes last, has the rest.
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

#: The prefix of the folders with copies of the files, followed by the time.
WORD = "before-repair"

_STALE = re.compile(
    r"computed checksum (\d+) does not match stored checksum (\d+) in block at location (\d+)"
)


class Unopenable(Exception):  # noqa: N818  # a state of a file
    """The database file cannot be opened; the message has the reason and the next action."""


class Repairable(Unopenable):
    """It could be opened after a repair, which was not requested."""


@dataclass(slots=True)
class Repair:
    """The repair of a file before it could be opened.

    Attributes:
        copies: The folder with the files as they were.
        before: The former values of the replaced checksums, by the position of their block in the file.
    """

    copies: Path
    before: dict[int, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence that names the repaired blocks and the folder with the copies."""
        places = " and ".join(map(str, self.before))
        return (
            f"the write of metadata at {places} had been cut off, and its checksum was computed again;"
            f" the files as they were are in {self.copies}"
        )


def is_torn(text: str) -> bool:
    """Return whether the error of a failed open names a block that may be repairable."""
    return _STALE.search(text) is not None


def open_or_repair(file: Path, connect: Callable[[], _T], where: Path | None) -> tuple[_T, Repair | None]:
    """Open a DuckDB file by `connect`, and repair the metadata blocks that it fails on.

    The caller holds the lock of the data directory, and the process does not have the file open. A kill at any point
    is safe: call it again.

    Args:
        file: The DuckDB file.
        connect: Opens it, or raises a duckdb.Error.
        where: The directory for copies of the files before the first change; None forbids a repair.

    Raises:
        Repairable: `where` is None, and a repair is possible.
        Unopenable: It cannot be opened for another reason.
    """
    repair = None
    while True:
        try:
            return connect(), repair
        except duckdb.Error as error:
            text = str(error)
        # From here on DuckDB's exception is gone, and with it the objects that it held.
        place = _torn(file, text)
        if repair is not None and place in repair.before:
            raise unopenable(file, f"it cannot be read although the block at {place} was repaired")
        if where is None:
            raise Repairable(
                f"{file}: the write of a block of metadata was cut off, at {place}; its rows are there"
                f" (gateway doctor --repair repairs it, and so does a start of the gateway)"
            )
        repair = _repaired(file, place, repair, where)


def take_back(file: Path, repair: Repair) -> None:
    """Undo a repair of a file that was not written since."""
    for place, value in repair.before.items():
        blocks.write_checksum(file, place, value)


def _torn(file: Path, text: str) -> int:
    """Find the position of the block that can be repaired, or raise."""
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
        raise unopenable(file, f"the block at {place} is damaged, which holds rows and cannot be repaired")
    return place


def _repaired(file: Path, place: int, repair: Repair | None, where: Path) -> Repair:
    """Copy the files, and write the checksum that the block should have."""
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
            file, f"its files must be copied before they are repaired, and {error}: {hint}"
        ) from error
    except (blocks.Unreadable, OSError) as error:
        raise unopenable(file, f"the block at {place} cannot be repaired: {error}") from error
    _log.warning("%s: the checksum of the block at %d was computed again", file, place)
    return repair


def _require_closed(file: Path) -> None:
    """Check that DuckDB has closed a file that it could not open: closing it here would drop DuckDB's locks."""
    real, descriptors = file.resolve(), Path("/proc/self/fd")
    for descriptor in descriptors.iterdir() if descriptors.is_dir() else ():
        try:
            is_it = descriptor.readlink() == real
        except FileNotFoundError:
            continue  # That of the list itself.
        if is_it:
            raise unopenable(file, "it is still open in this process, after it could not be opened")


def unopenable(file: Path, why: str) -> Unopenable:
    """Build the error of a file that cannot be opened, with the next action."""
    return Unopenable(
        f"{file} cannot be opened: {why}"
        f" (gateway doctor --data {file.parent} says more; gateway restore brings a backup back)"
    )
