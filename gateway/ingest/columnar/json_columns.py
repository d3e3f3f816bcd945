"""JSON bodies to Arrow columns.

pyarrow parses without the GIL, and its compute functions check whole columns against the connector's JSON Schema.

pyarrow's reader takes JSON objects one after another, with any blanks between them, and ends at U+0000. An array is
passed as the only field of one object, so that the reader checks its grammar, too. Lines are checked to be one object
each. The reader rejects control characters in strings, so line ends are between values. It also rejects objects inside
rows, because no field that it parses is an object: fields of type json are split off before.

The reader accepts more than JSON: NaN, bytes that are not UTF-8, numbers of any length, and decimals in quotes. It
fails on the exponent of a decimal, and on a decimal with too many digits for 128 bits (seen in 26.0.1). So a column of
numbers that the first row has in quotes is parsed as strings. Those are converted to numbers if all are spelled plainly.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, cached_property

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from gateway import strictjson
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.fieldtypes.scalars import INT64_MIN
from gateway.ingest.columnar import json_text, json_values
from gateway.ingest.columnar.field_column import FieldColumn
from gateway.ingest.columnar.json_text import Texts
from gateway.ingest.columnar.not_columnar import NotColumnarError
from gateway.ingest.columnar.split_rows import RowSplitter, SplitRows, are_plain_names
from gateway.media_types import Media
from gateway.strictjson import Json

#: Up to this many decimal fields each have a pattern of their own.
_SINGLE_PATTERNS_MAX = 4
#: How many bytes are searched for the first number of each field, to see whether it is in quotes.
_HEAD_BYTES = 2**16


class ColumnarJson:
    """Parses JSON arrays and NDJSON with the columns of one connector. Any thread may use it."""

    def __init__(self, columns: Sequence[FieldColumn]) -> None:
        self._all = columns
        self._columns = [column for column in columns if not column.is_json]
        self._json = [column for column in columns if column.is_json]

    def parse(self, data: bytes, media: Media, max_row: int) -> pa.Table:
        """Return the rows of a JSON array or of NDJSON.

        Args:
            data: The body.
            media: Its media type.
            max_row: The most bytes that a row may have.

        Raises:
            NotColumnarError: The rows must be parsed one by one; as do the other errors that `reader` names.
        """
        if not self._is_possible:
            raise NotColumnarError
        if self._json:
            tables = [self._of_split(rows) for rows in self._splitter.split(data, media, max_row)]
        elif media is Media.JSON:
            tables = [self._of_array(text) for text in json_text.array_pieces(data, max_row)]
        else:
            tables = [
                self._of_lines(*piece, max_row)
                for piece in json_text.line_pieces(data, json_text.PIECE_BYTES)
            ]
        return tables[0] if len(tables) == 1 else pa.concat_tables(tables)

    @cached_property
    def _is_possible(self) -> bool:
        """True if the values that pyarrow parses can be checked and stored."""
        are_plain = not self._json or are_plain_names([column.name for column in self._all])
        return are_plain and all(column.is_checkable and _is_readable(column) for column in self._all)

    @cached_property
    def _splitter(self) -> RowSplitter:
        return RowSplitter([column.name for column in self._all], [column.name for column in self._json])

    def _of_split(self, rows: SplitRows) -> pa.Table:
        """Parse rows whose json fields are split off."""
        arrays = {column.name: self._stored(column, rows.values[column.name]) for column in self._json}
        if self._columns:
            table = self._of_rows(rows.text, rows.count)
            arrays |= dict(zip(table.column_names, table.columns, strict=True))
        names = [column.name for column in self._all]
        return pa.Table.from_arrays([arrays[name] for name in names], names=names)

    def _stored(self, column: FieldColumn, values: Sequence[msgspec.Raw | None]) -> pa.Array:
        array = json_values.stored_texts(values)
        _require_null_when_absent(column, array)
        return array

    def _of_array(self, text: bytes) -> pa.Table:
        """Parse an array of `json_text.array_pieces`."""
        quoted = self._find_quoted(text)
        fields = list(self._parsed(quoted))
        lists = self._parse(
            text, pa.schema([(json_text.ROWS_KEY, pa.list_(pa.struct(fields)))]), quoted
        ).column(0)
        if len(lists) != 1 or lists.null_count:
            raise NotColumnarError
        rows = lists.chunk(0).flatten()
        if not len(rows) or rows.null_count:
            raise NotColumnarError
        arrays = [rows.field(field.name) for field in fields]
        return self._table(arrays, quoted, cache(lambda: json_text.split_array(text)[json_text.ROWS_KEY]))

    def _of_lines(self, text: bytes, size: int, max_row: int) -> pa.Table:
        """Parse lines, each of which must be exactly one row."""
        return self._of_rows(text, json_text.require_lines(text, size, max_row))

    def _of_rows(self, text: bytes, count: int) -> pa.Table:
        """Parse rows without commas between them."""
        quoted = self._find_quoted(text)
        parsed = self._parse(text, self._parsed(quoted), quoted)
        if parsed.num_rows != count:
            raise NotColumnarError
        arrays = [column.chunk(0) for column in parsed.columns]
        return self._table(arrays, quoted, cache(lambda: json_text.split_lines(text)))

    def _find_quoted(self, text: bytes) -> frozenset[str]:
        """Return the numeric fields whose first number is in quotes. If later ones differ, pyarrow rejects the text."""
        head = text[:_HEAD_BYTES]
        first = {name: pattern.search(head) for name, pattern in self._first_numbers.items()}
        return frozenset(name for name, found in first.items() if found and found[1] == b'"')

    def _parse(self, text: bytes, expected: pa.Schema, quoted: frozenset[str]) -> pa.Table:
        json_text.require_plain(text)
        if self._has_doubles and strictjson.may_be_endless(text):
            raise NotColumnarError
        for pattern in self._odd_decimals(quoted):
            json_text.require_digits(text, pattern)
        options = pyarrow.json.ParseOptions(
            explicit_schema=expected, newlines_in_values=False, unexpected_field_behavior="error"
        )
        # One block makes one chunk. pyarrow does not search it for line ends, which may be inside a row.
        reading = pyarrow.json.ReadOptions(use_threads=False, block_size=len(text) + 1)
        return pyarrow.json.read_json(pa.BufferReader(text), reading, options)

    def _table(self, parsed: Sequence[pa.Array], quoted: frozenset[str], texts: Texts) -> pa.Table:
        """Check parsed columns, and return them in their stored types."""
        arrays = [
            self._read(column, _unquoted(column, array) if column.name in quoted else array, texts)
            for column, array in zip(self._columns, parsed, strict=True)
        ]
        return pa.Table.from_arrays(arrays, names=[column.name for column in self._columns])

    def _read(self, column: FieldColumn, array: pa.Array, texts: Texts) -> pa.Array:
        _require_null_when_absent(column, array)
        _require_no_signed_zero(array)

        def exact(places: Sequence[int]) -> Iterator[Json]:
            rows = texts()
            return (strictjson.read(bytes(rows[place]))[column.name] for place in places)

        return column.read(array, exact)

    def _odd_decimals(self, quoted: frozenset[str]) -> list[str]:
        """Return patterns of decimals that pyarrow must not parse, under keys without escapes."""
        odd = [
            json_text.odd_decimal(column.field, self._end_of_key(column.name))
            for column in self._columns
            if _is_decimal(column.type) and column.name not in quoted
        ]
        # PERF: the search uses the first and last letter of a pattern; alternatives have none in common.
        return odd if len(odd) <= _SINGLE_PATTERNS_MAX else ["|".join(odd)]

    def _end_of_key(self, name: str) -> str:
        # PERF: quotes are far more frequent than first letters of names, so the pattern has one only if it needs it.
        is_suffix = any(column.name != name and column.name.endswith(name) for column in self._columns)
        return f'"{re.escape(name)}' if is_suffix else re.escape(name)

    @cached_property
    def _first_numbers(self) -> dict[str, re.Pattern[bytes]]:
        """A pattern of the first number of each field that may be sent as a string."""
        names = [column.name for column in self._columns if column.type.arrow.parse_strings]
        return {
            name: re.compile(rf'"{re.escape(name)}"{json_text.COLON}(?:\[\s*)?(["0-9-])'.encode())
            for name in names
        }

    @cached_property
    def _has_doubles(self) -> bool:
        """True if a number may have too many digits. No integer can, and no decimal that pyarrow parses."""
        return any(
            pa.types.is_floating((column.type.item or column.type).arrow.type) for column in self._columns
        )

    def _parsed(self, quoted: frozenset[str]) -> pa.Schema:
        return pa.schema(
            [
                (
                    column.name,
                    _as_strings(column.type) if column.name in quoted else column.type.arrow.read_as,
                )
                for column in self._columns
            ]
        )


def _as_strings(type: FieldType) -> pa.DataType:
    return pa.list_(pa.string()) if type.item else pa.string()


def _is_decimal(type: FieldType) -> bool:
    return isinstance(type.arrow.type, pa.Decimal128Type)


def _unquoted(column: FieldColumn, array: pa.Array) -> pa.Array:
    """Return parsed strings as the numbers that they spell."""
    assert column.type.arrow.parse_strings is not None
    return column.type.arrow.parse_strings(array)


def _require_null_when_absent(column: FieldColumn, array: pa.Array) -> None:
    """Check nulls: each may stand for an absent value, which some fields do not treat as null."""
    if array.null_count and not column.is_null_when_absent:
        raise NotColumnarError


def _require_no_signed_zero(array: pa.Array) -> None:
    """Check doubles: the other parser takes -0 as an integer, unless it is spelled -0.0."""
    values = array.flatten() if pa.types.is_list(array.type) else array
    if values.type == pa.float64() and pc.any(pc.equal(values.view(pa.int64()), INT64_MIN)).as_py():
        raise NotColumnarError


def _is_readable(column: FieldColumn) -> bool:
    """Return whether the text of the column's values can be searched, if that is necessary."""
    return not _is_decimal(column.type) or not {'"', "\\"} & set(column.name)
