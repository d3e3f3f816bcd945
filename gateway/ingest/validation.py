"""Rows to a Batch, or to one error that names every bad row."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from functools import cached_property

import jsonschema_rs
import pyarrow as pa

from gateway.connectors import schema
from gateway.connectors.connector import Connector, Field
from gateway.errors import Code, GatewayError, nearest
from gateway.ingest.payload import RowError, Rows, shorten
from gateway.store.batch import Batch, Key
from gateway.strictjson import Json

#: How many bad values a 422 lists; `error_count` counts them all.
MAX_LISTED = 100


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

    def check(
        self,
        rows: Iterable[Rows],
        *,
        received_bytes: int = 0,
        token: str | None = None,
        key: Key | None = None,
    ) -> Batch:
        """Check every row and give them as one Batch.

        Raises:
            GatewayError: Listing the bad rows; none of the others is stored either.
        """
        tables: list[pa.Table] = []
        listed: list[RowError] = []
        error_count = row_count = 0
        for some in rows:
            row_count += len(some.values) + len({error.row for error in some.errors})
            bad = self._bad_values(some)
            if not (some.errors or bad or error_count):
                tables.append(self._table(some.values))
                continue
            error_count += len(some.errors) + len(bad)
            if len(listed) < MAX_LISTED:
                told = [
                    *some.errors[:MAX_LISTED],
                    *(self._row_error(some, each) for each in bad[:MAX_LISTED]),
                ]
                listed = sorted([*listed, *told], key=lambda error: error.row)[:MAX_LISTED]
        if error_count:
            raise _rows_invalid(listed, error_count, row_count)
        name, revision = self._connector.name, self._connector.revision
        return Batch(name, revision, pa.concat_tables(tables), received_bytes, token, key)

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
        is_valid = self._compiled.is_valid
        if all(map(is_valid, rows.values)):
            return []
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


def _rows_invalid(errors: list[RowError], error_count: int, row_count: int) -> GatewayError:
    listed = [
        {
            "row": error.row,
            "line": error.line,
            "field": error.field,
            "code": error.code.code,
            "message": error.message,
            "value": error.value
            if error.value is None or len(shorten(error.value)) <= 100
            else shorten(error.value),
        }
        for error in errors
    ]
    first = listed[0]
    place = f"row {first['row']}" + (f", line {first['line']}" if first["line"] else "")
    field = f", field '{first['field']}'" if first["field"] else ""
    return GatewayError(
        Code.ROWS_INVALID,
        f"{place}{field}: {first['message']}" + (f" (and {error_count - 1} more)" if error_count > 1 else ""),
        details={"errors": listed, "error_count": error_count, "rows": row_count},
        hint="nothing was stored; mend the rows and send them all again",
    )
