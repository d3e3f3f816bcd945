"""Sql: text that contains no byte of a request, with parameters for the values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.errors import Code, GatewayError
from gateway.query import digits
from gateway.query.query import Column
from gateway.store.sql.names import quote
from gateway.strictjson import Json

#: The most places inside JSON that one query may use.
MAX_PLACES = 100


@dataclass(frozen=True, slots=True)
class Sql:
    """A statement. `text` has no byte of a request: names come from the connector, and values are parameters."""

    text: str
    parameters: tuple[Any, ...]


class Parameters:
    """The parameters of a statement under construction, numbered `$1`, `$2`, and so on."""

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._places: list[Column] = []
        self._expressions: list[str] = []
        self._computed: list[str] = []

    @property
    def values(self) -> tuple[Any, ...]:
        """The values, in the order of their numbers."""
        return tuple(self._values)

    def add(self, value: Any) -> str:
        """Add a value, and return the SQL that refers to it."""
        self._values.append(value)
        return f"${len(self._values)}"

    def add_typed(self, value: Json, type: FieldType) -> str:
        """Add a JSON value of a type, and return SQL in its column's type."""
        if value is None:
            return f"CAST(NULL AS {type.sql.column})"
        if type.item is not None:
            items = ", ".join(self.add_typed(item, type.item) for item in value)
            return f"CAST([{items}] AS {type.sql.column})"
        return type.sql.placeholder.format(self.add(type.sql.parameter(value)))

    def column(self, column: Column) -> str:
        """Return the SQL of a column. A place inside JSON is a column of its own, which `source` defines."""
        if not column.path:
            return quote(column.field.name)
        if column not in self._places:
            if len(self._places) == MAX_PLACES:
                message = f"at most {MAX_PLACES} places inside JSON are possible"
                raise GatewayError(Code.QUERY_INVALID, message)
            self._places.append(column)
            self._expressions.append(self._inside(column))
        return f"_p{self._places.index(column)}"

    def computed(self, expression: str) -> str:
        """Return the name of an expression over columns, which `source` defines. PERF: it is planned once."""
        if expression not in self._computed:
            self._computed.append(expression)
        return f"_e{self._computed.index(expression)}"

    def source(self, table: str) -> str:
        """Return the SQL of a table with the places inside JSON and the expressions, once each."""
        return _with(_with(table, "_p", self._expressions), "_e", self._computed)

    def _inside(self, column: Column) -> str:
        """Return the SQL of a place inside JSON, with every digit of its numbers."""
        document = quote(column.field.name)
        if column.field.type.item is not None:
            document = f"CAST({column.field.type.sql.json.format(document)} AS JSON)"
        plain = self._plain_place(document, column)
        return f"CASE WHEN {digits.is_lossy(document)} THEN {self._exact_place(document, column)} ELSE {plain} END"

    def _plain_place(self, document: str, column: Column) -> str:
        for number, step in enumerate(column.path, 1):
            text = column.is_text and number == len(column.path)
            function = "json_extract_string" if text else "json_extract"
            if isinstance(step, str) and step.isdigit():
                # In a pointer the number would also be the index of an array, where a key finds nothing.
                document = f"CASE WHEN json_type({document}) = 'OBJECT' THEN {document} END"
            document = f"{function}({document}, {self._step(step, '')})"
        return document

    def _exact_place(self, document: str, column: Column) -> str:
        """Return the SQL of a place in a document's marked form, see `digits`."""
        document = digits.marked(document)
        for step in column.path:
            document = f"json_extract({document}, {self._step(step, 's')})"
        if not column.is_text:
            return f"CAST({digits.unmarked(document)} AS JSON)"
        found = "json_extract_string(place, '$')"
        text = (
            f"CASE json_type(place) WHEN 'NULL' THEN NULL WHEN 'VARCHAR' THEN substr({found}, 2)"
            f" ELSE {digits.unmarked('place')} END"
        )
        return f"list_transform([{document}], lambda place: {text})[1]"

    def _step(self, step: str | int, mark: str) -> str:
        if isinstance(step, int):
            return f"CAST({self.add(step)} AS BIGINT)"
        return self.key(mark + step)

    def key(self, key: str) -> str:
        """Add the path to a key of a JSON object, and return the SQL that refers to it.

        It is a JSON Pointer (RFC 6901), because DuckDB's own paths have no escape for a quote in a key.
        """
        return f"CAST({self.add('/' + key.replace('~', '~0').replace('/', '~1'))} AS VARCHAR)"


def _with(table: str, prefix: str, expressions: Sequence[str]) -> str:
    columns = [f"{expression} AS {prefix}{number}" for number, expression in enumerate(expressions)]
    return f"(SELECT {', '.join(['*', *columns])} FROM {table})" if columns else table
