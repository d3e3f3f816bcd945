"""Errors of a batch: those that a response lists, and the bad rows that are kept beside the good ones."""

import itertools
from collections.abc import Iterator, Sequence

from gateway import strictjson
from gateway.errors import Code
from gateway.ingest.decoding import UNREADABLE, without_end
from gateway.ingest.envelope import Envelope
from gateway.ingest.row_check import InvalidRow, RowCheck
from gateway.ingest.row_errors import listed_form, rows_invalid, stored_form
from gateway.ingest.rows import RowError, Rows, shown
from gateway.store.batch import MAX_LISTED, BadRow
from gateway.strictjson import Json

#: How many bytes of bad rows one batch may leave, with all that is wrong with them.
MAX_KEPT_BYTES = 32 * 2**20
#: How many errors of a batch are explained where its bad rows are kept. Of the others the field and the code are kept.
MAX_EXPLAINED = 10_000


class ErrorCollector:
    """What is wrong with the rows of a batch, and which bad rows are kept. One thread at a time."""

    def __init__(self, envelope: Envelope, check: RowCheck) -> None:
        self._envelope = envelope
        self._check = check
        #: Whether bad rows are kept: until there are more of them than may be.
        self.keeps = envelope.allowance is not None
        self.received = self.error_count = 0
        self._listed: list[RowError] = []
        #: The codes of all errors; more than two are not looked for.
        self._codes: set[Code] = set()
        self._bad_rows = self._size = self._explained = 0
        self._kept: list[BadRow] = []

    @property
    def is_refused(self) -> bool:
        """Whether nothing will be stored."""
        return bool(self.error_count) and not self.keeps

    def add(self, rows: Rows, bad: Sequence[InvalidRow]) -> set[int]:
        """Note what is wrong with some rows; gives the places of the bad ones among those that were decoded."""
        self.received += len(rows.values) + len(rows.unread)
        if not bad and not rows.errors:
            return set()
        self.error_count += len(rows.errors) + sum(len(each.names) for each in bad)
        self._bad_rows += len(rows.unread) + len(bad)
        if self.keeps or len(self._listed) < MAX_LISTED:
            self._note(rows, bad)
        if self.keeps:  # PERF: the codes of errors that are kept have been noted with them.
            more = [
                InvalidRow(each.place, each.names[MAX_LISTED:])
                for each in bad
                if len(each.names) > MAX_LISTED
            ]
            self._note_codes(rows, more)
        else:
            self._note_codes(rows, bad)
        return {each.place for each in bad}

    def _note_codes(self, rows: Rows, bad: Sequence[InvalidRow]) -> None:
        """Look at errors until two have different codes."""
        own = (self._check.code_of(rows.values[each.place], name) for each in bad for name in each.names)
        for code in itertools.chain((error.code for error in rows.errors), own):
            if len(self._codes) > 1:
                return
            self._codes.add(code)

    def _note(self, rows: Rows, bad: Sequence[InvalidRow]) -> None:
        """Work out as many errors as are listed, and of each row that is kept those that are kept with it."""
        listed: list[RowError] = []
        for found, text in self._errors_by_row(rows, bad):
            if not self.keeps and len(listed) >= MAX_LISTED:
                break
            errors = list(itertools.islice(found, MAX_LISTED if self.keeps else MAX_LISTED - len(listed)))
            listed += errors[: MAX_LISTED - len(listed)]
            if self.keeps:
                self._codes.update(error.code for error in errors)
                self._keep(errors, text)
        both = sorted([*self._listed, *listed], key=lambda error: error.row)
        self._listed = both[:MAX_LISTED]

    def _errors_by_row(
        self, rows: Rows, bad: Sequence[InvalidRow]
    ) -> Iterator[tuple[Iterator[RowError], bytes]]:
        """Give the errors of each bad row, each worked out when it is asked for, and its text, in the rows' order."""
        unread = {error.row: error for error in rows.errors}
        read = {rows.numbers[each.place]: each for each in bad}
        for number in sorted({*unread, *read}):
            if number in unread:
                yield iter([unread[number]]), rows.unread[number]
            else:
                place = read[number].place
                found = (self._error_of(rows, place, name) for name in read[number].names)
                yield found, rows.texts[place]

    def _error_of(self, rows: Rows, place: int, name: str | None) -> RowError:
        """Explain an error, or only give its code where many have been explained."""
        if self._explained >= MAX_EXPLAINED:
            code = self._check.code_of(rows.values[place], name)
            number, line = rows.numbers[place], rows.lines[place]
            return RowError(number, line, shown(name), code, code.title, is_explained=False)
        self._explained += 1
        return self._check.error_of(rows, place, name)

    def _keep(self, errors: list[RowError], text: bytes) -> None:
        """Keep a bad row, or give up all of them where they are too many, or too large to be kept."""
        bad = _bad_row(text, self._envelope.reading, errors)
        self._size += bad.size
        allowance = self._envelope.allowance
        is_too_large = any(error.code is Code.BODY_TOO_LARGE for error in errors)
        is_one_too_many = (
            allowance is not None and allowance.rows is not None and len(self._kept) >= allowance.rows
        )
        if is_too_large or is_one_too_many or self._size > MAX_KEPT_BYTES:
            self.keeps = False
            self._kept.clear()
        else:
            self._kept.append(bad)

    def kept(self) -> tuple[tuple[BadRow, ...], tuple[dict[str, Json], ...]]:
        """Give the bad rows and what is listed of their errors, or raise where they may not be kept."""
        if not self.error_count:
            return (), ()
        allowance = self._envelope.allowance
        if allowance is not None and not allowance.lets_through(self._bad_rows, self.received):
            why = f"{self._bad_rows} bad rows are more than keep_at_most {allowance}"
        elif allowance is not None and not self.keeps:
            why = f"{self._bad_rows} bad rows are more, or larger, than can be kept; send smaller batches"
        elif allowance is not None:
            return tuple(self._kept), tuple(listed_form(error) for error in self._listed)
        else:
            why = ""
        counts = (self.error_count, self._bad_rows, self.received)
        refused = rows_invalid(self._listed, self._codes, *counts)
        refused.hint = f"{refused.hint}; {why}" if why else refused.hint
        raise refused


def _bad_row(text: bytes, reading: str, errors: list[RowError]) -> BadRow:
    """Give a bad row as it is kept; what is not UTF-8 cannot be read again."""
    try:
        raw = text.decode()
    except UnicodeDecodeError:
        raw, reading = text.decode(errors="backslashreplace"), UNREADABLE
    told = strictjson.write([stored_form(error) for error in errors]).decode()
    return BadRow(errors[0].row, errors[0].line, without_end(raw), told, reading)
