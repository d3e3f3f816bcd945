"""The start of a load, found by comparing the file with earlier loads."""

from collections.abc import Callable, Sequence

from gateway.rowfile import earlier_load
from gateway.rowfile.chunks import has_columns, split_as
from gateway.rowfile.earlier_load import EarlierLoad, LoadStart, Overlap, StoredRows
from gateway.rowfile.fingerprint import PrefixMatch, RowDigest, RowSample, compare
from gateway.rowfile.load_options import LoadFile, LoadOptions
from gateway.rowfile.progress import LoadProgress
from gateway.rowfile.progress_files import ProgressFiles

#: The share of common rows that makes a file a changed version of a loaded file.
SIMILAR = 0.5
#: Returns what the gateway still has of a load.
FindStored = Callable[[LoadProgress], StoredRows]
#: Returns the progress of a file that an earlier version has recorded.
Adopt = Callable[[], LoadProgress | None]


def _text_mark(file: LoadFile) -> str:
    """Return the mark of the first row of a file of columns as a text, in which earlier versions sent it.

    It is empty if the row has no such text: then no load of it has begun.
    """
    try:
        return _mark_of(file, 1, as_columns=False)  # Each of its rows takes long to read.
    except ValueError:
        return ""


def _mark_of(file: LoadFile, size: int, *, as_columns: bool) -> str:
    first = next(split_as(file.source, size, as_columns=as_columns), None)
    return RowDigest(first.header).add(first.rows()[:1]).get(1, "") if first else ""


class StartFinder:
    """Compares one file with earlier loads.

    Attributes:
        notes: Notes for the user.
        total: The number of rows of the file, if it was read to its end.
        has_columns: Whether the rows of a new load are sent as columns.
    """

    def __init__(
        self,
        file: LoadFile,
        options: LoadOptions,
        files: ProgressFiles,
        find_stored: FindStored,
        adopt: Adopt = lambda: None,
    ) -> None:
        self.notes: list[str] = []
        self.total: int | None = None
        self.has_columns = has_columns(file.source)
        self._file = file
        self._options = options
        self._files = files
        self._find_stored = find_stored
        self._adopt = adopt
        #: The samples of the file by whether they are of columns.
        self._samples = {False: RowSample(), True: RowSample()}

    def first_mark(self) -> str:
        """Return the mark of the first row of the file, in the form in which it is sent; empty if it has none."""
        return _mark_of(self._file, self._options.size, as_columns=self.has_columns)

    def find(self, first: str) -> LoadStart:
        """Compare the file with earlier loads, and decide where the load begins; `first` is the mark of row 1.

        Raises:
            OverlapError: The user has to decide.
        """
        loads = self._resumable() if self._options.again else self._alike(first)
        is_known = any(load.file == self._file.id for load in loads)
        if not (self._options.again or is_known) and (old := self._adopt()):
            loads.append(old)
        if not loads:
            return LoadStart(is_columnar=self.has_columns)
        matches = self._compare(loads)
        ranked = sorted(zip(loads, matches, strict=True), key=self._rank, reverse=True)
        for load, match in ranked:
            earlier = self._earlier(load, match)
            if earlier and (not self._options.again or earlier.match.rows >= earlier.load.rows):
                return Overlap(self._file, self.total or 0, earlier, self._options).start()
        if not (self._options.again or self._options.rest):
            self._check_is_new([load for load, _ in ranked if load.file == self._file.id])
        return LoadStart(is_columnar=self.has_columns)

    def _resumable(self) -> list[LoadProgress]:
        """Return the loads of this file that store all rows once more, and were interrupted."""
        return [
            load
            for load in self._files.all()
            if load.file == self._file.id
            and load.seed
            and not load.is_whole
            and self._options.can_resume(load.seed)
        ]

    def _alike(self, first: str) -> list[LoadProgress]:
        """Return the loads of this file, and of others with the same first row."""
        recorded = self._files.all()
        firsts = {self.has_columns: first}
        if self.has_columns and not all(load.is_columnar for load in recorded):
            firsts[False] = _text_mark(self._file)
        return [
            load
            for load in recorded
            if load.file == self._file.id or (load.first and load.first == firsts.get(load.is_columnar))
        ]

    def _compare(self, loads: Sequence[LoadProgress]) -> list[PrefixMatch]:
        """Compare the file with loads, in the form in which the rows of each were sent."""
        matches = [PrefixMatch(_marks_of(load)) for load in loads]
        for form in {load.is_columnar for load in loads} - ({True} if not self.has_columns else set()):
            chunks = split_as(self._file.source, self._options.size, as_columns=form)
            own = [match for match, load in zip(matches, loads, strict=True) if load.is_columnar == form]
            self.total, self._samples[form] = compare(chunks, own, to_the_end=True)
        return matches

    def _earlier(self, load: LoadProgress, match: PrefixMatch) -> EarlierLoad | None:
        """Return the load as far as the gateway still has its rows; None if it has no row of this file."""
        is_same_file = load.file == self._file.id
        if not match.rows and not (is_same_file and load.pending and not load.parts):
            return None
        present = self._find_stored(load)
        lost = load.rows - present.rows
        if lost and not present.rows:
            self.notes.append(
                f"The rows that were loaded from {load.file} before are no longer in this store (it was restored, or the"
                " connector purged)."
            )
            return None
        kept = load.until(present.rows) if lost else load
        return EarlierLoad(kept, match, lost, is_same_file)

    def _check_is_new(self, loads: list[LoadProgress]) -> None:
        """Reject a changed version of a loaded file, or a loaded file that is read with other options."""
        for load in loads:
            share = self._samples[load.is_columnar].share_in(load.sample)
            is_read_otherwise = load.options not in (None, self._options.reading)
            is_same = is_read_otherwise and self._file.source.path.stat().st_mtime < load.last
            if (is_same or share >= SIMILAR) and self._find_stored(load).rows:
                raise earlier_load.replaced(self._file, load, share, self._options.reading)

    def _rank(self, pair: tuple[LoadProgress, PrefixMatch]) -> tuple[int, bool, bool, bool, float]:
        """Return the rank of a load: the highest has most of the first rows, for all of them are stored.

        Of several with the same rows, one that has others after them is the highest: the user has to decide.
        """
        load, match = pair
        is_same = load.file == self._file.id
        return match.rows, match.rows < load.rows, is_same and not load.is_whole, is_same, load.started


def _marks_of(load: LoadProgress) -> dict[int, str]:
    """Return the marks of a load, including those of its unanswered rows."""
    return {**load.marks, **{sent.until: sent.mark for sent in load.pending}}
