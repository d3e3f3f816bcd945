"""Where an upload begins: the file compared with what was loaded before."""

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

#: The share of a file's rows that make it a changed version of a loaded file, or worth telling of.
SIMILAR = 0.5


class StartFinder:
    """Compares one file with what was loaded before.

    Attributes:
        notes: What the user is told.
        total: How many rows the file has, where it was read to its end.
    """

    def __init__(
        self, target: LoadTarget, wanted: str, source: Source, options: UploadOptions, files: ProgressFiles
    ) -> None:
        """Prepare it; `wanted` is what the user called the target."""
        self.notes: list[str] = []
        self.total: int | None = None
        self._target = target
        self._wanted = wanted
        self._source = source
        self._options = options
        self._files = files

    def find(self, first: str) -> UploadStart:
        """Compare the file with what was loaded, and decide where to begin."""
        path = str(self._source.path.resolve())
        loads = [each for each in self._files.all() if each.file == path or each.marks.get(1) == first]
        if not (self._options.again or any(each.file == path for each in loads)) and (old := self._adopt()):
            loads.append(old)
        if not loads:
            return UploadStart()
        matches = [PrefixMatch(_marks_of(load)) for load in loads]
        self.total, sample = compare(split(self._source, self._options.size), matches, to_the_end=True)
        found = zip(loads, matches, strict=True)
        ranked = sorted(found, key=lambda each: _rank(each[0], each[1], path), reverse=True)
        for load, agreement in ranked:
            earlier = self._earlier(load, agreement, is_same_path=load.file == path)
            if earlier and (not self._options.again or _is_resumable(earlier)):
                overlapping = Overlap(
                    self._source.path, self.total, earlier, self._options.reading, self._options.rest
                )
                return overlapping.start()
        if not (self._options.again or self._options.rest):
            self._require_new(sample, [load for load, _ in ranked if load.file == path])
        return UploadStart()

    def _earlier(
        self, load: LoadProgress, agreement: PrefixMatch, *, is_same_path: bool
    ) -> EarlierLoad | None:
        """Ask the gateway what it has of a load; None where that has no row of this file."""
        if not agreement.rows and not (is_same_path and load.pending and not load.parts):
            return None
        present = self._target.load_state(load)
        lost = load.rows - present.rows
        if lost and not present.rows:
            self.notes.append(
                f"What was loaded of {load.file} before is not in this store any more (it was restored, or the"
                " connector purged)."
            )
            return None
        kept = load.until(present.rows) if lost else load
        return EarlierLoad(kept, present, agreement, lost, is_same_path)

    def _adopt(self) -> LoadProgress | None:
        """Take over the record that gateway 0.1 kept of this file, where there is one."""
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

    def _require_new(self, sample: RowSample, loads: list[LoadProgress]) -> None:
        """Stop where the file is another version of what was loaded from its path, or is read with other options."""
        for load in loads:
            share = sample.share_in(load.sample)
            is_read_otherwise = load.options not in (None, self._options.reading)
            is_same = is_read_otherwise and self._source.path.stat().st_mtime < load.last
            if (is_same or share >= SIMILAR) and self._target.load_state(load).rows:
                raise earlier_load.replaced(self._source.path, load, share, self._options.reading)


def _marks_of(load: LoadProgress) -> dict[int, str]:
    """Return the marks of a load, with that of rows that were sent without an answer."""
    unanswered = {load.pending.until: load.pending.mark} if load.pending else {}
    return {**load.marks, **unanswered}


def _rank(load: LoadProgress, agreement: PrefixMatch, path: str) -> tuple[bool, int, bool, float]:
    is_same = load.file == path
    return (
        is_same and not load.is_whole and agreement.rows >= load.rows,
        agreement.rows,
        is_same,
        load.started,
    )


def _is_resumable(earlier: EarlierLoad) -> bool:
    """Tell whether a load was one of --again, which was interrupted."""
    load = earlier.load
    goes_on = bool(load.seed) and not load.is_whole and earlier.agreement.rows >= load.rows
    return earlier.is_same_path and goes_on
