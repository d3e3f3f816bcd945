"""The errors of a batch: those that the response lists, and the rejected rows that are stored with the good ones."""

import functools
import itertools
from collections.abc import Iterator, Sequence

from gateway import strictjson
from gateway.errors import Code
from gateway.ingest.decoding import UNDECODABLE, without_end
from gateway.ingest.envelope import Envelope
from gateway.ingest.excerpts import shown
from gateway.ingest.row_errors import listed_form, rows_invalid, stored_form
from gateway.ingest.rows import RowError, Rows
from gateway.ingest.schema_check import InvalidRow, SchemaCheck
from gateway.plurals import rows_are
from gateway.store.batch import MAX_LISTED, BadRow
from gateway.strictjson import Json

#: The most bytes of rejected rows, with their errors, that one batch may store.
KEPT_BYTES_MAX = 32 * 2**20
#: How many errors of rejected rows are explained. The others keep only their field and code.
EXPLAINED_ERRORS_MAX = 10_000


class ErrorCollector:
    """Collects the errors of a batch and its rejected rows. One thread at a time."""

    def __init__(self, envelope: Envelope, check: SchemaCheck) -> None:
        self._envelope = envelope
        self._check = check
        #: Whether bad rows are kept; false as soon as there are too many of them.
        self.can_keep = envelope.allowance is not None
        self.received = self.error_count = 0
        self._listed: list[RowError] = []
        #: The codes of the errors; it ends with the second code.
        self._codes: set[Code] = set()
        self._bad_rows = self._size = self._explained = 0
        self._kept: list[BadRow] = []

    def add(self, rows: Rows, bad: Sequence[InvalidRow]) -> set[int] | None:
        """Add the errors of a chunk of rows.

        Returns:
            The places of the bad rows among the decoded; None if the whole batch is rejected.
        """
        self.received += len(rows.values) + len(rows.undecodable)
        if bad or rows.errors:
            self._add_errors(rows, bad)
        return None if self.error_count and not self.can_keep else {row.place for row in bad}

    def _add_errors(self, rows: Rows, bad: Sequence[InvalidRow]) -> None:
        self.error_count += len(rows.errors) + sum(len(row.names) for row in bad)
        self._bad_rows += len(rows.undecodable) + len(bad)
        if self.can_keep or len(self._listed) < MAX_LISTED:
            self._note(rows, bad)
        if self.can_keep:  # PERF: `_note` has already collected the codes of the errors that are kept.
            more = [
                InvalidRow(row.place, row.names[MAX_LISTED:]) for row in bad if len(row.names) > MAX_LISTED
            ]
            self._note_codes(rows, more)
        else:
            self._note_codes(rows, bad)

    def _note_codes(self, rows: Rows, bad: Sequence[InvalidRow]) -> None:
        """Collect codes until two are different."""
        codes = (self._check.code_of(rows.values[row.place], name) for row in bad for name in row.names)
        for code in itertools.chain((error.code for error in rows.errors), codes):
            if len(self._codes) > 1:
                return
            self._codes.add(code)

    def _note(self, rows: Rows, bad: Sequence[InvalidRow]) -> None:
        """Explain the errors that are listed, and those that are kept with each rejected row."""
        listed: list[RowError] = []
        for found, text in self._errors_by_row(rows, bad):
            if not self.can_keep and len(listed) >= MAX_LISTED:
                break
            errors = list(itertools.islice(found, MAX_LISTED if self.can_keep else MAX_LISTED - len(listed)))
            listed += errors[: MAX_LISTED - len(listed)]
            if self.can_keep:
                self._codes.update(error.code for error in errors)
                self._keep(errors, text)
        both = sorted([*self._listed, *listed], key=lambda error: error.row)
        self._listed = both[:MAX_LISTED]

    def _errors_by_row(
        self, rows: Rows, bad: Sequence[InvalidRow]
    ) -> Iterator[tuple[Iterator[RowError], bytes]]:
        """Yield the errors of each bad row, computed lazily, and its text, in the order of the rows."""
        undecodable = {error.row: error for error in rows.errors}
        decoded = {rows.numbers[row.place]: row for row in bad}
        for number in sorted({*undecodable, *decoded}):
            if number in undecodable:
                yield iter([undecodable[number]]), rows.undecodable[number]
            else:
                place = decoded[number].place
                found = (self._error_of(rows, place, name) for name in decoded[number].names)
                yield found, rows.texts[place]

    def _error_of(self, rows: Rows, place: int, name: str | None) -> RowError:
        """Return an error; after many errors only its field and code."""
        if self._explained >= EXPLAINED_ERRORS_MAX:
            code = self._check.code_of(rows.values[place], name)
            number, line = rows.numbers[place], rows.lines[place]
            return RowError(number, line, shown(name), code, code.title, is_explained=False)
        self._explained += 1
        return self._check.error_of(rows, place, name)

    def _keep(self, errors: list[RowError], text: bytes) -> None:
        """Keep a bad row, or drop all kept rows if they are too many or too large."""
        bad = _bad_row(text, self._decoding, errors)
        self._size += bad.size
        allowance = self._envelope.allowance
        is_too_large = any(error.code is Code.BODY_TOO_LARGE for error in errors)
        is_one_too_many = (
            allowance is not None and allowance.rows is not None and len(self._kept) >= allowance.rows
        )
        if is_too_large or is_one_too_many or self._size > KEPT_BYTES_MAX:
            self.can_keep = False
            self._kept.clear()
        else:
            self._kept.append(bad)

    @functools.cached_property
    def _decoding(self) -> str:
        return self._envelope.decoding_of_body()

    def kept(self) -> tuple[tuple[BadRow, ...], tuple[dict[str, Json], ...]]:
        """Return the rejected rows and their listed errors.

        Raises:
            GatewayError: The bad rows reject the whole batch.
        """
        if not self.error_count:
            return (), ()
        allowance = self._envelope.allowance
        if allowance is not None and not allowance.permits(self._bad_rows, self.received):
            why = f"{rows_are(self._bad_rows, noun='bad row')} more than keep_at_most {allowance}"
        elif allowance is not None and not self.can_keep:
            why = f"{rows_are(self._bad_rows, noun='bad row')} more, or larger, than can be kept; send smaller batches"
        elif allowance is not None:
            return tuple(self._kept), tuple(listed_form(error) for error in self._listed)
        else:
            why = ""
        counts = (self.error_count, self._bad_rows, self.received)
        rejection = rows_invalid(self._listed, self._codes, *counts)
        rejection.hint = f"{rejection.hint}; {why}" if why else rejection.hint
        raise rejection


def _bad_row(text: bytes, decoding: str, errors: list[RowError]) -> BadRow:
    """Return a bad row as it is stored; a row that is not UTF-8 cannot be decoded again."""
    try:
        raw = text.decode()
    except UnicodeDecodeError:
        raw, decoding = text.decode(errors="backslashreplace"), UNDECODABLE
    encoded = strictjson.write([stored_form(error) for error in errors]).decode()
    return BadRow(errors[0].row, errors[0].line, without_end(raw), encoded, decoding)
