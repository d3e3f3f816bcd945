"""Earlier loads of a file: where a load begins after them, or the error that asks the user to decide."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from gateway.plurals import counted
from gateway.rowfile.fingerprint import PrefixMatch
from gateway.rowfile.load_options import LoadFile, LoadOptions
from gateway.rowfile.progress import LoadProgress, PendingRows, StoredPart

_PUT_BACK = "Put the rows back as they were"


class OverlapError(Exception):
    """Rows of a file may be stored already, and the user has to decide. All rows can always be stored once more.

    Attributes:
        message: The rows, and the reason. Nothing was stored.
        advice: What the user can do instead, or None.
        can_rest: Whether the rows after those that are known can be stored.
        rest: These rows, as a part of a message.
    """

    def __init__(
        self, message: str, advice: str | None = None, *, can_rest: bool, rest: str = "what follows them"
    ) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.can_rest = can_rest
        self.rest = rest


@dataclass(frozen=True, slots=True)
class StoredRows:
    """The part of a load that the gateway still has.

    Attributes:
        rows: The number of first rows of the file that batches in the store have stored.
        stored: The number of rows that these batches stored.
        left: The number of these rows that are unchanged.
    """

    rows: int = 0
    stored: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class PresentBatch:
    """A batch that is in the store: when it was committed, its rows, and those that are unchanged."""

    committed_at: str
    rows: int
    left: int


def stored_rows(load: LoadProgress, batches: Mapping[int, PresentBatch]) -> StoredRows:
    """Return what the gateway still has of a load. A batch is the same if its number and time are."""

    def is_present(part: StoredPart) -> bool:
        if part.batch is None:
            return True
        return part.batch in batches and batches[part.batch].committed_at == part.committed_at

    parts = list(takewhile(is_present, load.parts))
    present = [batches[part.batch] for part in parts if part.batch is not None]
    rows = parts[-1].until if parts else 0
    return StoredRows(rows, sum(each.rows for each in present), sum(each.left for each in present))


@dataclass(frozen=True, slots=True)
class EarlierLoad:
    """An earlier load with rows of the file.

    Attributes:
        load: The progress of the load, as far as the gateway still has its rows.
        match: The number of first rows that the file has in common with the load.
        lost: The number of its rows that the gateway no longer has.
        is_same_file: Whether the load read a file of the same name.
    """

    load: LoadProgress
    match: PrefixMatch
    lost: int
    is_same_file: bool


@dataclass(frozen=True, slots=True)
class LoadStart:
    """The start of a load.

    Attributes:
        rows: The number of first rows of the file that are stored already.
        load: The load that is resumed or copied; None for a new one.
        is_new: Whether the load gets its own progress file.
        pending: Batches of the rows after `rows` that may be stored, to be sent again under the same keys.
        notes: Notes for the user.
        is_columnar: Whether the rows are sent as columns. A load goes on in the form in which it began.
    """

    rows: int = 0
    load: LoadProgress | None = None
    is_new: bool = True
    pending: tuple[PendingRows, ...] = ()
    notes: tuple[str, ...] = ()
    is_columnar: bool = False

    @property
    def pending_keys(self) -> frozenset[str]:
        """The keys of the pending batches."""
        return frozenset(sent.key for sent in self.pending)


@dataclass(frozen=True, slots=True)
class Overlap:
    """A file of `total` rows, an earlier load with the same first rows, and the options of the user."""

    file: LoadFile
    total: int
    earlier: EarlierLoad
    options: LoadOptions

    def start(self) -> LoadStart:
        """Decide where the load begins.

        Raises:
            OverlapError: The user has to decide.
        """
        earlier, stored = self.earlier, self.earlier.load.rows
        if earlier.match.rows < stored:
            return self._diverged()
        if not (earlier.is_same_file or self.options.by_content or self.options.rest):
            raise self._elsewhere()
        notes = []
        if earlier.lost:
            notes.append(
                f"{earlier.lost:,} rows that were loaded on {_day(earlier.load.last)} are no longer in this store"
                " (it was restored, or the connector purged); they are stored again."
            )
        if other_options := _other_options(earlier.load, self.options.reading):
            notes.append(f"The rows were loaded {other_options}.")
        is_new = bool(earlier.lost) or not earlier.is_same_file
        return LoadStart(
            stored, earlier.load, is_new, self._pending(), tuple(notes), earlier.load.is_columnar
        )

    def _pending(self) -> tuple[PendingRows, ...]:
        """Return the unanswered batches that are sent again; with `rest` those of which that is safe."""
        pending, agreed = self.earlier.load.pending, self.earlier.match.rows
        token = self.options.token
        safe = tuple(
            takewhile(
                lambda sent: sent.until <= agreed and not sent.is_too_old and sent.is_of(token), pending
            )
        )
        if len(safe) == len(pending) or self.options.rest:
            return safe
        first, last = pending[len(safe)], pending[-1]
        advice = "Check which rows are stored"
        if agreed < first.until:
            reason = "they have changed since"
        elif first.is_too_old:
            reason = "the gateway may have forgotten the request"
        else:
            reason = f"the token '{first.token}' sent them, and this one is '{token}'"
            advice = "Use that token"
        message = (
            f"rows {self.earlier.load.rows + 1:,} to {last.until:,} of {self.file.shown} were sent on"
            f" {_day(first.at)} without an answer, and may be stored; {reason}"
        )
        raise OverlapError(message, advice, can_rest=True)

    def _elsewhere(self) -> OverlapError:
        """Return the error that another file had these rows."""
        stored, load = self.earlier.load.rows, self.earlier.load
        is_all = self.total == stored
        message = (
            f"the {'' if is_all else 'first '}{counted(stored, 'row')} of {self.file.shown} {_are_those(stored)} of"
            f" {load.file}, stored on {_day(load.last)}"
        )
        return OverlapError(message, can_rest=not is_all)

    def _diverged(self) -> LoadStart:
        """Return the start after the common rows if the user asks for the rest.

        Raises:
            OverlapError: The user has to decide.
        """
        load, match = self.earlier.load, self.earlier.match
        agreed = match.rows
        is_start = agreed == self.total
        if self.options.rest and not is_start:
            note = f"the first {counted(agreed, 'row')} {_are(agreed)} stored already, since {_day(load.last)}; the rows after them follow."
            kept = load.until(agreed)
            return LoadStart(agreed, kept, is_new=True, notes=(note,), is_columnar=load.is_columnar)
        same = f"{'' if match.is_exact else 'at least '}the first {counted(agreed, 'row')}"
        if self.earlier.is_same_file:
            message = _changed(self.file, load, self.options.reading)
            what = (
                f"it has only the first {counted(agreed, 'row')} of them"
                if is_start
                else f"{same} {_are(agreed)} the same, and not all"
            )
            # Those behind the change are stored already, and --rest stores them once more.
            rest = f"every row after row {agreed:,}, also unchanged ones"
            raise OverlapError(f"{message}: {what}", _PUT_BACK, can_rest=not is_start, rest=rest)
        whose = f"{load.file}, stored on {_day(load.last)}"
        if is_start:
            message = f"the {counted(agreed, 'row')} of {self.file.shown} {_are(agreed)} the first of the {load.rows:,} of {whose}"
            raise OverlapError(message, can_rest=False)
        message = f"{same} of {self.file.shown} {_are_those(agreed)} of {whose}"
        raise OverlapError(message, can_rest=True, rest=f"every row after row {agreed:,}")


def replaced(file: LoadFile, load: LoadProgress, share: float, options: Sequence[str]) -> OverlapError:
    """Return the error about a file whose first row has changed since a load that has many of the same rows."""
    if other_options := _other_options(load, options):
        message = f"{load.rows:,} rows of {file.shown} were loaded on {_day(load.last)} {other_options}"
        return OverlapError(message, "Use the same options", can_rest=False)
    message = (
        f"{_changed(file, load)}: its header or its first row is different, and about {share:.0%} of its rows are"
        " the same"
    )
    return OverlapError(message, f"{_PUT_BACK}, or load the new ones from their own file", can_rest=False)


def similar(file: LoadFile, loads: Sequence[tuple[LoadProgress, float]]) -> str:
    """Return the note that other files had many of the same rows."""
    files = ", ".join(f"about {share:.0%} in {load.file} ({_day(load.last)})" for load, share in loads)
    return f"Rows of {file.shown} had been loaded from other files too: {files}."


def _changed(file: LoadFile, load: LoadProgress, options: Sequence[str] = ()) -> str:
    other_options = _other_options(load, options)
    how = f" {other_options}" if other_options else ""
    return f"{file.shown} is not what it was when {load.rows:,} rows of it were loaded, on {_day(load.last)}{how}"


def _other_options(load: LoadProgress, options: Sequence[str]) -> str:
    """Return the options then and now, as the end of a sentence; empty if they are equal or unknown."""
    if load.options is None or sorted(_pairs(load.options)) == sorted(_pairs(options)):
        return ""
    then, now = (" ".join(_pairs(words)) or "none" for words in (load.options, options))
    return f"with other options (then: {then}; now: {now})"


def _pairs(options: Sequence[str]) -> list[str]:
    return [shlex.join(options[place : place + 2]) for place in range(0, len(options), 2)]


def _are(rows: int) -> str:
    return "is" if rows == 1 else "are"


def _are_those(rows: int) -> str:
    return "is that" if rows == 1 else "are those"


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
