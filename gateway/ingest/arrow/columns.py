"""The columns of a Parquet or Arrow body, each with its field, in plain types."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from gateway.connectors.connector import Connector, Field
from gateway.errors import Code, GatewayError
from gateway.ingest import csv_header
from gateway.ingest.arrow.kinds import is_taken
from gateway.ingest.arrow.plain_arrays import LossError, plain
from gateway.ingest.arrow.tables import read_table
from gateway.ingest.excerpts import shorten


@dataclass(frozen=True, slots=True)
class ArrowColumns:
    """The columns of a body that are taken.

    Attributes:
        fields: The field of each column.
        arrays: The values of each column, in a plain type that its field takes.
        num_rows: The number of rows.
    """

    fields: Sequence[Field]
    arrays: Sequence[pa.Array]
    num_rows: int


def read_columns(
    data: bytes, connector: Connector, taken: Sequence[Field] | None, max_bytes: int
) -> ArrowColumns:
    """Return the columns of a body.

    Args:
        data: The body.
        connector: The connector whose fields the columns name.
        taken: The fields that are taken, while other columns are skipped; None takes all columns.
        max_bytes: The most bytes that the body may have when it is unpacked.

    Raises:
        GatewayError: The body is malformed, a name or a type of a column does not fit, or a value would lose digits.
    """
    table = read_table(data, max_bytes)
    header = csv_header.parse(table.column_names, connector, taken)
    fields, arrays = [], []
    for place, field in enumerate(header.fields):
        if field is not None:
            fields.append(field)
            arrays.append(_plain(table.column(place).combine_chunks(), table.column_names[place], field))
    return ArrowColumns(fields, arrays, table.num_rows)


def _plain(array: pa.Array, name: str, field: Field) -> pa.Array:
    try:
        found = plain(array)
    except LossError as error:
        raise _unfit(f"the column {shorten(name)} {error}", "round it to microseconds") from error
    if not is_taken(field.type, found.type):
        message = f"the column {shorten(name)} is {array.type}, and the field is {field.type.name}"
        raise _unfit(message, f"write values of the field: {field.type.expects}")
    return found


def _unfit(message: str, hint: str) -> GatewayError:
    return GatewayError(Code.COLUMN_UNFIT, message, hint=hint)
