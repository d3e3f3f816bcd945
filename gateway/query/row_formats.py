"""The format of rows in a response, and the SQL that writes the text of a row."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from gateway import strictjson
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.media_types import Media
from gateway.query.query import Selected
from gateway.query.sql import Parameters


@dataclass(frozen=True, slots=True)
class OutputValue:
    """A column of the result, with the SQL of its value.

    Attributes:
        selected: The column.
        sql: A name, or another expression that is cheap enough to be repeated.
        is_stored: Whether it is the stored column of a field, whose values satisfy the field's schema.
    """

    selected: Selected
    sql: str
    is_stored: bool

    @property
    def type(self) -> FieldType:
        """The type of the value."""
        return self.selected.type

    @property
    def is_nullable(self) -> bool:
        """True if the value may be null."""
        column = self.selected.column
        return not self.is_stored or column is None or column.field.nullable

    @property
    def key(self) -> str:
        """The key in JSON, with its colon."""
        return strictjson.write(self.selected.name).decode() + ":"

    @property
    def pieces(self) -> str:
        """The SQL of the text of a stored value that is not null, as arguments of `concat`."""
        return self.type.sql.pieces.format(self.sql)

    @property
    def json(self) -> str:
        """The SQL of the JSON text."""
        if self.is_stored and self.type.sql.is_quoted:
            text = f"concat('\"', {self.pieces}, '\"')"
            return f"CASE WHEN {self.sql} IS NULL THEN 'null' ELSE {text} END"
        text = (
            self.pieces
            if self.is_stored and self.type.name == "string"
            else self.type.sql.json.format(self.sql)
        )
        return f"coalesce({text}, 'null')"


@dataclass(frozen=True, slots=True)
class Output:
    """A format of rows with its variants.

    Attributes:
        media: The format.
        content_type: The Content-Type of the response.
        is_singular: Whether the response is a single object (`application/vnd.pgrst.object+json`).
        is_stripped: Whether keys with a null value are omitted (`nulls=stripped`).
    """

    media: Media
    content_type: str
    is_singular: bool = False
    is_stripped: bool = False

    @property
    def is_text(self) -> bool:
        """True if the database writes the text of the rows, which is the body."""
        return self.media not in (Media.PARQUET, Media.ARROW)

    def head(self, select: Sequence[Selected]) -> bytes:
        """Return the beginning of a text body."""
        if self.media is Media.CSV:
            return (",".join(_csv_cell(selected.name) for selected in select) + "\n").encode()
        return b"[" if self._is_array else b""

    @property
    def skip(self) -> int:
        """The number of bytes of the first row that are not sent, because they separate rows."""
        return len(_SEPARATOR) if self.media is Media.JSON else 0

    @property
    def tail(self) -> bytes:
        """The end of a text body."""
        return b"]" if self._is_array else b""

    @property
    def _is_array(self) -> bool:
        return self.media is Media.JSON and not self.is_singular

    def row(self, values: Sequence[OutputValue], parameters: Parameters) -> str:
        """Return the SQL of the text of a row, over its values."""
        if self.media is Media.CSV:
            parts = [*_csv_row(values), "chr(10)"]
        elif self.is_stripped:
            parts = _stripped_row(values, parameters, self._row_start, self._row_end)
        else:
            parts = _json_row(values, parameters, self._row_start, self._row_end)
        # One concat: `||` would copy the text for each part.
        return f"concat({', '.join(parts)})"

    @property
    def _row_start(self) -> str:
        return ",\n{" if self.media is Media.JSON else "{"

    @property
    def _row_end(self) -> str:
        return "}" if self.media is Media.JSON else "}\n"


_SEPARATOR = b",\n"


def schema_of(select: Sequence[Selected]) -> pa.Schema:
    """Return the Arrow schema of a result in Parquet and Arrow."""
    return pa.schema([(column.name, column.type.arrow.type) for column in select])


def _json_row(values: Sequence[OutputValue], parameters: Parameters, before: str, behind: str) -> list[str]:
    """Return the parts of a row. PERF: each part, and each function in it, costs 50 microseconds of planning."""
    parts = []
    for number, value in enumerate(values):
        before += ("," if number else "") + value.key
        if value.is_nullable:
            parts += [parameters.add(before), value.json]
            before = ""
            continue
        quote = '"' if value.type.sql.is_quoted else ""
        parts += [parameters.add(before + quote), value.pieces]
        before = quote
    return [*parts, parameters.add(before + behind)]


def _stripped_row(
    values: Sequence[OutputValue], parameters: Parameters, before: str, behind: str
) -> list[str]:
    parts = []
    for value in values:
        text = f"concat({parameters.add(',' + value.key)}, {value.type.sql.json.format(value.sql)})"
        parts.append(f"CASE WHEN {value.sql} IS NULL THEN '' ELSE {text} END")
    return [parameters.add(before), f"substr(concat({', '.join(parts)}), 2)", parameters.add(behind)]


def _csv_row(values: Sequence[OutputValue]) -> list[str]:
    """Return the parts of a row. A null is an empty cell, as it is for `concat`.

    In a row of one cell it is `""`: readers of CSV would skip an empty line.
    """
    parts = []
    for value in values:
        cell = value.type.sql.csv.format(value.sql)
        if value.type.sql.can_need_quotes:
            quoted = f"""concat('"', replace({cell}, '"', '""'), '"')"""
            cell = f"""CASE WHEN regexp_matches({cell}, '^$|[",\\r\\n]|^\\s|\\s$') THEN {quoted} ELSE {cell} END"""
        elif not value.is_nullable:
            cell = value.pieces
        if len(values) == 1 and value.is_nullable:
            cell = f"""coalesce({cell}, '""')"""
        parts += [cell, "','"]
    return parts[:-1]


#: Plain JSON, also for statements whose rows are not written.
PLAIN = Output(Media.JSON, Media.JSON.content_type)


def _csv_cell(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in '",\r\n') else name
