"""Rows to a Batch, or to one error that names every bad row."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import jsonschema_rs
import pyarrow as pa

from gateway import strictjson
from gateway.connectors import schema
from gateway.connectors.connector import Connector
from gateway.errors import Code, GatewayError, nearest
from gateway.ingest.columnar import Columnar, Columns
from gateway.ingest.decoding import UNREADABLE, without_end
from gateway.ingest.envelope import BARE, Envelope
from gateway.ingest.field_check import FieldCheck
from gateway.ingest.row_errors import listed, rows_invalid, stored_form, values_invalid
from gateway.ingest.rows import RowError, Rows, shorten, shown
from gateway.request_context import never_left
from gateway.store.batch import MAX_LISTED, BadRow, Batch, Few, joined
from gateway.strictjson import Json

#: How many bytes of bad rows one batch may leave, with all that is wrong with them.
MAX_KEPT_BYTES = 32 * 2**20
#: How many errors of a batch are explained where its bad rows are kept. Of the others the field and the code are kept.
MAX_EXPLAINED = 10_000

#: So many rows, of so much text, become a table only where they are stored, together with those of others.
FEW_ROWS, FEW_BYTES = 100, 4096


#: How many names are remembered with the fields that they are likely slips of, and how long such names are.
_REMEMBERED, _LONGEST_NAME = 1000, 100


@dataclass(frozen=True, slots=True)
class _Bad:
    """A decoded row that does not satisfy the schema.

    Attributes:
        place: Its place among the rows that were decoded with it.
        names: The fields with a bad value, and names that are no field; None stands for the row itself.
    """

    place: int
    names: Sequence[str | None]


class _Checked:
    """What has been checked of a batch so far."""

    def __init__(self, envelope: Envelope, validator: "Validator") -> None:
        self._envelope = envelope
        self._validator = validator
        #: Whether bad rows are kept: until there are more of them than may be.
        self.keeps = envelope.allowance is not None
        self.received = self.error_count = 0
        self.rows: list[Few | pa.Table] = []
        self.places: list[pa.Table] = []
        self._listed: list[RowError] = []
        #: The codes of all errors; more than two are not looked for.
        self._codes: set[Code] = set()
        self._bad_rows = self._size = self._explained = 0
        self._kept: list[BadRow] = []

    @property
    def is_refused(self) -> bool:
        """Whether nothing will be stored."""
        return bool(self.error_count) and not self.keeps

    def add(self, rows: Rows, bad: Sequence[_Bad]) -> set[int]:
        """Note what is wrong with some rows; gives the places of the bad ones among those that were decoded."""
        self.received += len(rows.values) + len(rows.unread)
        if not bad and not rows.errors:
            return set()
        self.error_count += len(rows.errors) + sum(len(each.names) for each in bad)
        self._bad_rows += len(rows.unread) + len(bad)
        if self.keeps or len(self._listed) < MAX_LISTED:
            self._note(rows, bad)
        if self.keeps:  # PERF: the codes of errors that are kept have been noted with them.
            more = [_Bad(each.place, each.names[MAX_LISTED:]) for each in bad if len(each.names) > MAX_LISTED]
            self._note_codes(rows, more)
        else:
            self._note_codes(rows, bad)
        return {each.place for each in bad}

    def _note_codes(self, rows: Rows, bad: Sequence[_Bad]) -> None:
        """Look at errors until two have different codes."""
        own = (self._validator.code_of(rows.values[each.place], name) for each in bad for name in each.names)
        for code in itertools.chain((error.code for error in rows.errors), own):
            if len(self._codes) > 1:
                return
            self._codes.add(code)

    def _note(self, rows: Rows, bad: Sequence[_Bad]) -> None:
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

    def _errors_by_row(self, rows: Rows, bad: Sequence[_Bad]) -> Iterator[tuple[Iterator[RowError], bytes]]:
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
            code = self._validator.code_of(rows.values[place], name)
            number, line = rows.numbers[place], rows.lines[place]
            return RowError(number, line, shown(name), code, code.title, is_explained=False)
        self._explained += 1
        return self._validator.error_of(rows, place, name)

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
            return tuple(self._kept), tuple(listed(error) for error in self._listed)
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


class Validator:
    """A connector's schema, compiled when the first row meets it. Any thread may use it."""

    def __init__(self, connector: Connector) -> None:
        self.columnar = Columnar(connector)
        self.connector = connector
        self._aliases = connector.aliases

    @cached_property
    def published(self) -> dict[str, Json]:
        """The schema of a row, for others."""
        return schema.publish(self.connector)

    @cached_property
    def _compiled(self) -> jsonschema_rs.Validator:
        # Rows come in by the present names of fields, whatever they were sent under.
        fields = tuple(replace(each, renamed_from=None) for each in self.connector.fields)
        return schema.compile_schema(schema.build(replace(self.connector, fields=fields)))

    def check(
        self, rows: Iterable[Rows], envelope: Envelope = BARE, has_left: Callable[[], bool] = never_left
    ) -> Batch:
        """Check every row and give them as one Batch, with the bad ones beside it where they may be kept.

        `has_left` tells whether the client has left. Then rows that are refused are not looked at any further, for
        nobody reads what is wrong with them.

        Raises:
            GatewayError: Listing the bad rows; none of the others is stored either.
        """
        checked = _Checked(envelope, self)
        named = envelope.named
        for some in rows:
            bad_places = checked.add(some, self._bad_rows(some, lambda: not checked.keeps and has_left()))
            if checked.is_refused and has_left():
                break
            if checked.keeps or not checked.error_count:
                good = some.without(bad_places)
                if envelope.on_conflict == "merge" and envelope.named is None:
                    named = _named_alike(good, named)
                few = Few(self.connector, good.values, sum(map(len, good.texts)))
                are_few = few.num_rows <= FEW_ROWS and few.nbytes <= FEW_BYTES
                checked.rows.append(few if are_few else few.table)
                if self.connector.primary_key:
                    checked.places.append(_places(good))
        bad_rows, errors = checked.kept()
        return Batch(
            self.connector,
            checked.rows[0] if len(checked.rows) == 1 else joined(checked.rows),
            envelope.received_bytes,
            envelope.token,
            envelope.key,
            bad_rows,
            errors,
            checked.error_count,
            pa.concat_tables(checked.places) if checked.places else None,
            envelope.on_conflict,
            named or frozenset(),
            envelope.replaces_all,
        )

    def take(self, columns: Columns, envelope: Envelope = BARE) -> Batch:
        """Give rows that were checked as columns as one Batch; they are not merged."""
        return Batch(
            self.connector,
            columns.table,
            envelope.received_bytes,
            envelope.token,
            envelope.key,
            places=_numbered(columns) if self.connector.primary_key else None,
            on_conflict=envelope.on_conflict,
            replaces_all=envelope.replaces_all,
        )

    def check_values(self, value: Json) -> dict[str, Json]:
        """Check new values of some fields, by which stored rows are to be changed.

        Raises:
            GatewayError: Listing what is wrong with them.
        """
        rows = Rows()
        rows.add(value, 1, None, b"")
        read = self._read_strings(value)
        bad = [name for name in self._bad_fields(read) if name is None or name in value]
        if bad:
            errors = [self.error_of(rows, 0, name) for name in bad[:MAX_LISTED]]
            raise values_invalid(errors, {self.code_of(value, name) for name in bad}, len(bad))
        return dict(read)

    # -- what is wrong, which is asked only of rows that are known to be bad

    @cached_property
    def _nearest(self) -> Callable[[str], str | None]:
        # Rows that come together have the same names, and the same slips.
        return functools.lru_cache(_REMEMBERED)(lambda name: nearest(name, self._fields))

    @cached_property
    def _fields(self) -> dict[str, FieldCheck]:
        return {field.name: FieldCheck(field) for field in self.connector.fields}

    def _bad_rows(self, rows: Rows, is_over: Callable[[], bool]) -> list[_Bad]:
        """Find the bad rows; the first of them alone, at least, where `is_over` says that no more are wanted."""
        is_valid = self._compiled.is_valid
        bad: list[_Bad] = []
        for place, value in enumerate(rows.values):
            if is_valid(value):
                continue
            read = self._read_strings(value)
            if read is not value and is_valid(read):
                rows.values[place] = read
                continue
            bad.append(_Bad(place, self._bad_fields(read)))
            if is_over():
                break
        return bad

    @cached_property
    def _string_readers(self) -> dict[str, Callable[[Json], Json]]:
        types = {field.name: field.type for field in self.connector.fields}
        return {name: type.read_strings for name, type in types.items() if type.read_strings}

    def _read_strings(self, row: Json) -> Json:
        """Give a row with numbers in the place of the strings that spell them; the schema is about those alone."""
        if not isinstance(row, dict):
            return row
        read = {
            name: reader(row[name])
            for name, reader in self._string_readers.items()
            if isinstance(row.get(name), str | list)
        }
        return {**row, **read} if read else row

    def _bad_fields(self, value: Json) -> list[str | None]:
        if not isinstance(value, dict):
            return [None]
        bad: list[str | None] = [name for name in value if name not in self._fields]
        if bad and self._compiled.is_valid(
            {name: each for name, each in value.items() if name in self._fields}
        ):
            return bad
        for name, check in self._fields.items():
            if not check.is_valid(value[name]) if name in value else check.field.required:
                bad.append(name)
        return bad

    def code_of(self, row: Json, name: str | None) -> Code:
        """Give the code of a bad value, which costs far less than its whole error."""
        if name is None:
            return Code.VALUE_INVALID
        if name not in self._fields:
            return Code.FIELD_UNKNOWN
        return self._fields[name].code_of(row[name]) if name in row else Code.VALUE_MISSING

    def error_of(self, rows: Rows, place: int, name: str | None) -> RowError:
        """Say what is wrong with a bad value, or with a row as a whole."""
        row, number, line = rows.values[place], rows.numbers[place], rows.lines[place]
        if name is None:
            message = f"{shorten(row)} is not a row; a row is an object of fields and values"
            return RowError(number, line, None, Code.VALUE_INVALID, message, row)
        if name in self._aliases:
            message = (
                f"it is what '{self._aliases[name].name}' was called before, which the row names as well"
            )
            return RowError(number, line, name, Code.FIELD_UNKNOWN, message, row[name])
        if name not in self._fields:
            message = f"{shorten(name)} is not a field{self._meant(name, row[name])}"
            return RowError(number, line, shown(name), Code.FIELD_UNKNOWN, message, row[name])
        if name not in row:
            return RowError(number, line, name, Code.VALUE_MISSING, "a value is required")
        found = self._fields[name].problem(row[name])
        return RowError(number, line, name, found.code, found.message, found.value, found.item)

    def _meant(self, name: str, value: Json) -> str:
        """Say what a name that is no field is meant to be, as the end of a sentence."""
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return "; send the list of rows by itself, without an object around it"
        guess = self._nearest(name) if len(name) <= _LONGEST_NAME else None
        return f"; did you mean '{guess}'?" if guess else ""


def _named_alike(rows: Rows, named: frozenset[str] | None) -> frozenset[str] | None:
    """Require rows that all name the same fields: what others hold is kept where they are merged.

    Raises:
        GatewayError: As upstream has it, where they do not.
    """
    for value in rows.values:
        own = frozenset(value)
        named = own if named is None else named
        if own != named:
            hint = "name the same fields in every row, or say which with columns=a,b"
            raise GatewayError(Code.BODY_INVALID, "All object keys must match", hint=hint)
    return named


def _places(rows: Rows) -> pa.Table:
    """Give the numbers and the lines of rows."""
    return pa.table({"row": pa.array(rows.numbers, pa.int64()), "line": pa.array(rows.lines, pa.int64())})


def _numbered(columns: Columns) -> pa.Table:
    """Give the places of the rows of a whole body."""
    numbers = pa.arange(1, columns.table.num_rows + 1)
    lines = numbers if columns.has_lines else pa.nulls(len(numbers), pa.int64())
    return pa.table({"row": numbers, "line": lines})
