"""CSV text to rows: a header that names fields, and records whose cells are parsed by type."""

import re
from collections.abc import Iterator, Sequence

from gateway import strictjson
from gateway.connectors.connector import Connector, Field
from gateway.errors import Code, GatewayError
from gateway.ingest import csv_header, csv_records, json_problems, recognition
from gateway.ingest.body_text import start_of
from gateway.ingest.csv_header import CsvHeader
from gateway.ingest.csv_records import Record, UnclosedQuoteError
from gateway.ingest.excerpts import shorten
from gateway.ingest.json_problems import JsonProblemKind
from gateway.ingest.rows import RowError, Rows, row_too_large
from gateway.media_types import Media
from gateway.strictjson import Json


def parse(data: bytes, connector: Connector, max_row: int, columns: Sequence[Field] | None) -> Iterator[Rows]:
    """Parse the rows of a body, in chunks.

    Raises:
        GatewayError: The header is wrong, a quote is never closed, or a column without a name has a value.
    """
    records = _records(data)
    header = _header(data, records, connector, max_row, columns)
    rows = Rows()
    number = 0
    for line, text, record in records:
        if record == [None] and len(header.fields) > 1:
            continue
        number += 1
        if len(text) > max_row:
            rows.add_undecodable(row_too_large(number, line, len(text), max_row), b"")
        elif isinstance(record, str):
            rows.add_undecodable(RowError(number, line, None, Code.BODY_INVALID, record), text)
        elif not header.min_cells <= len(record) <= len(header.fields):
            problem = header.problem_of(record)
            rows.add_undecodable(RowError(number, line, None, Code.BODY_INVALID, problem), text)
        elif len(header.required) > 1 and not any(cell is not None for cell in record):
            rows.add_undecodable(RowError(number, line, None, Code.VALUE_MISSING, header.no_value()), text)
        else:
            _add_record(rows, _values_of(header, record, number, line), number, line, text)
        if rows.is_full:
            yield rows
            rows = Rows()
    yield rows


def header_of(data: bytes) -> bytes:
    """Return the text of a body's header."""
    return next((text for _, text, _ in _records(data)), b"")


def header_fields(data: bytes, connector: Connector) -> frozenset[str]:
    """Return the fields that the header of a body names."""
    record = next((record for _, _, record in _records(data)), "")
    cells = [] if isinstance(record, str) else record
    fields = (connector.find_input(cell or "") for cell in cells)
    return frozenset(field.name for field in fields if field)


def _records(data: bytes) -> Iterator[tuple[int, bytes, Record]]:
    """Yield the records of a body.

    Raises:
        GatewayError: A quote is never closed: an unknown number of rows is inside it.
    """
    try:
        yield from csv_records.read(data, start_of(data))
    except UnclosedQuoteError as error:
        if other := recognition.of_bytes(data, Media.CSV):
            raise other from error
        hint = 'close the quote, or write the cell in quotes and each quote inside it twice: "5"" pipe"'
        raise GatewayError(Code.BODY_INVALID, str(error), hint=hint) from error


def _header(
    data: bytes,
    records: Iterator[tuple[int, bytes, Record]],
    connector: Connector,
    max_row: int,
    columns: Sequence[Field] | None,
) -> CsvHeader:
    """Parse the header, or raise what the body is if it is not CSV."""
    try:
        first = next(records, None)
        _require_short(first, max_row)
        return _read_header(first, connector, columns)
    except GatewayError as error:
        if b"\n" not in data.rstrip():
            way = (
                "the body is one line: curl -d removes the line ends of a file, and --data-binary keeps them"
            )
            error.hint = f"{way}; {error.hint}" if error.hint else way
        raise (recognition.find(data, Media.CSV, connector) or error) from error


def _require_short(first: tuple[int, bytes, Record] | None, max_row: int) -> None:
    size = len(first[1]) if first else 0
    if size > max_row:
        message = f"the CSV header has {size} bytes; at most {max_row} are allowed (GATEWAY_MAX_ROW)"
        hint = "line 1 must name the columns, and end with a line end"
        raise GatewayError(Code.BODY_TOO_LARGE, message, hint=hint)


def _read_header(
    first: tuple[int, bytes, Record] | None, connector: Connector, columns: Sequence[Field] | None
) -> CsvHeader:
    fields = ", ".join(field.name for field in connector.fields)
    hint = f"the first line names the columns; the fields are {fields}"
    if first is None:
        raise GatewayError(Code.BODY_INVALID, "the body is empty", hint=hint)
    _, text, record = first
    if isinstance(record, str):
        raise GatewayError(Code.BODY_INVALID, f"the CSV header cannot be read: {record}", hint=hint)
    if not text.strip():
        message = "line 1 is empty, where the CSV header is expected"
        raise GatewayError(Code.BODY_INVALID, message, hint="remove the blank line")
    return csv_header.parse(record, connector, columns)


def _values_of(
    header: CsvHeader, record: list[str | None], number: int, line: int
) -> tuple[dict[str, Json], Field | None]:
    """Return the values of a record, parsed by their fields' types, and the field of a cell of invalid JSON.

    In a record of one cell `""` is also null, unless the field is a string. A null alone in its row is written so,
    because other readers skip an empty line.
    """
    header.require_empty(record, number, line)
    value: dict[str, Json] = {}
    invalid = None
    # Nameless columns at the end may have no cells.
    for field, cell in zip(header.fields, record, strict=False):
        if field is None:
            continue
        if cell == "" and len(header.fields) == 1 and field.type.name != "string":
            cell = None  # noqa: PLW2901
        if not parse_cell(field, cell, value):
            invalid = field
    return value, invalid


def parse_cell(field: Field, cell: str | None, value: dict[str, Json]) -> bool:
    """Parse a cell into the values of its row; return false for invalid JSON in a JSON field.

    An empty cell is null in a nullable field, and left out of any other. The text of another invalid cell stays, so
    that the schema rejects it together with the other errors of the row. Invalid JSON cannot stay: as a string it
    would be valid JSON.
    """
    if cell is None:
        if field.nullable:
            value[field.name] = None
        return True
    try:
        value[field.name] = field.type.text.parse(cell)
    except ValueError:
        value[field.name] = cell
        return field.type.name != "json"
    return True


def why_not_json(cell: str) -> str:
    """Return why a cell is not JSON."""
    text = cell.encode()
    try:
        strictjson.read(text)
    except ValueError as error:
        problem = json_problems.find(text, error)
        is_word = problem.kind is JsonProblemKind.NOT_A_VALUE and _WORD.fullmatch(cell)
        fix = "; a string needs double quotes in JSON" if is_word else ""
        return f"{shorten(cell)} is not JSON: {problem.message}{fix}"
    return f"{shorten(cell)} is not JSON"


#: A text that begins with a letter and has no punctuation of JSON.
_WORD = re.compile(r"[^\W\d_][^{}\[\]:]*")


def _add_record(
    rows: Rows, parsed: tuple[dict[str, Json], Field | None], number: int, line: int, text: bytes
) -> None:
    value, invalid = parsed
    if invalid is None:
        rows.add(value, number, line, text)
    else:
        cell = value[invalid.name]
        rows.add_undecodable(
            RowError(number, line, invalid.name, Code.VALUE_INVALID, why_not_json(cell), cell), text
        )
