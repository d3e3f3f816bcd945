"""Progress files: one file of JSON lines for each load, in a directory for the loads that are compared.

A line is appended before and after each batch, so that a killed load can be resumed. These are the lines.
    {"file": …, "started": …, "seed": …, "options": …, "columnar": …}   the file, and how it was read.
    {"pending": [{"until": …, "mark": …, "key": …, …}, …], "after": …}
                                                         all batches that are being sent, in order, and the number of rows before them.
    {"stored": {"until": …, "batch": …, …}}              these rows are stored, in this batch.
    {"declined": true}                                   the gateway stored none of those that were being sent.
    {"whole": true}                                      the end of the file was reached.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gateway.rowfile.fingerprint import RowSample
from gateway.rowfile.progress import LoadProgress, PendingRows, StoredPart

#: The number of latest loads that are compared by their samples.
COMPARED_LOADS_MAX = 50


class ProgressFiles:
    """The progress files of the loads into one connector of one store."""

    def __init__(self, directory: Path, *, kept: int | None = None) -> None:
        """Prepare; only the latest `kept` loads that stored rows are kept, None keeps all."""
        self.directory = directory
        self._kept = kept

    def all(self) -> list[LoadProgress]:
        """Return the progress of all loads whose files can be read, latest first."""
        return [load for load in map(_read, self._paths()) if load is not None]

    def begin(
        self,
        file: str,
        seed: str,
        like: LoadProgress | None = None,
        options: tuple[str, ...] | None = None,
        *,
        is_columnar: bool = False,
    ) -> LoadProgress:
        """Create the progress file of a load. It starts with the stored rows of `like`, which has rows in the same form."""
        self._delete_old()
        now = time.time()
        path = self.directory / f"{time.time_ns():020d}-{os.getpid()}.ndjson"
        load = LoadProgress(file, now, seed, path, options=options, is_columnar=is_columnar)
        head = {"file": load.file, "started": now, "seed": seed, "options": options, "columnar": is_columnar}
        _add(path, head)
        for part in like.parts if like else ():
            before = load.rows
            marks = (
                {rows: mark for rows, mark in like.marks.items() if before < rows <= part.until}
                if like
                else {}
            )
            sample = like.sample.hashes if like and not before else ()
            load = append(load, _stored(part, marks, sample, like.last if like else now))
        return load

    def _paths(self) -> list[Path]:
        """Return the paths of the files, latest first."""
        return sorted(self.directory.glob("*.ndjson"), reverse=True) if self.directory.is_dir() else []

    def _delete_old(self) -> None:
        """Delete the files that are not kept once another one begins, and those that tell of no row."""
        if self._kept is None:
            return
        loads = self.all()
        telling = [load for load in loads if load.rows or load.pending]
        for load in loads:
            if load not in telling[: self._kept - 1]:
                with suppress(OSError):
                    load.path.unlink()

    @contextmanager
    def lock(self, mark: str) -> Iterator[bool]:
        """Lock the loads of files whose first row has this mark; yield False if another process holds the lock."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            file = (self.directory / "lock").open("ab")
        except OSError:
            yield True
            return
        with file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(mark[:10] or "0", 16))
            except OSError:
                yield False
            else:
                yield True


def progress_directory() -> Path:
    """Return the directory of the progress files of a user."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "gateway" / "loads"


def append(load: LoadProgress, line: Mapping[str, Any]) -> LoadProgress:
    """Append a line to a progress file, and return the new progress.

    If writing fails, a later load sends the rows again under the same keys.
    """
    _add(load.path, line)
    return load.with_line(line)


def append_pending(load: LoadProgress, pending: Iterable[PendingRows]) -> LoadProgress:
    """Record that these rows, and no others, are being sent."""
    return append(load, {"pending": [asdict(each) for each in pending], "after": load.rows})


def append_stored(
    load: LoadProgress, part: StoredPart, marks: Mapping[int, str], sample: RowSample, at: float | None = None
) -> LoadProgress:
    """Record that rows are stored."""
    return append(load, _stored(part, marks, sample.hashes - load.sample.hashes, at or time.time()))


def _stored(part: StoredPart, marks: Mapping[int, str], sample: Any, at: float) -> dict[str, Any]:
    return {"stored": asdict(part), "marks": dict(marks), "sample": sorted(sample), "at": at}


def _add(path: Path, line: Mapping[str, Any]) -> None:
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            # A kill may have cut off the previous line.
            file.write("\n" + json.dumps(line))


def _first(line: Mapping[str, Any], path: Path) -> LoadProgress:
    options = line.get("options")
    known = None if options is None else tuple(map(str, options))
    is_columnar = line.get("columnar") is True
    return LoadProgress(
        line["file"], line["started"], line["seed"], path, options=known, is_columnar=is_columnar
    )


def _read(path: Path) -> LoadProgress | None:
    """Read a progress file; None if it cannot be read. Lines that a kill has cut off are skipped."""
    load = None
    with suppress(OSError, UnicodeDecodeError):
        for line in path.read_text().splitlines():
            with suppress(ValueError, TypeError, KeyError):
                read = json.loads(line)
                load = load.with_line(read) if load else _first(read, path)
    return load
