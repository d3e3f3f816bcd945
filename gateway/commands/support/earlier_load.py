"""What an earlier load means for a file: where loading begins, or why nothing is stored before the user decides."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from gateway.commands.support.load_target import LoadState
from gateway.plurals import counted
from gateway.rowfile.fingerprint import PrefixMatch
from gateway.rowfile.legacy_progress import LegacyProgress
from gateway.rowfile.progress import LoadProgress, PendingRows

_AGAIN = "--again stores them once more"
_BOTH = "--rest stores what follows them, --again stores all rows"


@dataclass(frozen=True, slots=True)
class EarlierLoad:
    """An earlier load that has rows of the file.

    Attributes:
        load: The load, as far as the gateway still has it.
        present: What the gateway has of it.
        agreement: How many first rows of the file are its rows.
        lost: How many rows of it the gateway has no longer.
        is_same_path: Whether it read the same path.
    """

    load: LoadProgress
    present: LoadState
    agreement: PrefixMatch
    lost: int
    is_same_path: bool


@dataclass(frozen=True, slots=True)
class UploadStart:
    """Where loading begins.

    Attributes:
        rows: So many first rows of the file are stored already.
        load: The load that goes on or is copied from; None for a new one.
        is_new: Whether it gets a record of its own.
        pending: Rows behind `rows` that may be stored, to be sent under the same key.
        notes: What the user is told.
    """

    rows: int = 0
    load: LoadProgress | None = None
    is_new: bool = True
    pending: PendingRows | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overlap:
    """A file, the earlier load that it shares rows with, and what the user has said to do about it."""

    file: Path
    total: int
    earlier: EarlierLoad
    options: tuple[str, ...]
    rest: bool

    def start(self) -> UploadStart:
        """Decide where loading begins.

        Raises:
            click.ClickException: Where the user has to decide.
        """
        earlier, stored = self.earlier, self.earlier.load.rows
        if earlier.agreement.rows < stored:
            return self._diverged()
        if not (earlier.is_same_path or self.rest):
            raise click.ClickException(self._elsewhere())
        notes = []
        if earlier.lost:
            notes.append(
                f"{earlier.lost:,} rows that were loaded on {_day(earlier.load.last)} are not in this store any more"
                " (it was restored, or the connector purged); they are stored again."
            )
        if otherwise := _otherwise(earlier.load, self.options):
            notes.append(f"The rows were loaded {otherwise}.")
        is_new = bool(earlier.lost) or not earlier.is_same_path
        return UploadStart(stored, earlier.load, is_new, self._pending(), tuple(notes))

    def _pending(self) -> PendingRows | None:
        pending, agreed = self.earlier.load.pending, self.earlier.agreement.rows
        if pending is None or (self.rest and (agreed < pending.until or pending.is_too_old)):
            return None
        why = None
        if agreed < pending.until:
            why = "they are not what they were"
        elif pending.is_too_old:
            why = "the gateway may have forgotten it"
        if why:
            message = (
                f"rows {self.earlier.load.rows + 1:,} to {pending.until:,} of {self.file} were sent on"
                f" {_day(pending.at)} without an answer, and may be stored; {why} now; nothing was stored"
            )
            raise click.ClickException(
                f"{message}. Look which rows are there: --rest stores these and what follows, --again stores all rows"
            )
        return pending

    def _elsewhere(self) -> str:
        """Say that another file had these rows, and perhaps fewer."""
        stored, load = self.earlier.load.rows, self.earlier.load
        whose = f"those of {load.file}, stored on {_day(load.last)}"
        if self.total == stored:
            return f"the {counted(stored, 'row')} of {self.file} {_are(stored)} {whose}; nothing was stored. {_AGAIN}"
        return f"the first {counted(stored, 'row')} of {self.file} {_are(stored)} {whose}; nothing was stored. {_BOTH}"

    def _diverged(self) -> UploadStart:
        """Go on behind the rows that are the same, where that was asked for."""
        load, agreed, is_exact = (
            self.earlier.load,
            self.earlier.agreement.rows,
            self.earlier.agreement.is_exact,
        )
        is_start = agreed == self.total
        if self.rest and not is_start:
            note = f"the first {counted(agreed, 'row')} {_are(agreed)} stored already, since {_day(load.last)}; those behind them follow."
            return UploadStart(agreed, load.until(agreed), is_new=True, notes=(note,))
        same = f"{'' if is_exact else 'at least '}the first {counted(agreed, 'row')}"
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
    """Say that a file begins with another row than when it was loaded, and has many of the same ones."""
    if otherwise := _otherwise(load, options):
        message = f"{load.rows:,} rows of {file} were loaded on {_day(load.last)} {otherwise}"
        return click.ClickException(
            f"{message}; nothing was stored. Type the options as they were; --again stores all rows as they are"
            " read now"
        )
    message = (
        f"{_changed(file, load)}: its header or its first row is another, and about {share:.0%} of its rows are"
        " the same"
    )
    return click.ClickException(
        f"{message}; nothing was stored. Put the rows back as they were, or load the new ones from a file of"
        " their own; --again stores all rows"
    )


def unreadable(file: Path, old: LegacyProgress, *, is_same: bool) -> click.ClickException:
    """Say that a record of gateway 0.1 cannot be gone on with."""
    what = f"{old.rows:,} rows of {file} were loaded by gateway 0.1 on {_day(old.at)} ({old.path} says so)"
    why = (
        "a batch behind them was sent without an answer"
        if is_same
        else "the file does not begin with them now"
    )
    hint = _BOTH if is_same else "--again stores all rows"
    return click.ClickException(f"{what}, and {why}; nothing was stored. {hint}")


def adopted(file: Path, old: LegacyProgress) -> str:
    """Say that a record of gateway 0.1 is believed."""
    return (
        f"The first {counted(old.rows, 'row')} of {file} were loaded by gateway 0.1 on {_day(old.at)}, says {old.path};"
        " whether they are in this store is not known. --again stores all rows."
    )


def similar(file: Path, loads: Sequence[tuple[LoadProgress, float]]) -> str:
    """Say that rows which were stored now were also in other files."""
    told = ", ".join(f"about {share:.0%} in {load.file} ({_day(load.last)})" for load, share in loads)
    return f"Rows of {file} had been loaded from other files too: {told}."


def _changed(file: Path, load: LoadProgress, options: Sequence[str] = ()) -> str:
    otherwise = _otherwise(load, options)
    how = f" {otherwise}" if otherwise else ""
    return f"{file} is not what it was when {load.rows:,} rows of it were loaded, on {_day(load.last)}{how}"


def _otherwise(load: LoadProgress, options: Sequence[str]) -> str:
    """Say which options a load had and which are typed now; nothing where they are the same, or not known."""
    if load.options is None or sorted(_pairs(load.options)) == sorted(_pairs(options)):
        return ""
    then, now = (" ".join(_pairs(each)) or "none" for each in (load.options, options))
    return f"with other options (then: {then}; now: {now})"


def _pairs(options: Sequence[str]) -> list[str]:
    return [shlex.join(options[place : place + 2]) for place in range(0, len(options), 2)]


def _are(rows: int) -> str:
    return "is" if rows == 1 else "are"


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
