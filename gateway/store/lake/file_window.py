"""The choice of data files that are written again as one: neighbors by `_id` that are small, or have many deleted rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from gateway.store.lake.file_figures import SMALL_BYTES

#: The most files, and about the most bytes, that become one file: writers wait while their rows are marked as deleted.
FILES_MAX, BYTES_MAX = 400, 2 * SMALL_BYTES
#: Files below the first size are merged with each other before they are merged with larger ones, and so on. So a row is
#: written again a few times only.
_SIZES = (64_000, 640_000, SMALL_BYTES)
#: As many files of one size are worth a merge.
_WORTHWHILE = 10
#: A file has many deleted rows with as many of them, which are also this share of all.
DELETED_ROWS, DELETED_SHARE = 10_000, 0.1
#: Files that overlap are only written again together, and never if they have more bytes than this.
_OVERLAPPING_BYTES = 256_000_000


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file of a table, as the catalog has it.

    Attributes:
        id: Its number in the catalog.
        delete_id: The number of the file that lists its deleted rows, or None.
        bytes: Its size.
        rows: Its rows, deleted ones included.
        deleted: Its deleted rows.
        low: The least `_id` in it.
        high: The greatest `_id` in it.
    """

    id: int
    delete_id: int | None
    bytes: int
    rows: int
    deleted: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class FileWindow:
    """Data files that hold all rows between two `_id`s, and no other rows."""

    files: tuple[DataFile, ...]

    @property
    def low(self) -> int:
        """The least `_id` in it."""
        return self.files[0].low

    @property
    def high(self) -> int:
        """The greatest `_id` in it."""
        return max(file.high for file in self.files)

    @property
    def bytes(self) -> int:
        """The bytes of its data files."""
        return sum(file.bytes for file in self.files)

    @property
    def weight(self) -> int:
        """The number of files that a read of it opens."""
        return sum(1 if file.delete_id is None else 2 for file in self.files)

    @property
    def has_many_deleted(self) -> bool:
        """True if many of its rows are deleted."""
        deleted, rows = sum(file.deleted for file in self.files), sum(file.rows for file in self.files)
        return deleted >= DELETED_ROWS and deleted >= rows * DELETED_SHARE

    @property
    def state(self) -> list[tuple[int, int | None]]:
        """Its data files and their delete files: as long as they are the same, so are its rows."""
        return sorted((file.id, file.delete_id) for file in self.files)


def small_window(files: Sequence[DataFile]) -> FileWindow | None:
    """Choose the files of a table that are merged next, None if that would help little."""
    units = _units(files)
    best = None
    for size in _SIZES:
        best = _heaviest(units, lambda unit, size=size: unit.bytes < size)  # type: ignore[misc]  # the loop's value
        if best is not None and best.weight >= _WORTHWHILE:
            return best
    return best if best is not None and best.weight > 1 else None


def deleted_window(files: Sequence[DataFile]) -> FileWindow | None:
    """Choose the files of a table whose many deleted rows are left out next, None if there are none."""
    return _heaviest(_units(files), lambda unit: unit.has_many_deleted and unit.bytes < _OVERLAPPING_BYTES)


def _units(files: Sequence[DataFile]) -> list[FileWindow]:
    """Return the smallest windows, in the order of `_id`: a file, or the files whose `_id`s overlap."""
    units: list[list[DataFile]] = []
    high = None
    for file in sorted(files, key=lambda each: (each.low, each.high)):
        if high is not None and file.low <= high:
            units[-1].append(file)
            high = max(high, file.high)
        else:
            units.append([file])
            high = file.high
    return [FileWindow(tuple(unit)) for unit in units]


def _heaviest(units: Sequence[FileWindow], is_fit: Callable[[FileWindow], bool]) -> FileWindow | None:
    """Return the window of fit neighbors with the most files, within the limits of one step."""
    runs = (list(run) for fits, run in groupby(units, is_fit) if fits)
    return max((window for run in runs for window in _cut(run)), key=lambda each: each.weight, default=None)


def _cut(run: Sequence[FileWindow]) -> Iterator[FileWindow]:
    """Cut neighbors into windows within the limits; a window has at least one unit."""
    taken: list[DataFile] = []
    size = 0
    for unit in run:
        if taken and (len(taken) + len(unit.files) > FILES_MAX or size + unit.bytes > BYTES_MAX):
            yield FileWindow(tuple(taken))
            taken, size = [], 0
        taken += unit.files
        size += unit.bytes
    if taken:
        yield FileWindow(tuple(taken))
