"""The progress of a load: which rows of a file are stored, and which were sent but not answered."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gateway.rowfile.fingerprint import RowSample

#: How many days pending rows can be sent again: a gateway forgets an idempotency key after seven days.
RESEND_DAYS_MAX = 6


@dataclass(frozen=True, slots=True)
class StoredPart:
    """Rows of a load that one batch stored.

    Attributes:
        until: The number of first rows of the file that were stored with this batch.
        batch: The number of the batch; None if it is unknown, or if no row needed to be stored.
        committed_at: When the batch was committed, as the gateway reports it.
    """

    until: int
    batch: int | None = None
    committed_at: str | None = None


@dataclass(frozen=True, slots=True)
class PendingRows:
    """Rows that were sent but not answered: they may be stored.

    Attributes:
        until: The number of first rows of the file that are stored if these rows are.
        mark: The mark of the file after these rows.
        key: The idempotency key of the request.
        at: When they were sent, in seconds since 1970.
        first: The mark of the first row of the file; empty in records of earlier versions.
        token: The name of the token that sent them, to which the key belongs; empty if it is unknown.
    """

    until: int
    mark: str
    key: str
    at: float
    first: str = ""
    token: str = ""

    def is_of(self, token: str) -> bool:
        """Return whether the gateway knows the key if this token sends it, as far as is known."""
        return not self.token or not token or self.token == token

    @property
    def is_too_old(self) -> bool:
        """True if the gateway may have forgotten the key."""
        return time.time() - self.at > RESEND_DAYS_MAX * 24 * 3600


@dataclass(frozen=True, slots=True)
class LoadProgress:
    """The progress of one load of a file into a connector.

    Attributes:
        file: The path of the file at the time of the load.
        started: When the load began, in seconds since 1970.
        seed: A part of the idempotency keys; --again takes a new one, so that the rows are stored once more.
        path: The progress file.
        parts: The stored rows.
        marks: The marks of the rows that were sent.
        sample: The sample of the rows that were sent.
        pending: The batches of rows after those that were sent and not answered, in their order. None of them is
            stored without those before it.
        is_whole: Whether the end of the file was reached.
        last: When rows were stored last, in seconds since 1970.
        options: The options for reading the file, as arguments of the command; None if unknown.
        is_columnar: Whether the rows were sent as columns, so that their marks are those of columns.
    """

    file: str
    started: float
    seed: str
    path: Path
    parts: tuple[StoredPart, ...] = ()
    marks: Mapping[int, str] = field(default_factory=dict)
    sample: RowSample = field(default_factory=RowSample)
    pending: tuple[PendingRows, ...] = ()
    is_whole: bool = False
    last: float = 0.0
    options: tuple[str, ...] | None = None
    is_columnar: bool = False

    @property
    def rows(self) -> int:
        """The number of first rows of the file that were stored."""
        return self.parts[-1].until if self.parts else 0

    @property
    def first(self) -> str:
        """The mark of the first row that was sent; empty if it is unknown."""
        return self.marks.get(1) or next((sent.first for sent in self.pending), "")

    def with_pending(self, sent: PendingRows) -> tuple[PendingRows, ...]:
        """Return the pending rows once these are sent, for the first time or again.

        The key of rows that are sent again is as old as their first request.
        """
        at = min([sent.at, *(each.at for each in self.pending if each.key == sent.key)])
        others = [each for each in self.pending if each.key != sent.key]
        return tuple(sorted([*others, replace(sent, at=at)], key=lambda each: each.until))

    def with_line(self, line: Mapping[str, Any]) -> "LoadProgress":
        """Return the progress after the next line of its file."""
        if "pending" in line:
            told = line["pending"]  # An earlier version wrote the only one.
            pending = tuple(PendingRows(**each) for each in (told if isinstance(told, list) else [told]))
            # The line of the rows before them could not be written if it is missing, as on a full disk.
            after = line.get("after", self.rows)
            parts = self.parts if after <= self.rows else (*self.parts, StoredPart(after))
            return replace(self, parts=parts, pending=pending, is_whole=False)
        if "stored" in line:
            return replace(
                self,
                parts=(*self.parts, StoredPart(**line["stored"])),
                marks={**self.marks, **{int(rows): mark for rows, mark in line["marks"].items()}},
                sample=self.sample.with_hashes(line["sample"]),
                pending=tuple(each for each in self.pending if each.until > line["stored"]["until"]),
                last=line["at"],
            )
        if "declined" in line:
            return replace(self, pending=())
        return replace(self, is_whole=True)

    def until(self, rows: int) -> "LoadProgress":
        """Return the progress as if at most the first `rows` rows had been stored."""
        parts = [replace(part, until=min(part.until, rows)) for part in self.parts]
        kept = [part for place, part in enumerate(parts) if not place or parts[place - 1].until < rows]
        marks = {place: mark for place, mark in self.marks.items() if place <= rows}
        return replace(self, parts=tuple(kept) if rows else (), marks=marks, pending=(), is_whole=False)
