"""CSV bodies to Arrow columns.

pyarrow splits records into cells without the GIL, and its compute functions read and check the cells of a column. The
header is parsed by `csv_header`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from gateway.connectors.connector import Connector
from gateway.errors import GatewayError
from gateway.ingest import csv_header, csv_records
from gateway.ingest.body_text import start_of
from gateway.ingest.columnar import csv_text
from gateway.ingest.columnar.cell_column import CellColumn
from gateway.ingest.columnar.columnar_rows import ColumnarRows
from gateway.ingest.columnar.field_column import FieldColumn
from gateway.ingest.columnar.not_columnar import NotColumnarError
from gateway.ingest.columnar.taken_fields import TakenFields, absent_column
from gateway.ingest.csv_header import CsvHeader

#: The most cells of a row; each column takes memory, also those that `columns` skips.
_CELLS_MAX = 2000


@dataclass(frozen=True, slots=True)
class _Head:
    """The header of a body.

    Attributes:
        header: The columns.
        end: Where the records begin.
        line: The line in which they begin.
    """

    header: CsvHeader
    end: int
    line: int


class ColumnarCsv:
    """Parses CSV with the columns of one connector. Any thread may use it."""

    def __init__(self, connector: Connector, columns: Sequence[FieldColumn]) -> None:
        self._connector = connector
        self._columns = {column.name: CellColumn(column) for column in columns}

    def parse(self, data: bytes, max_row: int, taken: TakenFields | None) -> ColumnarRows:
        """Return the rows of a body.

        Args:
            data: The body.
            max_row: The most bytes that a row may have.
            taken: The fields that are taken, None for all.

        Raises:
            NotColumnarError: The rows must be parsed one by one; as do the other errors that `reader` names.
        """
        head = self._head(data, max_row, taken)
        tables: list[pa.Table] = []
        lines: list[range | pa.Array] = []
        line = head.line
        # A blank line is a row if rows have one cell.
        end = len(data) if len(head.header.fields) == 1 else csv_text.without_blank_lines(data, head.end)
        for text in csv_text.pieces(data, head.end, end, max_row):
            csv_text.require_records(text, max_row)
            cells = _cells(text, head.header)
            line_ends = text.count(b"\n")
            lines.append(_lines(cells, line, line_ends, max_row))
            tables.append(self._table(cells, head.header))
            line += line_ends
        if not tables:
            raise NotColumnarError
        return ColumnarRows(self._with_absent(pa.concat_tables(tables), taken), _joined(lines))

    def _head(self, data: bytes, max_row: int, taken: TakenFields | None) -> _Head:
        start = start_of(data)
        if data.find(b"\n", start, start + max_row) < 0:
            raise NotColumnarError
        try:
            _, text, record = next(csv_records.read(data, start), (0, b"", ""))
            if isinstance(record, str) or not text.strip() or len(text) > max_row or len(record) > _CELLS_MAX:
                raise NotColumnarError
            header = csv_header.parse(record, self._connector, taken.fields if taken else None)
        except (GatewayError, csv_records.UnclosedQuoteError) as error:
            raise NotColumnarError from error
        end = start + len(text)
        # A record without quotes comes without its line end.
        end += 0 if text.endswith(b"\n") else len(data[end : end + 1])
        return _Head(header, end, 1 + data.count(b"\n", start, end))

    def _table(self, cells: Sequence[pa.Array], header: CsvHeader) -> pa.Table:
        """Read and check the cells of all fields that the header names."""
        if any(cells[place].null_count != len(cells[place]) for place in header.nameless):
            raise NotColumnarError
        of_fields = [(field.name, texts) for field, texts in zip(header.fields, cells, strict=True) if field]
        arrays = [self._columns[name].read(texts, is_alone=len(cells) == 1) for name, texts in of_fields]
        return pa.Table.from_arrays(arrays, names=[name for name, _ in of_fields])

    def _with_absent(self, table: pa.Table, taken: TakenFields | None) -> pa.Table:
        """Add the fields that the header does not name, none of which is required."""
        columns = dict(zip(table.column_names, table.columns, strict=True))
        sizes = [len(chunk) for chunk in table.column(0).chunks]
        for field in self._connector.fields:
            if field.name not in columns:
                # All pieces share one array.
                repeated = absent_column(taken, field, max(sizes))
                columns[field.name] = pa.chunked_array([repeated[:size] for size in sizes])
        names = [field.name for field in self._connector.fields]
        return pa.Table.from_arrays([columns[name] for name in names], names=names)


def _cells(text: bytes, header: CsvHeader) -> list[pa.Array]:
    """Split records into cells, an array of texts for each column; an empty cell is null, and `""` is not."""
    names = [str(place) for place in range(len(header.fields))]
    # One block makes one chunk.
    reading = pyarrow.csv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=names)
    parsing = pyarrow.csv.ParseOptions(newlines_in_values=b'"' in text, ignore_empty_lines=len(names) > 1)
    converting = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        check_utf8=False,
    )
    table = pyarrow.csv.read_csv(pa.BufferReader(text), reading, parsing, converting)
    return [column.chunk(0) for column in table.columns]


def _lines(cells: Sequence[pa.Array], first: int, line_ends: int, max_row: int) -> range | pa.Array:
    """Return the line in which each record begins.

    Raises:
        NotColumnarError: There is a blank line between records, or a record may be too long.
    """
    count = len(cells[0])
    if line_ends == count:
        return range(first, first + count)
    inside = _summed([pc.count_substring(column, "\n") for column in cells])
    # There may be no record at all.
    if count + pc.sum(inside, min_count=0).as_py() != line_ends:
        raise NotColumnarError
    sizes = _summed([pc.binary_length(column) for column in cells])
    # Each character may be a quote, which is written twice.
    if 2 * pc.max(sizes).as_py() + 3 * len(cells) > max_row:
        raise NotColumnarError
    of_each = pc.add(inside, 1)
    return pc.add(pc.subtract(pc.cumulative_sum(of_each), of_each), first)


def _joined(lines: Sequence[range | pa.Array]) -> range | pa.ChunkedArray:
    """Join the lines of pieces of a body."""
    if all(isinstance(each, range) for each in lines):
        return range(lines[0].start, lines[-1].stop)
    arrays = [pa.arange(each.start, each.stop) if isinstance(each, range) else each for each in lines]
    return pa.chunked_array(arrays)


def _summed(counts: Sequence[pa.Array]) -> pa.Array:
    """Return the sums of several counts of each record."""
    total = pa.repeat(pa.scalar(0, pa.int64()), len(counts[0]))
    for each in counts:
        total = pc.add(total, pc.fill_null(each.cast(pa.int64()), 0))
    return total
