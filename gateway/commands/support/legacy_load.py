"""Loads of gateway 0.1: their progress is adopted, or the user is asked to decide."""

from datetime import datetime

from gateway.commands.support.load_target import LoadTarget
from gateway.plurals import counted
from gateway.rowfile import legacy_progress, progress_files
from gateway.rowfile.earlier_load import OverlapError
from gateway.rowfile.legacy_progress import LegacyProgress
from gateway.rowfile.load_options import LoadFile, LoadOptions
from gateway.rowfile.progress import LoadProgress, StoredPart
from gateway.rowfile.progress_files import ProgressFiles


class LegacyLoad:
    """Adopts the progress that gateway 0.1 recorded for a file."""

    def __init__(
        self,
        target: LoadTarget,
        wanted: str,
        file: LoadFile,
        options: LoadOptions,
        files: ProgressFiles,
        notes: list[str],
    ) -> None:
        """Prepare; `wanted` is the name or path that the user typed, and notes for the user are added to `notes`."""
        self._target = target
        self._wanted = wanted
        self._file = file
        self._options = options
        self._files = files
        self._notes = notes

    def adopt(self) -> LoadProgress | None:
        """Return the progress, copied to a new progress file; None if there is none.

        Raises:
            OverlapError: The load cannot be resumed.
        """
        target, path = self._target, self._file.source.path
        here = target.gateway.url
        other = here.replace("//localhost", "//127.0.0.1") if "//localhost" in here else ""
        urls = (here, other or here.replace("//127.0.0.1", "//localhost"))
        old = legacy_progress.find(path, urls, (self._wanted, target.connector, target.path))
        if old is None:
            return None
        found = legacy_progress.read(old, self._file.source)
        if found is None or not (old.is_sure or self._options.rest):
            raise self._unreadable(old, is_same=found is not None)
        self._notes.append(
            f"The first {counted(old.rows, 'row')} of {self._file.shown} were loaded by gateway 0.1 on {_day(old)},"
            f" says {old.path}; whether they are in this store is not known. --again stores all rows."
        )
        load = self._files.begin(self._file.id, "", options=self._options.reading)
        return progress_files.append_stored(load, StoredPart(old.rows), *found, old.at) if old.rows else None

    def _unreadable(self, old: LegacyProgress, *, is_same: bool) -> OverlapError:
        """Return the error about a load that cannot be resumed."""
        what = f"{old.rows:,} rows of {self._file.shown} were loaded by gateway 0.1 on {_day(old)} ({old.path} says so)"
        why = (
            "a batch behind them was sent without an answer"
            if is_same
            else "the file does not begin with them now"
        )
        return OverlapError(f"{what}, and {why}", can_rest=is_same)


def _day(old: LegacyProgress) -> str:
    return datetime.fromtimestamp(old.at).astimezone().strftime("%Y-%m-%d %H:%M")
