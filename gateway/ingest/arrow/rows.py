"""Parquet and Arrow bodies to rows, each with the JSON text that a careful writer would send for it."""

from collections.abc import Iterator, Sequence

import msgspec

from gateway import strictjson
from gateway.connectors.connector import Connector, Field
from gateway.errors import Code
from gateway.ingest.arrow.columns import ArrowColumns, read_columns
from gateway.ingest.arrow.json_values import NoJson, json_values, of_texts
from gateway.ingest.arrow.kinds import kind_of
from gateway.ingest.rows import CHUNK_ROWS, RowError, Rows, row_too_large
from gateway.strictjson import Json


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
    columns = []
    for field, array in zip(found.fields, found.arrays, strict=True):
        values = json_values(array.slice(start, CHUNK_ROWS))
        # A string for a json field is JSON text, as in a cell of CSV.
        is_text = field.type.name == "json" and kind_of(array.type) == "string"
        columns.append(of_texts(values) if is_text else values)
    for number, cells in enumerate(zip(*columns, strict=True), start + 1):
        _add(rows, dict(zip(names, cells, strict=True)), number, max_row)
    return rows


def _add(rows: Rows, value: dict[str, Json], number: int, max_row: int) -> None:
    problem = next((name for name, cell in value.items() if isinstance(cell, NoJson)), None)
    text = strictjson.write(value if problem is None else {name: _raw(cell) for name, cell in value.items()})
    if len(text) > max_row:
        rows.add_undecodable(row_too_large(number, None, len(text), max_row), b"")
    elif problem is None:
        rows.add(value, number, None, text)
    else:
        cell = value[problem]
        error = RowError(number, None, problem, Code.VALUE_INVALID, cell.message, cell.text)
        rows.add_undecodable(error, text)


def _raw(cell: Json | NoJson) -> Json:
    return msgspec.Raw(cell.text.encode()) if isinstance(cell, NoJson) else cell
