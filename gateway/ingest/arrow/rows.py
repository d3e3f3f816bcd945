"""Parquet and Arrow bodies to rows, each with the JSON text that a careful writer would send for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from gateway import strictjson
from gateway.connectors.connector import Connector, Field
from gateway.errors import Code
from gateway.ingest import csv_rows
from gateway.ingest.arrow.columns import ArrowColumns, read_columns
from gateway.ingest.arrow.json_values import json_values
from gateway.ingest.rows import CHUNK_ROWS, RowError, Rows, row_too_large
from gateway.strictjson import Json


@dataclass(frozen=True, slots=True)
class _NoJson:
    """A value that JSON does not have.

    Attributes:
        message: Why, and what to send instead.
        text: What stands in its place in the text of the row, which is no JSON then.
    """

    message: str
    text: str


def parse(
    data: bytes, connector: Connector, max_row: int, columns: Sequence[Field] | None, max_body: int
) -> Iterator[Rows]:
    """Parse the rows of a body, in chunks.

    Raises:
        GatewayError: The body as a whole cannot be read.
    """
    found = read_columns(data, connector, columns, max_body)
    for start in range(0, max(found.num_rows, 1), CHUNK_ROWS):
        yield _chunk(found, start, max_row)


def _chunk(found: ArrowColumns, start: int, max_row: int) -> Rows:
    rows = Rows()
    names = [field.name for field in found.fields]
    columns = [
        _column(field, json_values(array.slice(start, CHUNK_ROWS)))
        for field, array in zip(found.fields, found.arrays, strict=True)
    ]
    for number, cells in enumerate(zip(*columns, strict=True), start + 1):
        _add(rows, dict(zip(names, cells, strict=True)), number, max_row)
    return rows


def _column(field: Field, values: Sequence[Json]) -> Sequence[Json]:
    """Return the values of a column; a string for a json field is JSON text, as in a cell of CSV."""
    if field.type.name == "json":
        return [_of_text(value) if isinstance(value, str) else value for value in values]
    return values


def _of_text(text: str) -> Json:
    try:
        return strictjson.read(text.encode())
    except ValueError:
        return _NoJson(csv_rows.why_not_json(text), text)


def _add(rows: Rows, value: dict[str, Json], number: int, max_row: int) -> None:
    invalid = next((name for name, cell in value.items() if isinstance(cell, _NoJson)), None)
    if invalid is None:
        text = strictjson.write(value)
    else:
        text = strictjson.write(
            {
                name: msgspec.Raw(cell.text.encode()) if isinstance(cell, _NoJson) else cell
                for name, cell in value.items()
            }
        )
    if len(text) > max_row:
        rows.add_undecodable(row_too_large(number, None, len(text), max_row), b"")
    elif invalid is None:
        rows.add(value, number, None, text)
    else:
        message = value[invalid].message
        rows.add_undecodable(RowError(number, None, invalid, Code.VALUE_INVALID, message), text)
