"""The progress of a load: which rows of a file are stored, and which were sent without an answer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.rowfile.fingerprint import RowSample

#: How long rows that may be stored can be sent again: a gateway forgets an Idempotency-Key after seven days.
RESEND_DAYS_MAX = 6


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
class PendingRows:
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
        return time.time() - self.at > RESEND_DAYS_MAX * 24 * 3600


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """One load of a file into a connector.

    Attributes:
        file: The path of the file then.
        started: When it began, in seconds since 1970.
        seed: Part of the keys of its batches: another one where rows are stored once more on purpose.
        path: The file of its lines.
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
    path: Path
    parts: tuple[StoredPart, ...] = ()
    marks: Mapping[int, str] = field(default_factory=dict)
    sample: RowSample = field(default_factory=RowSample)
    pending: PendingRows | None = None
    is_whole: bool = False
    last: float = 0.0
    options: tuple[str, ...] | None = None

    @property
    def rows(self) -> int:
        """How many rows of the file were stored."""
        return self.parts[-1].until if self.parts else 0

    def with_line(self, line: Mapping[str, Any]) -> "LoadProgress":
        """Return the load after one more line of its record."""
        if "pending" in line:
            return replace(self, pending=PendingRows(**line["pending"]), is_whole=False)
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

    def until(self, rows: int) -> "LoadProgress":
        """Return the load as if no more than some first rows had been stored."""
        parts = [replace(part, until=min(part.until, rows)) for part in self.parts]
        kept = [part for place, part in enumerate(parts) if not place or parts[place - 1].until < rows]
        marks = {place: mark for place, mark in self.marks.items() if place <= rows}
        return replace(self, parts=tuple(kept) if rows else (), marks=marks, pending=None, is_whole=False)
