"""Columnar: the rows of a large body to Arrow columns, without a Python value for each row.

It rejects nothing. If a body is not plainly valid, or columns cannot decide, the result is None. Then `payload` and
`validation` parse the rows one by one; tests prove that both ways give the same result.
"""

from functools import cached_property

import msgspec
import pyarrow as pa

from gateway.connectors.connector import Connector
from gateway.ingest.columnar.arrow_columns import ColumnarArrow
from gateway.ingest.columnar.columnar_rows import ColumnarRows
from gateway.ingest.columnar.csv_columns import ColumnarCsv
from gateway.ingest.columnar.field_column import FieldColumn
from gateway.ingest.columnar.json_columns import ColumnarJson
from gateway.ingest.columnar.not_columnar import NotColumnarError
from gateway.ingest.columnar.taken_fields import TakenFields
from gateway.ingest.payload import MAX_BODY
from gateway.media_types import BINARY, Media

#: How a body that must be parsed row by row shows itself.
_NOT_COLUMNAR = (
    NotColumnarError,
    msgspec.DecodeError,
    RecursionError,
    pa.ArrowException,
    UnicodeDecodeError,
    OverflowError,
)


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

    @cached_property
    def _csv(self) -> ColumnarCsv:
        return ColumnarCsv(self._connector, self._columns)

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
                is_lines = media is Media.NDJSON
                return ColumnarRows(table, range(1, table.num_rows + 1) if is_lines else None)
            if media is Media.CSV:
                return self._csv.parse(data, max_row, taken)
            if media in BINARY:
                return ColumnarRows(self._arrow.parse(data, max_row, max_body, taken))
        except _NOT_COLUMNAR:
            pass
        return None
