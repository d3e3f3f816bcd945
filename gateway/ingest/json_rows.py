"""JSON text to rows: an object, an array, or NDJSON."""

from collections.abc import Iterator

import msgspec

from gateway import strictjson
from gateway.errors import Code, GatewayError
from gateway.ingest.body_text import after_blanks, start_of
from gateway.ingest.rows import RowError, Rows, too_large


def parse(data: bytes, max_row: int) -> Iterator[Rows]:
    """Read the rows of an object or an array.

    Raises:
        GatewayError: Where the body as a whole cannot be read.
    """
    start = after_blanks(data, start_of(data))
    first = data[start : start + 1]
    if first == b"{":
        yield _json_object(data[start:], max_row)
    elif first == b"[":
        yield from _json_array(memoryview(data)[start:], max_row)
    else:
        shown = "is neither a JSON object nor an array" if first else "is empty"
        hint = "send one row {…} or a list of rows [{…}, …]"
        raise GatewayError(Code.BODY_INVALID, f"the body {shown}", hint=hint)


def _json_object(text: bytes, max_row: int) -> Rows:
    rows = Rows()
    try:
        _add_json(rows, text, 1, None, max_row)
    except ValueError as error:
        hint = "send several rows as a list [{…}, …], or as application/x-ndjson"
        raise GatewayError(Code.BODY_INVALID, f"the body is not valid JSON: {error}", hint=hint) from error
    return rows


def _json_array(text: memoryview, max_row: int) -> Iterator[Rows]:
    try:
        pieces = msgspec.json.decode(text, type=list[msgspec.Raw])
    except msgspec.DecodeError as error:
        raise GatewayError(Code.BODY_INVALID, f"the body is not valid JSON: {error}") from error
    except RecursionError as error:
        raise GatewayError(Code.BODY_INVALID, f"the body nests deeper than {strictjson.MAX_DEPTH}") from error
    rows = Rows()
    for number, piece in enumerate(pieces, 1):
        try:
            _add_json(rows, bytes(piece), number, None, max_row)
        except ValueError as error:
            message = f"not valid JSON: {error}"
            rows.add_unread(RowError(number, None, None, Code.BODY_INVALID, message), bytes(piece))
        if rows.full:
            yield rows
            rows = Rows()
    yield rows


def _add_json(rows: Rows, text: bytes, number: int, line: int | None, max_row: int) -> None:
    if len(text) > max_row:
        rows.add_unread(too_large(number, line, len(text), max_row), b"")
    else:
        rows.add(strictjson.read(text), number, line, text)


def _lines(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """Give every line with its number, without its end. A BOM before it has been passed over."""
    number = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        number += 1
        yield number, data[start : end - 1 if data[end - 1 : end] == b"\r" and end > start else end]
        start = end + 1


def parse_lines(data: bytes, max_row: int) -> Iterator[Rows]:
    """Read the rows of NDJSON, some at a time."""
    start = start_of(data)
    rows = Rows()
    number = 0
    for line, text in _lines(data, start):
        if not text.strip():
            continue
        number += 1
        try:
            _add_json(rows, text, number, line, max_row)
        except ValueError as error:
            message = f"not valid JSON: {error}".replace(" at line 1 column ", " at column ")
            rows.add_unread(RowError(number, line, None, Code.BODY_INVALID, message), text)
        if rows.full:
            yield rows
            rows = Rows()
    yield rows
