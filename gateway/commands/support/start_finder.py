"""The start of an upload, found by comparing the file with earlier loads."""

from gateway.commands.support import earlier_load
from gateway.commands.support.earlier_load import EarlierLoad, Overlap, UploadStart
from gateway.commands.support.load_target import LoadTarget
from gateway.commands.support.upload_options import UploadOptions
from gateway.rowfile import legacy_progress, progress_files
from gateway.rowfile.chunks import split
from gateway.rowfile.fingerprint import PrefixMatch, RowSample, compare
from gateway.rowfile.progress import LoadProgress, StoredPart
from gateway.rowfile.progress_files import ProgressFiles
from gateway.rowfile.source import Source

#: The share of common rows that makes a file a changed version of a loaded file.
SIMILAR = 0.5


class StartFinder:
    """Compares one file with earlier loads.

    Attributes:
        notes: Notes for the user.
        total: The number of rows of the file, if it was read to its end.
    """

    def __init__(
        self, target: LoadTarget, wanted: str, source: Source, options: UploadOptions, files: ProgressFiles
    ) -> None:
        """Prepare the comparison; `wanted` is the name or path that the user typed for the target."""
        self.notes: list[str] = []
        self.total: int | None = None
        self._target = target
        self._wanted = wanted
        self._source = source
        self._options = options
        self._files = files

    def find(self, first: str) -> UploadStart:
        """Compare the file with earlier loads, and decide where the upload begins; `first` is the mark of row 1."""
        path = str(self._source.path.resolve())
        loads = [load for load in self._files.all() if load.file == path or load.marks.get(1) == first]
        is_known = any(load.file == path for load in loads)
        if not (self._options.again or is_known) and (old := self._adopt()):
            loads.append(old)
        if not loads:
            return UploadStart()
        matches = [PrefixMatch(_marks_of(load)) for load in loads]
        self.total, sample = compare(split(self._source, self._options.size), matches, to_the_end=True)
        pairs = zip(loads, matches, strict=True)
        ranked = sorted(pairs, key=lambda pair: _rank(pair[0], pair[1], path), reverse=True)
        for load, match in ranked:
            earlier = self._earlier(load, match, is_same_path=load.file == path)
            if earlier and (not self._options.again or _is_resumable(earlier)):
                reading, rest = self._options.reading, self._options.rest
                return Overlap(self._source.path, self.total, earlier, reading, rest).start()
        if not (self._options.again or self._options.rest):
            self._check_is_new(sample, [load for load, _ in ranked if load.file == path])
        return UploadStart()

    def _earlier(self, load: LoadProgress, match: PrefixMatch, *, is_same_path: bool) -> EarlierLoad | None:
        """Return the load as far as the gateway still has its rows; None if it has no row of this file."""
        if not match.rows and not (is_same_path and load.pending and not load.parts):
            return None
        present = self._target.load_state(load)
        lost = load.rows - present.rows
        if lost and not present.rows:
            self.notes.append(
                f"The rows that were loaded from {load.file} before are no longer in this store (it was restored, or the"
                " connector purged)."
            )
            return None
        kept = load.until(present.rows) if lost else load
        return EarlierLoad(kept, match, lost, is_same_path)

    def _adopt(self) -> LoadProgress | None:
        """Return the progress that gateway 0.1 recorded for this file, copied to a new progress file."""
        target, path = self._target, self._source.path
        here = target.gateway.url
        other = here.replace("//localhost", "//127.0.0.1") if "//localhost" in here else ""
        urls = (here, other or here.replace("//127.0.0.1", "//localhost"))
        old = legacy_progress.find(path, urls, (self._wanted, target.connector, target.path))
        if old is None:
            return None
        found = legacy_progress.read(old, self._source)
        if found is None or not (old.is_sure or self._options.rest):
            raise earlier_load.unreadable(path, old, is_same=found is not None)
        self.notes.append(earlier_load.adopted(path, old))
        load = self._files.begin(path, "", options=self._options.reading)
        return progress_files.append_stored(load, StoredPart(old.rows), *found, old.at) if old.rows else None

    def _check_is_new(self, sample: RowSample, loads: list[LoadProgress]) -> None:
        """Reject a changed version of a loaded file, or a loaded file that is read with other options."""
        for load in loads:
            share = sample.share_in(load.sample)
            is_read_otherwise = load.options not in (None, self._options.reading)
            is_same = is_read_otherwise and self._source.path.stat().st_mtime < load.last
            if (is_same or share >= SIMILAR) and self._target.load_state(load).rows:
                raise earlier_load.replaced(self._source.path, load, share, self._options.reading)


def _marks_of(load: LoadProgress) -> dict[int, str]:
    """Return the marks of a load, including the mark of its unanswered rows."""
    unanswered = {load.pending.until: load.pending.mark} if load.pending else {}
    return {**load.marks, **unanswered}


def _rank(load: LoadProgress, match: PrefixMatch, path: str) -> tuple[bool, int, bool, float]:
    is_same = load.file == path
    return (
        is_same and not load.is_whole and match.rows >= load.rows,
        match.rows,
        is_same,
        load.started,
    )


def _is_resumable(earlier: EarlierLoad) -> bool:
    """Return whether the load used --again and was interrupted."""
    load = earlier.load
    can_resume = bool(load.seed) and not load.is_whole and earlier.match.rows >= load.rows
    return earlier.is_same_path and can_resume
