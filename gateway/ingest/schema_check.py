"""The check of rows against their connector's schema, and the errors of invalid rows."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import jsonschema_rs

from gateway.connectors import schema
from gateway.connectors.connector import Connector
from gateway.errors import Code, nearest
from gateway.ingest.excerpts import shorten, shown
from gateway.ingest.field_check import FieldCheck
from gateway.ingest.rows import RowError, Rows
from gateway.strictjson import Json

#: How many unknown names are cached with their nearest field, and the longest such name.
_CACHED_NAMES, _NAME_CHARACTERS_MAX = 1000, 100


@dataclass(frozen=True, slots=True)
class InvalidRow:
    """A decoded row that does not satisfy the schema.

    Attributes:
        place: Its place among the rows that were decoded with it.
        names: The fields with a bad value, and names that are not fields; None stands for the row itself.
    """

    place: int
    names: Sequence[str | None]


class SchemaCheck:
    """Checks the rows of one connector. Any thread may use it."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._aliases = connector.aliases

    @cached_property
    def _compiled(self) -> jsonschema_rs.Validator:
        # Rows have the present names of fields here, also if they were sent under former ones.
        fields = tuple(replace(field, renamed_from=None) for field in self._connector.fields)
        return schema.compile_schema(schema.build(replace(self._connector, fields=fields)))

    @cached_property
    def _nearest(self) -> Callable[[str], str | None]:
        # The rows of a batch repeat the same wrong names.
        return functools.lru_cache(_CACHED_NAMES)(lambda name: nearest(name, self._fields))

    @cached_property
    def _fields(self) -> dict[str, FieldCheck]:
        return {field.name: FieldCheck(field) for field in self._connector.fields}

    def find_bad(self, rows: Rows, is_over: Callable[[], bool]) -> list[InvalidRow]:
        """Find the invalid rows. After each of them the search ends if `is_over` returns true."""
        is_valid = self._compiled.is_valid
        bad: list[InvalidRow] = []
        for place, value in enumerate(rows.values):
            if is_valid(value):
                continue
            read = self.read_strings(value)
            if read is not value and is_valid(read):
                rows.values[place] = read
                continue
            bad.append(InvalidRow(place, self.bad_fields(read)))
            if is_over():
                break
        return bad

    @cached_property
    def _string_readers(self) -> dict[str, Callable[[Json], Json]]:
        types = {field.name: field.type for field in self._connector.fields}
        return {name: type.text.read_strings for name, type in types.items() if type.text.read_strings}

    def read_strings(self, row: Json) -> Json:
        """Return a row in which numbers replace the strings that spell them: the schema accepts only numbers."""
        if not isinstance(row, dict):
            return row
        read = {
            name: reader(row[name])
            for name, reader in self._string_readers.items()
            if isinstance(row.get(name), str | list)
        }
        return {**row, **read} if read else row

    def bad_fields(self, value: Json) -> list[str | None]:
        """Return the fields with a bad value, and names that are not fields; None stands for the row itself."""
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
        """Return the code of a bad value, which costs far less than its whole error."""
        if name is None:
            return Code.VALUE_INVALID
        if name not in self._fields:
            return Code.FIELD_UNKNOWN
        return self._fields[name].code_of(row[name]) if name in row else Code.VALUE_MISSING

    def error_of(self, rows: Rows, place: int, name: str | None) -> RowError:
        """Return the error of a bad value, or of a row as a whole."""
        row, number, line = rows.values[place], rows.numbers[place], rows.lines[place]
        if name is None:
            message = f"{shorten(row)} is not a row; a row is an object of fields and values"
            return RowError(number, line, None, Code.VALUE_INVALID, message, row)
        if name in self._aliases:
            message = f"it is the former name of '{self._aliases[name].name}', which the row names, too"
            return RowError(number, line, name, Code.FIELD_UNKNOWN, message, row[name])
        if name not in self._fields:
            message = f"{shorten(name)} is not a field{self._suggestion(name, row[name])}"
            return RowError(number, line, shown(name), Code.FIELD_UNKNOWN, message, row[name])
        if name not in row:
            return RowError(number, line, name, Code.VALUE_MISSING, "a value is required")
        found = self._fields[name].problem(row[name])
        return RowError(number, line, name, found.code, found.message, found.value, found.item)

    def _suggestion(self, name: str, value: Json) -> str:
        """Return what a name that is not a field probably means, as the end of a sentence."""
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return "; send the list of rows by itself, without an object around it"
        guess = self._nearest(name) if len(name) <= _NAME_CHARACTERS_MAX else None
        return f"; did you mean '{guess}'?" if guess else ""
