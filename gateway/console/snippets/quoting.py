"""Text as a literal of another language, such that the language reads the same text."""

import json
from collections.abc import Iterable
from urllib.parse import quote

from gateway.connectors.fields import AWKWARD
from gateway.query.query import Column, Selected

#: What a value of a URL may show as it is. Shells, globs, and quotes of the other languages have none of it.
_READABLE = ",.:()-_~"


def shell(text: str) -> str:
    """Return text as one word of a POSIX shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def double_quoted(text: str) -> str:
    """Return text as a string of Python, JavaScript, and TypeScript, which all read the escapes of JSON."""
    return json.dumps(text, ensure_ascii=False)


def sql(text: str) -> str:
    """Return text as a string of DuckDB's SQL, on one line."""
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    escaped = text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n").replace("\r", "\\r")
    return f"E'{escaped}'"


def sql_name(name: str) -> str:
    """Return a name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def power_query(text: str) -> str:
    """Return text as a string of Power Query's M, where `#(` begins an escape."""
    return '"' + text.replace("#(", "#(#)(").replace('"', '""') + '"'


def formula(text: str) -> str:
    """Return text as a string in the formula of a spreadsheet."""
    return '"' + text.replace('"', '""') + '"'


def csv_cell(text: str) -> str:
    """Return text as a cell of CSV; an empty text needs quotes, because an empty cell is null."""
    is_bare = text and text == text.strip() and not any(mark in text for mark in '",\r\n')
    return text if is_bare else '"' + text.replace('"', '""') + '"'


def dialect_name(name: str) -> str:
    """Return the name of a field as `select` and `order` read it."""
    return _dialect_quoted(name) if AWKWARD.search(name) else name


def dialect_key(key: str) -> str:
    """Return a key inside JSON as `select` and `order` read it after `->`."""
    return key if key.isidentifier() else _dialect_quoted(key)


def dialect_column(column: Column | Selected) -> str:
    """Return a column as `select` and `order` read it, or an aggregate of the result as `order` reads it."""
    if isinstance(column, Selected):
        return dialect_name(column.name)
    steps = [str(step) if isinstance(step, int) else dialect_key(step) for step in column.path]
    arrows = ["->"] * len(steps)
    if column.is_text:
        arrows[-1] = "->>"
    name = dialect_name(column.former_name or column.field.name)
    return name + "".join(arrow + step for arrow, step in zip(arrows, steps, strict=True))


def _dialect_quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def query_string(parameters: Iterable[tuple[str, str]]) -> str:
    """Return decoded parameters as a query string that needs no escape in any of these languages."""
    return "&".join(f"{quote(key, _READABLE)}={quote(value, _READABLE)}" for key, value in parameters)
