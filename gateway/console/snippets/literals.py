"""Values of an example row as literals of Python, JavaScript, SQL, and JSON."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from gateway.connectors.connector import Connector
from gateway.console.snippets import quoting
from gateway.strictjson import Json

#: The longest row that stands on one line.
_LINE = 76
#: The greatest integer of which a double holds every smaller one.
MAX_SAFE_INTEGER = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Spelling:
    """The spelling of JSON values in one language.

    Attributes:
        null: The word for null.
        true: The word for true.
        false: The word for false.
        indent: The blanks before a line inside of a block.
        has_bare_keys: Whether the keys of an object need no quotes, as in JavaScript.
    """

    null: str
    true: str
    false: str
    indent: str = "    "
    has_bare_keys: bool = False

    def value(self, value: Json) -> str:
        """Return a value on one line."""
        if value is None or isinstance(value, bool):
            return self.null if value is None else self.true if value else self.false
        if isinstance(value, str):
            return quoting.double_quoted(value)
        if isinstance(value, list):
            return f"[{', '.join(map(self.value, value))}]"
        if isinstance(value, dict):
            members = ", ".join(self._members(value))
            return f"{{ {members} }}" if self.has_bare_keys and members else f"{{{members}}}"
        return str(value)

    def row(self, row: Mapping[str, Json], indent: str = "") -> str:
        """Return a row, with a line for each field if it is long."""
        line = self.value(dict(row))
        if len(line) + len(indent) <= _LINE:
            return line
        lines = ",\n".join(f"{indent}{self.indent}{member}" for member in self._members(row))
        return f"{{\n{lines}\n{indent}}}"

    def _members(self, members: Mapping[str, Json]) -> list[str]:
        return [f"{self._key(key)}: {self.value(value)}" for key, value in members.items()]

    def _key(self, key: str) -> str:
        if self.has_bare_keys and key == "__proto__":
            return '["__proto__"]'  # Without brackets it sets the prototype of the object.
        return key if self.has_bare_keys and BARE_KEY.fullmatch(key) else quoting.double_quoted(key)


#: A name that JavaScript takes as a key without quotes.
BARE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PYTHON = Spelling("None", "True", "False")
JSON = Spelling("null", "true", "false", indent="  ")
JAVASCRIPT = Spelling("null", "true", "false", indent="  ", has_bare_keys=True)


def for_doubles(
    row: Mapping[str, Json], connector: Connector, max_integer: int | None = None
) -> dict[str, Json]:
    """Return a row for a language of doubles: strings for numbers of a field that would lose digits, if it reads strings.

    Args:
        row: The row.
        connector: Its connector.
        max_integer: The greatest integer that the language holds; None if it holds all.
    """
    readers = {field.name for field in connector.fields if field.type.text.read_strings}
    return {name: _spelled(value, max_integer) if name in readers else value for name, value in row.items()}


def _spelled(value: Json, max_integer: int | None) -> Json:
    if isinstance(value, list):
        return [_spelled(item, max_integer) for item in value]
    if isinstance(value, Decimal):
        return value if Decimal(repr(float(value))) == value else str(value)
    is_too_large = isinstance(value, int) and max_integer is not None and abs(value) > max_integer
    return str(value) if is_too_large else value


def sql(value: Json) -> str:
    """Return a value as SQL of DuckDB, of a type that DuckDB writes to JSON as this value."""
    if isinstance(value, dict):
        return f"{quoting.sql(JSON.value(value))}::JSON"
    if isinstance(value, list):
        is_plain = all(isinstance(item, str | int | Decimal) for item in value)
        return f"[{', '.join(map(sql, value))}]" if is_plain else f"{quoting.sql(JSON.value(value))}::JSON"
    return quoting.sql(value) if isinstance(value, str) else JSON.value(value)
