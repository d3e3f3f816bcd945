"""Earlier loads of a file: where an upload begins after them, or the error that asks the user to decide."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from gateway.plurals import counted
from gateway.rowfile.fingerprint import PrefixMatch
from gateway.rowfile.legacy_progress import LegacyProgress
from gateway.rowfile.progress import LoadProgress, PendingRows

_AGAIN = "--again stores them once more"
_BOTH = "--rest stores what follows them, --again stores all rows"


@dataclass(frozen=True, slots=True)
class EarlierLoad:
    """An earlier load with rows of the file.

    Attributes:
        load: The progress of the load, as far as the gateway still has its rows.
        match: The number of first rows that the file has in common with the load.
        lost: The number of its rows that the gateway no longer has.
        is_same_path: Whether the load read a file at the same path.
    """

    load: LoadProgress
    match: PrefixMatch
    lost: int
    is_same_path: bool


@dataclass(frozen=True, slots=True)
class UploadStart:
    """The start of an upload.

    Attributes:
        rows: The number of first rows of the file that are stored already.
        load: The load that is resumed or copied; None for a new one.
        is_new: Whether the upload gets its own progress file.
        pending: Rows after `rows` that may be stored, to be sent again under the same key.
        notes: Notes for the user.
    """

    rows: int = 0
    load: LoadProgress | None = None
    is_new: bool = True
    pending: PendingRows | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlap:
    """A file, an earlier load with the same first rows, and the options of the user."""

    file: Path
    total: int
    earlier: EarlierLoad
    options: tuple[str, ...]
    rest: bool

    def start(self) -> UploadStart:
        """Decide where the upload begins.

        Raises:
            click.ClickException: The user has to decide.
        """
        earlier, stored = self.earlier, self.earlier.load.rows
        if earlier.match.rows < stored:
            return self._diverged()
        if not (earlier.is_same_path or self.rest):
            raise click.ClickException(self._elsewhere())
        notes = []
        if earlier.lost:
            notes.append(
                f"{earlier.lost:,} rows that were loaded on {_day(earlier.load.last)} are no longer in this store"
                " (it was restored, or the connector purged); they are stored again."
            )
        if other_options := _other_options(earlier.load, self.options):
            notes.append(f"The rows were loaded {other_options}.")
        is_new = bool(earlier.lost) or not earlier.is_same_path
        return UploadStart(stored, earlier.load, is_new, self._pending(), tuple(notes))

    def _pending(self) -> PendingRows | None:
        pending, agreed = self.earlier.load.pending, self.earlier.match.rows
        if pending is None or (self.rest and (agreed < pending.until or pending.is_too_old)):
            return None
        reason = None
        if agreed < pending.until:
            reason = "they have changed since"
        elif pending.is_too_old:
            reason = "the gateway may have forgotten the request"
        if reason:
            message = (
                f"rows {self.earlier.load.rows + 1:,} to {pending.until:,} of {self.file} were sent on"
                f" {_day(pending.at)} without an answer, and may be stored; {reason}; nothing was stored"
            )
            raise click.ClickException(
                f"{message}. Check which rows are stored: --rest stores these and what follows, --again stores all rows"
            )
        return pending

    def _elsewhere(self) -> str:
        """Return the message that another file had these rows."""
        stored, load = self.earlier.load.rows, self.earlier.load
        whose = f"those of {load.file}, stored on {_day(load.last)}"
        if self.total == stored:
            return f"the {counted(stored, 'row')} of {self.file} {_are(stored)} {whose}; nothing was stored. {_AGAIN}"
        return f"the first {counted(stored, 'row')} of {self.file} {_are(stored)} {whose}; nothing was stored. {_BOTH}"

    def _diverged(self) -> UploadStart:
        """Return the start after the common rows if --rest asks for it.

        Raises:
            click.ClickException: The user has to decide.
        """
        load, match = self.earlier.load, self.earlier.match
        agreed = match.rows
        is_start = agreed == self.total
        if self.rest and not is_start:
            note = f"the first {counted(agreed, 'row')} {_are(agreed)} stored already, since {_day(load.last)}; the rows after them follow."
            return UploadStart(agreed, load.until(agreed), is_new=True, notes=(note,))
        same = f"{'' if match.is_exact else 'at least '}the first {counted(agreed, 'row')}"
        if self.earlier.is_same_path:
            message = _changed(self.file, load, self.options)
            what = (
                f"it has only the first {counted(agreed, 'row')} of them"
                if is_start
                else f"{same} {_are(agreed)} the same, and not all"
            )
            hint = f"Put the rows back as they were; {_AGAIN if is_start else _BOTH}"
            raise click.ClickException(f"{message}: {what}; nothing was stored. {hint}")
        whose = f"{load.file}, stored on {_day(load.last)}"
        if is_start:
            message = f"the {counted(agreed, 'row')} of {self.file} {_are(agreed)} the first of the {load.rows:,} of {whose}"
            raise click.ClickException(f"{message}; nothing was stored. {_AGAIN}")
        raise click.ClickException(
            f"{same} of {self.file} {_are(agreed)} those of {whose}; nothing was stored. {_BOTH}"
        )


def replaced(file: Path, load: LoadProgress, share: float, options: Sequence[str]) -> click.ClickException:
    """Return the error about a file whose first row has changed since a load that has many of the same rows."""
    if other_options := _other_options(load, options):
        message = f"{load.rows:,} rows of {file} were loaded on {_day(load.last)} {other_options}"
        return click.ClickException(
            f"{message}; nothing was stored. Use the same options; --again stores all rows as they are read now"
        )
    message = (
        f"{_changed(file, load)}: its header or its first row is different, and about {share:.0%} of its rows are"
        " the same"
    )
    return click.ClickException(
        f"{message}; nothing was stored. Put the rows back as they were, or load the new ones from their own file;"
        " --again stores all rows"
    )


def unreadable(file: Path, old: LegacyProgress, *, is_same: bool) -> click.ClickException:
    """Return the error about a load of gateway 0.1 that cannot be resumed."""
    what = f"{old.rows:,} rows of {file} were loaded by gateway 0.1 on {_day(old.at)} ({old.path} says so)"
    why = (
        "a batch behind them was sent without an answer"
        if is_same
        else "the file does not begin with them now"
    )
    hint = _BOTH if is_same else "--again stores all rows"
    return click.ClickException(f"{what}, and {why}; nothing was stored. {hint}")


def adopted(file: Path, old: LegacyProgress) -> str:
    """Return the note that a load of gateway 0.1 is resumed."""
    return (
        f"The first {counted(old.rows, 'row')} of {file} were loaded by gateway 0.1 on {_day(old.at)}, says {old.path};"
        " whether they are in this store is not known. --again stores all rows."
    )


def similar(file: Path, loads: Sequence[tuple[LoadProgress, float]]) -> str:
    """Return the note that other files had many of the same rows."""
    files = ", ".join(f"about {share:.0%} in {load.file} ({_day(load.last)})" for load, share in loads)
    return f"Rows of {file} had been loaded from other files too: {files}."


def _changed(file: Path, load: LoadProgress, options: Sequence[str] = ()) -> str:
    other_options = _other_options(load, options)
    how = f" {other_options}" if other_options else ""
    return f"{file} is not what it was when {load.rows:,} rows of it were loaded, on {_day(load.last)}{how}"


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


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
