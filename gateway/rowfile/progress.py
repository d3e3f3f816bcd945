"""The record of what was loaded: a file of lines for each load, in a directory for each store and connector.

A line is added before and after each batch, so a load that is killed can go on. The lines are:

    {"file": …, "started": …, "seed": …, "options": …}   the load, the file it read, and how
    {"pending": {"until": …, "mark": …, "key": …, …}}    rows that are being sent
    {"stored": {"until": …, "batch": …, …}}              those rows are stored, in this batch
    {"declined": true}                                   the gateway has stored nothing of them
    {"whole": true}                                      the end of the file was reached
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.rowfile.fingerprint import Sample

#: How long rows that may be stored can be sent again: a gateway forgets an Idempotency-Key after seven days.
DAYS = 6
#: How many of the latest loads are compared beyond their first rows.
LATEST = 50


@dataclass(frozen=True, slots=True)
class StoredPart:
    """Rows of a load that one batch stored.

    Attributes:
        until: How many rows of the file were stored with them.
        batch: The number of the batch; None where it is not known, or there was none.
        committed_at: When it was committed, as the gateway says.
    """

    until: int
    batch: int | None = None
    committed_at: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """Rows that were sent, and may be stored.

    Attributes:
        until: How many rows of the file are stored if these are.
        mark: The mark of the file up to there.
        key: The Idempotency-Key they were sent under.
        at: When, in seconds since 1970.
    """

    until: int
    mark: str
    key: str
    at: float

    @property
    def is_too_old(self) -> bool:
        """Whether the gateway may have forgotten the key."""
        return time.time() - self.at > DAYS * 24 * 3600


@dataclass(frozen=True, slots=True)
class Load:
    """One load of a file into a connector.

    Attributes:
        file: The path of the file then.
        started: When it began, in seconds since 1970.
        seed: Part of the keys of its batches: another one where rows are stored once more on purpose.
        record: The file of its lines.
        parts: What was stored.
        marks: The marks of the file, as far as it was sent.
        sample: The sample of those rows.
        pending: What was sent last, where no answer is known.
        is_whole: Whether the end of the file was reached.
        last: When something was stored last.
        options: The options that said how to read the file, as they are typed; None where they are not known.
    """

    file: str
    started: float
    seed: str
    record: Path
    parts: tuple[StoredPart, ...] = ()
    marks: Mapping[int, str] = field(default_factory=dict)
    sample: Sample = field(default_factory=Sample)
    pending: Pending | None = None
    is_whole: bool = False
    last: float = 0.0
    options: tuple[str, ...] | None = None

    @property
    def rows(self) -> int:
        """How many rows of the file were stored."""
        return self.parts[-1].until if self.parts else 0

    def with_line(self, line: Mapping[str, Any]) -> "Load":
        """Return the load after one more line of its record."""
        if "pending" in line:
            return replace(self, pending=Pending(**line["pending"]), is_whole=False)
        if "stored" in line:
            return replace(
                self,
                parts=(*self.parts, StoredPart(**line["stored"])),
                marks={**self.marks, **{int(rows): mark for rows, mark in line["marks"].items()}},
                sample=self.sample.with_hashes(line["sample"]),
                pending=None,
                last=line["at"],
            )
        if "declined" in line:
            return replace(self, pending=None)
        return replace(self, is_whole=True)

    def until(self, rows: int) -> "Load":
        """Return the load as if no more than some first rows had been stored."""
        parts = [replace(part, until=min(part.until, rows)) for part in self.parts]
        kept = [part for place, part in enumerate(parts) if not place or parts[place - 1].until < rows]
        marks = {place: mark for place, mark in self.marks.items() if place <= rows}
        return replace(self, parts=tuple(kept) if rows else (), marks=marks, pending=None, is_whole=False)


class Records:
    """The records of one connector of one store."""

    def __init__(self, store: str, connector: str) -> None:
        self.directory = states() / store / connector

    def all(self) -> list[Load]:
        """Read every load that can be read, the latest first."""
        files = sorted(self.directory.glob("*.ndjson"), reverse=True) if self.directory.is_dir() else []
        return [load for load in map(_read, files) if load is not None]

    def begin(
        self, file: Path, seed: str, like: Load | None = None, options: tuple[str, ...] | None = None
    ) -> Load:
        """Begin the record of a load; `like` one whose parts are stored already."""
        now = time.time()
        path = self.directory / f"{time.time_ns():020d}-{os.getpid()}.ndjson"
        load = Load(str(file.resolve()), now, seed, path, options=options)
        _add(path, {"file": load.file, "started": now, "seed": seed, "options": options})
        for part in like.parts if like else ():
            before = load.rows
            marks = (
                {rows: mark for rows, mark in like.marks.items() if before < rows <= part.until}
                if like
                else {}
            )
            sample = like.sample.hashes if like and not before else ()
            load = keep(load, _stored(part, marks, sample, like.last if like else now))
        return load

    @contextmanager
    def held(self, content: str) -> Iterator[bool]:
        """Hold the load of a file that begins in some way, and tell whether no other process holds it."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            lock = (self.directory / "lock").open("ab")
        except OSError:
            yield True
            return
        with lock:
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(content[:10] or "0", 16))
            except OSError:
                yield False
            else:
                yield True


def states() -> Path:
    """Return the directory of all records."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "gateway" / "loads"


def keep(load: Load, line: Mapping[str, Any]) -> Load:
    """Add a line to the record of a load. Where that fails, a later load offers the rows again, under the same keys."""
    _add(load.record, line)
    return load.with_line(line)


def pending(load: Load, what: Pending) -> Load:
    """Note that rows are being sent."""
    return keep(load, {"pending": asdict(what)})


def stored(
    load: Load, part: StoredPart, marks: Mapping[int, str], sample: Sample, at: float | None = None
) -> Load:
    """Note that rows are stored."""
    return keep(load, _stored(part, marks, sample.hashes - load.sample.hashes, at or time.time()))


def _stored(part: StoredPart, marks: Mapping[int, str], sample: Any, at: float) -> dict[str, Any]:
    return {"stored": asdict(part), "marks": dict(marks), "sample": sorted(sample), "at": at}


def _add(path: Path, line: Mapping[str, Any]) -> None:
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            # The line before may have been cut off by a kill.
            file.write("\n" + json.dumps(line))


def _first(line: Mapping[str, Any], path: Path) -> Load:
    options = line.get("options")
    known = None if options is None else tuple(map(str, options))
    return Load(line["file"], line["started"], line["seed"], path, options=known)


def _read(path: Path) -> Load | None:
    """Read a record; a line that was cut off by a kill is left out, and what cannot be read is no record."""
    load = None
    with suppress(OSError, UnicodeDecodeError):
        for line in path.read_text().splitlines():
            with suppress(ValueError, TypeError, KeyError):
                read = json.loads(line)
                load = load.with_line(read) if load else _first(read, path)
    return load
