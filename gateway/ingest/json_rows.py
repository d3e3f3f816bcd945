"""JSON text to rows: an object, an array, or NDJSON."""

from collections.abc import Iterator
from functools import cache

from gateway import strictjson
from gateway.connectors.connector import Connector
from gateway.errors import Code, GatewayError
from gateway.ingest import json_array, json_problems, recognition
from gateway.ingest.body_text import first_of, start_of
from gateway.ingest.json_array import ArrayError
from gateway.ingest.json_problems import JsonProblemKind, TextPositions
from gateway.ingest.recognition import ROW_HINTS, BodyHints
from gateway.ingest.rows import RowError, Rows, row_too_large
from gateway.media_types import Media

_WHOLE, _CORRECT = "send it again, whole", "fix it there, and send it again"


def parse(data: bytes, connector: Connector, max_row: int, hints: BodyHints = ROW_HINTS) -> Iterator[Rows]:
    """Parse the rows of an object or an array.

    Args:
        data: The body.
        connector: The connector whose rows they are.
        max_row: The most bytes that a row may have.
        hints: The hints of errors that ask for another body.

    Raises:
        GatewayError: The body as a whole cannot be parsed.
    """
    start = first_of(data)
    first = data[start : start + 1]
    if first == b"{":
        yield _object(data, start, max_row, hints)
    elif first == b"[":
        yield from _array(data, start, max_row)
    else:
        raise recognition.find(data, Media.JSON, connector, hints) or GatewayError(
            Code.BODY_INVALID, "the body is neither a JSON object nor an array", hint=hints.rows
        )


def _object(data: bytes, start: int, max_row: int, hints: BodyHints) -> Rows:
    rows = Rows()
    text = data[start:]
    try:
        _add(rows, text, 1, None, max_row)
    except ValueError as error:
        raise _object_error(data, start, error, hints) from error
    return rows


def _object_error(data: bytes, start: int, error: ValueError, hints: BodyHints) -> GatewayError:
    """Return the error of an object that begins at byte `start` and is not JSON."""
    if other := recognition.of_bytes(data, Media.JSON):
        return other
    text = data[start:]
    problem = json_problems.find(text, error)
    if problem.kind is JsonProblemKind.CUT_OFF:
        hint = f"it looks cut off; {_WHOLE}"
    else:
        hint = _hint_for_several(text, hints) or _CORRECT
    return GatewayError(Code.BODY_INVALID, json_problems.in_body(data, problem, start), hint=hint)


def _hint_for_several(text: bytes, hints: BodyHints) -> str | None:
    """Return the hint for several objects one after another; None for a single one."""
    end = json_array.end_of_value(text, 0)
    if end is None or not strictjson.is_valid(text[:end]):
        return None
    following = text[end:].lstrip()[:1]
    if following == b"{" and b"\n" in text[end:]:
        return hints.lines
    return hints.objects if following in (b"{", b",") else None


def _array(data: bytes, start: int, max_row: int) -> Iterator[Rows]:
    try:
        texts = json_array.split(data, start)
    except ArrayError as error:
        raise recognition.of_bytes(data, Media.JSON) or GatewayError(
            Code.BODY_INVALID,
            f"{json_problems.NOT_VALID}: {error}",
            hint=_WHOLE if error.is_cut_off else _CORRECT,
        ) from error
    begins = cache(lambda: [begin for begin, _ in json_array.row_bounds(data, start)])
    positions = TextPositions(data)
    rows = Rows()
    for number, slice_ in enumerate(texts, 1):
        text = bytes(slice_)
        try:
            _add(rows, text, number, None, max_row)
        except ValueError as error:
            problem = json_problems.find(text, error)
            line, column = positions.of(begins()[number - 1] + problem.offset)
            message = f"not valid JSON: {problem.message} (column {column})"
            rows.add_undecodable(RowError(number, line, problem.field, Code.BODY_INVALID, message), text)
        if rows.is_full:
            yield rows
            rows = Rows()
    yield rows


def _line_error(number: int, line: int, text: bytes, error: ValueError) -> RowError:
    """Return the error of a line that is not JSON."""
    problem = json_problems.find(text, error)
    _, column = TextPositions(text).of(problem.offset)
    fix = ": each line is one row and nothing else" if problem.kind is JsonProblemKind.TRAILING else ""
    message = f"not valid JSON: {problem.message} (column {column}){fix}"
    return RowError(number, line, problem.field, Code.BODY_INVALID, message)


def _add(rows: Rows, text: bytes, number: int, line: int | None, max_row: int) -> None:
    if len(text) > max_row:
        rows.add_undecodable(row_too_large(number, line, len(text), max_row), b"")
    else:
        rows.add(strictjson.read(text), number, line, text)


def _require_ndjson(data: bytes, connector: Connector) -> None:
    """Raise if a body whose first line is not a row is recognized as something other than NDJSON."""
    if other := recognition.find(data, Media.NDJSON, connector):
        raise other


def _lines(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """Yield every line with its number, without its line end; `start` is after a byte order mark."""
    number = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        number += 1
        yield number, data[start : end - 1 if data[end - 1 : end] == b"\r" and end > start else end]
        start = end + 1


def parse_lines(data: bytes, connector: Connector, max_row: int) -> Iterator[Rows]:
    """Parse the rows of NDJSON, in chunks.

    Raises:
        GatewayError: The first line is not a row, and the body is recognized as something else.
    """
    rows = Rows()
    number = 0
    for line, text in _lines(data, start_of(data)):
        if not text.strip():
            continue
        number += 1
        if number == 1 and not text.lstrip().startswith(b"{"):
            _require_ndjson(data, connector)
        try:
            _add(rows, text, number, line, max_row)
        except ValueError as error:
            if number == 1:
                _require_ndjson(data, connector)
            rows.add_undecodable(_line_error(number, line, text, error), text)
        if rows.is_full:
            yield rows
            rows = Rows()
    yield rows
