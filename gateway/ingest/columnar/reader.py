"""Columnar: the rows of a large body to Arrow columns, without a Python value for each row.

It rejects nothing. If a body is not plainly valid, or columns cannot decide, the result is None. Then `payload` and
`validation` parse the rows one by one; tests prove that both ways give the same result.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import msgspec
import pyarrow as pa

from gateway.connectors.connector import Connector, Field
from gateway.ingest.columnar.arrow_columns import ColumnarArrow
from gateway.ingest.columnar.field_column import FieldColumn
from gateway.ingest.columnar.json_columns import ColumnarJson
from gateway.ingest.columnar.not_columnar import NotColumnarError
from gateway.ingest.payload import MAX_BODY
from gateway.media_types import BINARY, Media
from gateway.strictjson import Json

#: How a body that must be parsed row by row shows itself.
_NOT_COLUMNAR = (
    NotColumnarError,
    msgspec.DecodeError,
    RecursionError,
    pa.ArrowException,
    UnicodeDecodeError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class TakenFields:
    """The fields that `columns` takes from a body.

    Attributes:
        fields: The fields.
        absent_is_null: Whether a field of them that the body does not have is null. Otherwise it takes its default.
    """

    fields: Sequence[Field]
    absent_is_null: bool


def _absent_value(taken: TakenFields | None, field: Field) -> Json:
    """Return the value of a field that a body does not have."""
    if taken is not None and taken.absent_is_null and field.nullable and field in taken.fields:
        return None
    return field.absent_value


@dataclass(frozen=True, slots=True)
class ColumnarRows:
    """The rows of a body, all of them valid.

    Attributes:
        table: The declared fields, one Arrow column each.
        first_line: The line of the first row, if each row is one line of the body; None for other bodies.
    """

    table: pa.Table
    first_line: int | None = None


class Columnar:
    """Parses the rows of one connector. Any thread may use it."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    @cached_property
    def _columns(self) -> list[FieldColumn]:
        return [FieldColumn(field) for field in self._connector.fields]

    @cached_property
    def _json(self) -> ColumnarJson:
        return ColumnarJson(self._columns)

    @cached_property
    def _arrow(self) -> ColumnarArrow:
        return ColumnarArrow(self._connector, self._columns)

    def parse(
        self,
        data: bytes,
        media: Media,
        max_row: int,
        taken: TakenFields | None = None,
        max_body: int = MAX_BODY,
    ) -> ColumnarRows | None:
        """Return the rows of a body, or None if they must be parsed one by one.

        Args:
            data: The body.
            media: Its media type.
            max_row: The most bytes that a row may have.
            taken: The fields that are taken, None for all.
            max_body: The most bytes of Parquet or Arrow when it is unpacked.

        Raises:
            GatewayError: Parquet or Arrow cannot be stored as a whole.
        """
        try:
            if media in (Media.JSON, Media.NDJSON) and taken is None:
                table = self._json.parse(data, media, max_row)
                return ColumnarRows(table, 1 if media is Media.NDJSON else None)
            if media in BINARY:
                fields = None if taken is None else taken.fields
                absent = functools.partial(_absent_value, taken)
                return ColumnarRows(self._arrow.parse(data, max_row, max_body, fields, absent))
        except _NOT_COLUMNAR:
            pass
        return None
