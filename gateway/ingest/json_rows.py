"""JSON text to rows: an object, an array, or NDJSON."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from gateway import strictjson
from gateway.connectors.connector import Connector
from gateway.errors import Code, GatewayError
from gateway.ingest import json_array, json_problems, recognition
from gateway.ingest.body_text import after_blanks, start_of
from gateway.ingest.json_array import ArrayError
from gateway.ingest.json_problems import TextPositions
from gateway.ingest.rows import RowError, Rows, too_large
from gateway.media_types import Media
from gateway.printable import printable

_WHOLE, _MEND = "send it again, whole", "mend it there, and send it again"
_LIST = "send several rows as a list: [{…}, {…}]"
_LINES = f"send rows that are a line each with Content-Type: {Media.NDJSON.media_type}"
#: The hints that ask for rows, which do not fit where one object is expected.
OF_ROWS = frozenset({recognition.ROWS, recognition.NOTHING, recognition.FORM, _LIST, _LINES})


def parse(data: bytes, connector: Connector, max_row: int) -> Iterator[Rows]:
    """Read the rows of an object or an array.

    Raises:
        GatewayError: Where the body as a whole cannot be read.
    """
    start = after_blanks(data, start_of(data))
    first = data[start : start + 1]
    if first == b"{":
        yield _object(data, start, max_row)
    elif first == b"[":
        yield from _array(data, start, max_row)
    else:
        raise recognition.find(data, Media.JSON, connector) or GatewayError(
            Code.BODY_INVALID, "the body is neither a JSON object nor an array", hint=recognition.ROWS
        )


def _object(data: bytes, start: int, max_row: int) -> Rows:
    rows = Rows()
    text = data[start:]
    try:
        _add_json(rows, text, 1, None, max_row)
    except ValueError as error:
        problem = json_problems.find(text, error)
        line, column = TextPositions(data).of(start + problem.offset)
        field = f", field '{printable(problem.field)}'" if problem.field else ""
        message = f"the body is not valid JSON: line {line}, column {column}{field}: {problem.message}"
        other = recognition.of_bytes(data, Media.JSON)
        hint = f"it looks cut off; {_WHOLE}" if problem.is_cut_off else _several(text) or _MEND
        raise other or GatewayError(Code.BODY_INVALID, message, hint=hint) from error
    return rows


def _several(text: bytes) -> str | None:
    """Return the hint for several objects one after another; None where it is only one."""
    found = json_array.end_of_value(text, 0)
    if found is None or not strictjson.is_valid(text[:found]):
        return None
    behind = text[found:].lstrip()[:1]
    if behind == b"{" and b"\n" in text[found:]:
        return _LINES
    return _LIST if behind in (b"{", b",") else None


def _array(data: bytes, start: int, max_row: int) -> Iterator[Rows]:
    try:
        pieces = json_array.split(data, start)
    except ArrayError as error:
        raise recognition.of_bytes(data, Media.JSON) or GatewayError(
            Code.BODY_INVALID,
            f"the body is not valid JSON: {error}",
            hint=_WHOLE if "cut off" in str(error) else _MEND,
        ) from error
    begins = cache(lambda: [begin for begin, _ in json_array.places(data, start)])
    places = TextPositions(data)
    rows = Rows()
    for number, piece in enumerate(pieces, 1):
        text = bytes(piece)
        try:
            _add_json(rows, text, number, None, max_row)
        except ValueError as error:
            rows.add_unread(_unread(number, text, error, places, begins()[number - 1]), text)
        if rows.full:
            yield rows
            rows = Rows()
    yield rows


def _unread_line(number: int, line: int, text: bytes, error: ValueError) -> RowError:
    """Make the error of a line that is not JSON."""
    bad = _unread(number, text, error, TextPositions(text), 0)
    has_more = json_problems.BEHIND in bad.message
    fix = ": each line is one row and nothing else" if has_more else ""
    return replace(bad, line=line, message=bad.message + fix)


def _unread(number: int, text: bytes, error: ValueError, places: TextPositions, begin: int) -> RowError:
    """Make the error of a row that is not JSON, which begins at byte `begin` of the text of the places."""
    problem = json_problems.find(text, error)
    line, column = places.of(begin + problem.offset)
    message = f"not valid JSON: {problem.message} (column {column})"
    return RowError(number, line, problem.field, Code.BODY_INVALID, message)


def _add_json(rows: Rows, text: bytes, number: int, line: int | None, max_row: int) -> None:
    if len(text) > max_row:
        rows.add_unread(too_large(number, line, len(text), max_row), b"")
    else:
        rows.add(strictjson.read(text), number, line, text)


def _require_lines(data: bytes, connector: Connector) -> None:
    """Check that a body is NDJSON as far as one can tell whose first line is no row."""
    if other := recognition.find(data, Media.NDJSON, connector):
        raise other


def _lines(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """Give every line with its number, without its end. A BOM before it has been passed over."""
    number = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        number += 1
        yield number, data[start : end - 1 if data[end - 1 : end] == b"\r" and end > start else end]
        start = end + 1


def parse_lines(data: bytes, connector: Connector, max_row: int) -> Iterator[Rows]:
    """Read the rows of NDJSON, some at a time.

    Raises:
        GatewayError: Where the first line is no row, and the body is something else.
    """
    start = start_of(data)
    rows = Rows()
    number = 0
    for line, text in _lines(data, start):
        if not text.strip():
            continue
        number += 1
        if number == 1 and not text.lstrip().startswith(b"{"):
            _require_lines(data, connector)
        try:
            _add_json(rows, text, number, line, max_row)
        except ValueError as error:
            if number == 1:
                _require_lines(data, connector)
            rows.add_unread(_unread_line(number, line, text, error), text)
        if rows.full:
            yield rows
            rows = Rows()
    yield rows
