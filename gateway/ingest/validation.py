"""Rows to a Batch, or to one error that names every bad row."""

from collections.abc import Iterable, Iterator

import jsonschema_rs
import pyarrow as pa

from gateway.connectors import schema
from gateway.connectors.connector import Connector, Field
from gateway.errors import Code, GatewayError, nearest
from gateway.ingest.payload import RowError, Rows, shorten
from gateway.store.batch import Batch
from gateway.strictjson import Json

#: How many bad values a 422 lists; `error_count` counts them all.
MAX_LISTED = 100


class Validator:
    """A connector's schema, compiled. It holds no state of a request, so any thread may use it."""

    def __init__(self, connector: Connector) -> None:
        self.schema = schema.build(connector)
        self._connector = connector
        self._compiled = schema.compile_schema(self.schema)

    def check(self, rows: Iterable[Rows], *, received_bytes: int = 0, token: str | None = None) -> Batch:
        """Check every row and give them as one Batch.

        Raises:
            GatewayError: Listing the bad rows; none of the others is stored either.
        """
        tables: list[pa.Table] = []
        errors: list[RowError] = []
        error_count = row_count = 0
        for some in rows:
            found = [*some.errors, *self._errors(some)]
            row_count += len(some.values) + len({error.row for error in some.errors})
            error_count += len(found)
            if found and len(errors) < MAX_LISTED:
                errors = sorted([*errors, *found], key=lambda error: error.row)[:MAX_LISTED]
            if not error_count:
                tables.append(self._table(some.values))
        if error_count:
            raise _rows_invalid(errors, error_count, row_count)
        return Batch(self._connector.name, pa.concat_tables(tables), received_bytes, token)

    def _table(self, values: list[Json]) -> pa.Table:
        arrays = []
        for field in self._connector.fields:
            name, absent = field.name, field.absent_value
            arrays.append(field.type.array([value.get(name, absent) for value in values]))
        return pa.Table.from_arrays(arrays, names=[field.name for field in self._connector.fields])

    def _errors(self, rows: Rows) -> Iterator[RowError]:
        is_valid = self._compiled.is_valid
        if all(map(is_valid, rows.values)):
            return
        for value, number, line in zip(rows.values, rows.numbers, rows.lines, strict=True):
            if not is_valid(value):
                yield from self._errors_of(value, number, line)

    def _errors_of(self, value: Json, number: int, line: int | None) -> Iterator[RowError]:
        """Say what is wrong with one row: each field once, under the code a client can act on."""
        if not isinstance(value, dict):
            message = f"{shorten(value)} is not a row; a row is an object of fields and values"
            yield RowError(number, line, None, Code.VALUE_INVALID, message, value)
            return
        for name in (name for name in value if not self._connector.find_field(name)):
            guess = nearest(name, (field.name for field in self._connector.fields))
            message = f"'{name}' is not a field" + (f"; did you mean '{guess}'?" if guess else "")
            yield RowError(number, line, name, Code.FIELD_UNKNOWN, message, value[name])
        for field in self._connector.fields:
            if field.name not in value:
                if field.required:
                    yield RowError(number, line, field.name, Code.VALUE_MISSING, "a value is required")
            elif problem := _problem(field, value[field.name]):
                yield RowError(number, line, field.name, *problem, value[field.name])


def _problem(field: Field, value: Json) -> tuple[Code, str] | None:
    """Say what is wrong with a value, or None. Compiles on the way: for rows that are known to be bad."""
    error = next(_field_errors(field, value), None)
    if error is None:
        return None
    if value is None:
        return Code.VALUE_MISSING, "null is not allowed; the field is not nullable"
    if not schema.compile_schema(dict(field.type.schema)).is_valid(value):
        is_number = isinstance(field.type.schema.get("type"), str) and not isinstance(
            value, str | bool | list | dict
        )
        beyond = is_number and "minimum" in field.type.schema
        code = (
            Code.VALUE_OUT_OF_RANGE if beyond and error.kind.name in _RANGE_KEYWORDS else Code.VALUE_INVALID
        )
        return code, f"{shorten(value)} is not {field.type.expects}"
    if "format" in field.constraints and error.kind.name == "pattern":
        return Code.VALUE_REFUSED, f"{shorten(value)} does not satisfy the field's format or pattern"
    return Code.VALUE_REFUSED, _cut(error.message)


_RANGE_KEYWORDS = ("minimum", "maximum", "multipleOf")


def _field_errors(field: Field, value: Json) -> Iterator[jsonschema_rs.ValidationError]:
    return schema.compile_schema(schema.build_field(field)).iter_errors(value)


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
