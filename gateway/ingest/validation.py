"""Rows to a Batch, or to one error that names every bad row."""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

import jsonschema_rs
import pyarrow as pa

from gateway.connectors import schema
from gateway.connectors.connector import Connector, Field
from gateway.connectors.terms import Allowance
from gateway.errors import Code, GatewayError, nearest
from gateway.ingest.payload import RowError, Rows, shorten
from gateway.store.batch import MAX_LISTED, BadRow, Batch, Key, OnConflict
from gateway.strictjson import Json


@dataclass(frozen=True, slots=True)
class Envelope:
    """What comes with the rows of a batch.

    Attributes:
        received_bytes: The size of the body as it came over the wire.
        token: The name of the token that sent them, or None.
        key: The Idempotency-Key, or None.
        allowance: How many bad rows are kept; None refuses the batch for one.
        reading: How the body is read, as JSON, for bad rows to be read again.
        on_conflict: What becomes of a row whose primary key is there already.
        replaces_all: Whether the rows take the place of all there are.
    """

    received_bytes: int = 0
    token: str | None = None
    key: Key | None = None
    allowance: Allowance | None = None
    reading: str = "{}"
    on_conflict: OnConflict = "reject"
    replaces_all: bool = False


#: The envelope of rows that come with nothing.
BARE = Envelope()


@dataclass(slots=True)
class _Checked:
    """What has been checked of a batch so far."""

    keeps: bool
    received: int = 0
    error_count: int = 0
    tables: list[pa.Table] = dataclasses.field(default_factory=list)
    places: list[pa.Table] = dataclasses.field(default_factory=list)
    errors: list[RowError] = dataclasses.field(default_factory=list)
    texts: dict[int, bytes] = dataclasses.field(default_factory=dict)

    def note(
        self,
        rows: Rows,
        bad: list[tuple[int, str | None]],
        told: Callable[[Rows, tuple[int, str | None]], RowError],
    ) -> None:
        """Note what is wrong with some rows: as much of it as is listed, or all where bad rows are kept."""
        self.error_count += len(rows.errors) + len(bad)
        most = None if self.keeps else MAX_LISTED
        if most and len(self.errors) >= most:
            return
        new = [*rows.errors[:most], *(told(rows, each) for each in bad[:most])]
        self.errors = sorted([*self.errors, *new], key=lambda error: error.row)[:most]
        if self.keeps:
            self.texts |= rows.unread | {rows.numbers[place]: rows.texts[place] for place, _ in bad}

    def kept(self, envelope: Envelope) -> tuple[BadRow, ...]:
        """Give the bad rows, or raise where they may not be kept."""
        if not self.errors:
            return ()
        too_large = any(error.code is Code.BODY_TOO_LARGE for error in self.errors)
        if envelope.allowance is None or too_large:
            raise _rows_invalid(self.errors[:MAX_LISTED], self.error_count, self.received)
        if not envelope.allowance.lets_through(len(self.texts), self.received):
            refused = _rows_invalid(self.errors[:MAX_LISTED], self.error_count, self.received)
            refused.hint = (
                f"{refused.hint}; {len(self.texts)} bad rows are more than keep_at_most {envelope.allowance}"
            )
            raise refused
        by_row: dict[int, list[RowError]] = {}
        for error in self.errors:
            by_row.setdefault(error.row, []).append(error)
        return tuple(
            BadRow(
                row,
                errors[0].line,
                *_text(self.texts[row], envelope.reading, [_listed(each) for each in errors]),
            )
            for row, errors in by_row.items()
        )


def _text(
    raw: bytes, reading: str, errors: list[dict[str, Json]]
) -> tuple[str, tuple[dict[str, Json], ...], str]:
    """Give the text of a bad row, its errors, and how it is read: what is not UTF-8 cannot be read again."""
    try:
        return raw.decode().rstrip("\r\n"), tuple(errors), reading
    except UnicodeDecodeError:
        return raw.decode(errors="backslashreplace").rstrip("\r\n"), tuple(errors), '{"media": null}'


class Validator:
    """A connector's schema, compiled when the first row meets it. Any thread may use it."""

    def __init__(self, connector: Connector) -> None:
        self.schema = schema.build(connector)
        self._connector = connector
        self._aliases = connector.aliases

    @cached_property
    def _compiled(self) -> jsonschema_rs.Validator:
        if not self._aliases:
            return schema.compile_schema(self.schema)
        # Rows come in by the present names of fields, whatever they were sent under.
        fields = tuple(replace(each, renamed_from=None) for each in self._connector.fields)
        return schema.compile_schema(schema.build(replace(self._connector, fields=fields)))

    def check(self, rows: Iterable[Rows], envelope: Envelope = BARE) -> Batch:
        """Check every row and give them as one Batch, with the bad ones beside it where they may be kept.

        Raises:
            GatewayError: Listing the bad rows; none of the others is stored either.
        """
        checked = _Checked(keeps=envelope.allowance is not None)
        for some in rows:
            bad = self._bad_values(some)
            checked.received += len(some.values) + len({error.row for error in some.errors})
            checked.note(some, bad, self._row_error)
            if checked.keeps or not checked.error_count:
                good = some.without({place for place, _ in bad})
                checked.tables.append(self._table(good.values))
                checked.places.append(_places(good))
        bad_rows = checked.kept(envelope)
        table, places = pa.concat_tables(checked.tables), pa.concat_tables(checked.places)
        return Batch(
            self._connector,
            table,
            envelope.received_bytes,
            envelope.token,
            envelope.key,
            bad_rows,
            places if self._connector.primary_key else None,
            envelope.on_conflict,
            replaces_all=envelope.replaces_all,
        )

    def check_values(self, value: Json) -> dict[str, Json]:
        """Check new values of some fields, by which stored rows are to be changed.

        Raises:
            GatewayError: Listing what is wrong with them.
        """
        rows = Rows()
        rows.add(value, 1, None, b"")
        bad = [(place, name) for place, name in self._bad_values_of(rows) if name is None or name in value]
        if bad:
            errors = [self._row_error(rows, each) for each in bad]
            raise _rows_invalid(errors[:MAX_LISTED], len(errors), 1)
        return dict(value)

    def _table(self, values: list[Json]) -> pa.Table:
        arrays = []
        for field in self._connector.fields:
            name, absent = field.name, field.absent_value
            arrays.append(field.type.array([value.get(name, absent) for value in values]))
        return pa.Table.from_arrays(arrays, names=[field.name for field in self._connector.fields])

    # -- what is wrong, which is asked only of rows that are known to be bad

    @cached_property
    def _fields(self) -> dict[str, tuple[Field, jsonschema_rs.Validator]]:
        return {
            field.name: (field, schema.compile_schema(schema.build_field(field)))
            for field in self._connector.fields
        }

    def _bad_values(self, rows: Rows) -> list[tuple[int, str | None]]:
        """Give the bad values: the place of their row among `rows`, and the field; None for the row itself."""
        return [] if all(map(self._compiled.is_valid, rows.values)) else self._bad_values_of(rows)

    def _bad_values_of(self, rows: Rows) -> list[tuple[int, str | None]]:
        is_valid = self._compiled.is_valid
        bad: list[tuple[int, str | None]] = []
        for place, value in enumerate(rows.values):
            if not is_valid(value):
                bad += [(place, name) for name in self._bad_fields(value)]
        return bad

    def _bad_fields(self, value: Json) -> list[str | None]:
        if not isinstance(value, dict):
            return [None]
        bad: list[str | None] = [name for name in value if name not in self._fields]
        for name, (field, compiled) in self._fields.items():
            if not compiled.is_valid(value[name]) if name in value else field.required:
                bad.append(name)
        return bad

    def _row_error(self, rows: Rows, bad: tuple[int, str | None]) -> RowError:
        place, name = bad
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
            guess = nearest(name, self._fields)
            message = f"{shorten(name)} is not a field" + (f"; did you mean '{guess}'?" if guess else "")
            return RowError(number, line, _cut(name), Code.FIELD_UNKNOWN, message, row[name])
        if name not in row:
            return RowError(number, line, name, Code.VALUE_MISSING, "a value is required")
        code, message = _problem(*self._fields[name], row[name])
        return RowError(number, line, name, code, message, row[name])


def _problem(field: Field, compiled: jsonschema_rs.Validator, value: Json) -> tuple[Code, str]:
    """Say what is wrong with a bad value, under the code a client can act on."""
    error = next(compiled.iter_errors(value))
    if value is None:
        return Code.VALUE_MISSING, "null is not allowed; the field is not nullable"
    if not schema.compile_schema(dict(field.type.schema)).is_valid(value):
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        beyond = is_number and error.kind.name in ("minimum", "maximum", "multipleOf")
        code = Code.VALUE_OUT_OF_RANGE if beyond else Code.VALUE_INVALID
        return code, f"{shorten(value)} is not {field.type.expects}{_quotes_hint(field, value)}"
    if "format" in field.constraints and error.kind.name == "pattern":
        return Code.VALUE_REFUSED, f"{shorten(value)} does not satisfy the field's format or pattern"
    if error.kind.name == "enum":
        allowed = ", ".join(shorten(each) for each in field.constraints["enum"])
        return Code.VALUE_REFUSED, _cut(f"{shorten(value)} is not one of {allowed}")
    return Code.VALUE_REFUSED, _cut(error.message)


def _quotes_hint(field: Field, value: Json) -> str:
    if not isinstance(value, str) or field.type.schema.get("type") not in ("number", "integer", "boolean"):
        return ""
    try:
        field.type.literal(value)
    except ValueError:
        return ""
    return "; it is a string, so leave the quotes out"


def _cut(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:299]}…"


def _places(rows: Rows) -> pa.Table:
    """Give the numbers and the lines of rows."""
    return pa.table({"row": pa.array(rows.numbers, pa.int64()), "line": pa.array(rows.lines, pa.int64())})


def _listed(error: RowError) -> dict[str, Json]:
    is_short = error.value is None or len(shorten(error.value)) <= 100
    return {
        "row": error.row,
        "line": error.line,
        "field": error.field,
        "code": error.code.code,
        "message": error.message,
        "value": error.value if is_short else shorten(error.value),
    }


def _rows_invalid(errors: list[RowError], error_count: int, row_count: int) -> GatewayError:
    listed = [_listed(error) for error in errors]
    first = listed[0]
    place = f"row {first['row']}" + (f", line {first['line']}" if first["line"] else "")
    field = f", field '{first['field']}'" if first["field"] else ""
    return GatewayError(
        Code.ROWS_INVALID,
        f"{place}{field}: {first['message']}" + (f" (and {error_count - 1} more)" if error_count > 1 else ""),
        details={"errors": listed, "error_count": error_count, "rows": row_count},
        hint="nothing was stored; mend the rows and send them all again",
    )
