"""Output: what rows come out as, and the SQL that writes the text of one."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from gateway import strictjson
from gateway.media import Media
from gateway.query.query import Selected
from gateway.query.sql import Parameters


@dataclass(frozen=True, slots=True)
class Output:
    """A format of rows with its variants.

    Attributes:
        media: The format.
        content_type: What the response says it is.
        singular: Whether the one row is an object by itself (`application/vnd.pgrst.object+json`).
        stripped: Whether keys whose value is null are left out (`nulls=stripped`).
    """

    media: Media
    content_type: str
    singular: bool = False
    stripped: bool = False

    @property
    def is_text(self) -> bool:
        """Whether the database writes the rows' text, which is then the body."""
        return self.media not in (Media.PARQUET, Media.ARROW)

    def head(self, select: Sequence[Selected]) -> bytes:
        """Give what a text begins with."""
        if self.media is Media.CSV:
            return (",".join(_csv_cell(each.name) for each in select) + "\n").encode()
        return b"[" if self._is_array else b""

    @property
    def skip(self) -> int:
        """How many bytes of the first row are not sent, for they only separate rows."""
        return len(_SEPARATOR) if self.media is Media.JSON else 0

    @property
    def tail(self) -> bytes:
        """What a text ends with."""
        return b"]" if self._is_array else b""

    @property
    def _is_array(self) -> bool:
        return self.media is Media.JSON and not self.singular

    def row(self, select: Sequence[Selected], values: Sequence[str], parameters: Parameters) -> str:
        """Give the SQL of one row's text, over the SQL of its values."""
        if self.media is Media.CSV:
            parts = _csv_row(select, values)
        else:
            write = _stripped_row if self.stripped else _json_row
            parts = write(select, values, parameters)
            parts = [*parts, "chr(10)"] if self.media is Media.NDJSON else ["','", "chr(10)", *parts]
        # Joined in one go: `||` would copy the text once for each part.
        return f"concat({', '.join(parts)})"


_SEPARATOR = b",\n"


def schema_of(select: Sequence[Selected]) -> pa.Schema:
    """Give the Arrow schema of a result, as Parquet and Arrow carry it."""
    return pa.schema([(each.name, each.type.arrow) for each in select])


def _json_row(select: Sequence[Selected], values: Sequence[str], parameters: Parameters) -> list[str]:
    parts = []
    for number, (each, value) in enumerate(zip(select, values, strict=True)):
        key = strictjson.write(each.name).decode()
        parts.append(parameters.add(("," if number else "{") + key + ":"))
        parts.append(f"coalesce({each.type.json.format(value)}, 'null')")
    return [*parts, "'}'"]


def _stripped_row(select: Sequence[Selected], values: Sequence[str], parameters: Parameters) -> list[str]:
    parts = []
    for each, value in zip(select, values, strict=True):
        key = parameters.add("," + strictjson.write(each.name).decode() + ":")
        text = f"concat({key}, {each.type.json.format(value)})"
        parts.append(f"CASE WHEN {value} IS NULL THEN '' ELSE {text} END")
    return ["'{'", f"substr(concat({', '.join(parts)}), 2)", "'}'"]


def _csv_row(select: Sequence[Selected], values: Sequence[str]) -> list[str]:
    parts = []
    for each, value in zip(select, values, strict=True):
        cell = each.type.csv.format(value)
        if each.type.quotable:
            quoted = f"""concat('"', replace({cell}, '"', '""'), '"')"""
            cell = f"""CASE WHEN regexp_matches({cell}, '^$|[",\\r\\n]|^\\s|\\s$') THEN {quoted} ELSE {cell} END"""
        parts += [f"coalesce({cell}, '')", "','"]
    return [*parts[:-1], "chr(10)"]


#: Plain JSON: also for statements of which no row is written.
PLAIN = Output(Media.JSON, Media.JSON.content_type)


def _csv_cell(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(mark in name for mark in '",\r\n') else name
