"""A URL-encoded form to one row, by CSV's rules for cells."""

import re
from collections.abc import Iterator
from urllib.parse import quote, unquote_to_bytes

from gateway.connectors.connector import Connector
from gateway.errors import Code
from gateway.ingest import signatures
from gateway.ingest.csv_rows import parse_cell, why_not_json
from gateway.ingest.excerpts import shorten
from gateway.ingest.rows import RowError, Rows, row_too_large
from gateway.strictjson import Json

#: Bytes that every form encoder percent-encodes. Other text that was sent as a form has them before its first `=`.
_NO_NAME = re.compile(rb"[\x00-\x1f\"<>,;:?/\\^`{|}]")


class _BadPairError(ValueError):
    """A pair of a form cannot be parsed.

    Attributes:
        field: The name of its field, if it is known.
        value: The value, if it was decoded.
    """

    def __init__(self, field: str | None, message: str, value: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.value = value


def is_form(data: bytes) -> bool:
    """Return whether a body can be a form: one line with an `=` after a name.

    `curl -d @rows.csv` sends a file as a form, without its line ends. A cell of it may have an `=`, but the text
    before that is not a name.
    """
    text = data.strip()
    name, equals, _ = text.partition(b"=")
    is_named = bool(name and equals) and not _NO_NAME.search(name)
    return is_named and b"\n" not in text and signatures.is_text(data)


def parse(data: bytes, connector: Connector, max_row: int) -> Iterator[Rows]:
    """Parse the one row of a form. An empty value is null, as an empty cell of CSV is."""
    rows = Rows()
    text = data.strip()
    if len(text) > max_row:
        rows.add_undecodable(row_too_large(1, None, len(text), max_row), b"")
    else:
        try:
            rows.add(_row(text, connector), 1, None, text)
        except _BadPairError as error:
            bad = RowError(1, None, error.field, Code.BODY_INVALID, str(error), error.value)
            rows.add_undecodable(bad, text)
    yield rows


def _row(text: bytes, connector: Connector) -> dict[str, Json]:
    row: dict[str, Json] = {}
    seen: set[str] = set()
    for pair in text.split(b"&"):
        if not pair:
            continue
        name, _, raw = pair.partition(b"=")
        key = _decoded(name, "a name of the form", None)
        field = connector.find_input(key)
        field_name = field.name if field else key
        if field_name in seen:
            raise _BadPairError(field_name, f"the form names {shorten(key)} twice")
        seen.add(field_name)
        cell = _decoded(raw, "the value", field_name)
        if field is None:
            row[key] = cell
        elif not parse_cell(field, cell or None, row):
            raise _BadPairError(field.name, why_not_json(cell), cell)
    return row


def _decoded(raw: bytes, what: str, field: str | None) -> str:
    """Decode a name or a value, in which `+` is a space.

    Raises:
        _BadPairError: Its bytes are not UTF-8.
    """
    text = unquote_to_bytes(raw.replace(b"+", b" "))
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        wrong = quote(text[error.start : error.start + 1])
        raise _BadPairError(field, f"{what} is not UTF-8 at {wrong}; percent-encode UTF-8") from error
