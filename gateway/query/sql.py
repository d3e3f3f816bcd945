"""Sql: text made of the gateway's own words, and the values that go beside it."""

from dataclasses import dataclass
from typing import Any

from gateway.connectors.fieldtypes import FieldType
from gateway.errors import Code, GatewayError
from gateway.query.query import Column
from gateway.store.database import quote
from gateway.strictjson import Json

#: How many places inside JSON one query may look at.
MAX_PLACES = 100


@dataclass(frozen=True, slots=True)
class Sql:
    """A statement. No byte of a request is in `text`: names come from the connector, values are parameters."""

    text: str
    parameters: tuple[Any, ...]


class Parameters:
    """The values of one statement under construction, numbered `$1`, `$2` and so on."""

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._places: list[Column] = []
        self._expressions: list[str] = []

    @property
    def values(self) -> tuple[Any, ...]:
        """The values, in the order of their numbers."""
        return tuple(self._values)

    def add(self, value: Any) -> str:
        """Add a value and give the SQL that stands for it."""
        self._values.append(value)
        return f"${len(self._values)}"

    def typed(self, value: Json, type: FieldType) -> str:
        """Add a JSON value of a type, as SQL of its column's type."""
        if value is None:
            return f"CAST(NULL AS {type.column})"
        if type.item is not None:
            items = ", ".join(self.typed(each, type.item) for each in value)
            return f"CAST([{items}] AS {type.column})"
        return type.placeholder.format(self.add(type.operand(value)))

    def column(self, column: Column) -> str:
        """Give the SQL of a column. A place inside JSON is a column of its own, which `source` defines."""
        if not column.path:
            return quote(column.field.name)
        if column not in self._places:
            if len(self._places) == MAX_PLACES:
                message = f"at most {MAX_PLACES} places inside JSON are looked at"
                raise GatewayError(Code.QUERY_INVALID, message)
            self._places.append(column)
            self._expressions.append(self._inside(column))
        return f"_p{self._places.index(column)}"

    def source(self, table: str) -> str:
        """Give the SQL of a table with the places inside JSON that are asked for, once each."""
        places = [f"{expression} AS _p{number}" for number, expression in enumerate(self._expressions)]
        return f"(SELECT {', '.join(['*', *places])} FROM {table})" if places else table

    def _inside(self, column: Column) -> str:
        expression = quote(column.field.name)
        if column.field.type.item is not None:
            expression = f"CAST({column.field.type.json.format(expression)} AS JSON)"
        for number, step in enumerate(column.path, 1):
            text = column.as_text and number == len(column.path)
            function = "json_extract_string" if text else "json_extract"
            if isinstance(step, str) and step.isdigit():
                # A pointer's number would count into an array, too, where a key finds nothing.
                expression = f"CASE WHEN json_type({expression}) = 'OBJECT' THEN {expression} END"
            expression = f"{function}({expression}, {self._step(step)})"
        return expression

    def _step(self, step: str | int) -> str:
        if isinstance(step, int):
            return f"CAST({self.add(step)} AS BIGINT)"
        return self.key(step)

    def key(self, key: str) -> str:
        """Add the way to a key of a JSON object.

        It is a JSON Pointer (RFC 6901), for DuckDB's own paths have no escape for a quote in a key.
        """
        return f"CAST({self.add('/' + key.replace('~', '~0').replace('/', '~1'))} AS VARCHAR)"
