"""Fast path: the rows of a large JSON body to Arrow columns, without a Python value for each row.

pyarrow parses without the GIL, and its compute functions check whole columns against the connector's JSON Schema. This
path rejects nothing. If a body is not plainly valid, or columns cannot decide, the result is None. Then `payload` and
`validation` parse the rows one by one; tests prove that both ways give the same result.

pyarrow's reader takes JSON objects one after another, with any blanks between them, and ends at U+0000. An array is
passed as the only field of one object, so that the reader checks its grammar, too. Lines are checked to be one object
each. The reader rejects control characters in strings, so line ends are between values. It also rejects objects inside
rows, because no field is an object.

The reader accepts more than JSON: NaN, bytes that are not UTF-8, numbers of any length, and decimals in quotes. It
fails on the exponent of a decimal, and on a decimal with too many digits for 128 bits (seen in 26.0.1). So a column of
numbers that the first row has in quotes is parsed as strings. Those are converted to numbers if all are spelled plainly.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import msgspec
import pyarrow as pa
import pyarrow.json

from gateway import strictjson
from gateway.connectors import schema
from gateway.connectors.connector import Connector, Field
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.ingest import columnar_text
from gateway.ingest.column_checks import checks_of
from gateway.ingest.columnar_text import NotColumnarError, Texts
from gateway.media_types import Media

#: Up to this many decimal fields each have a pattern of their own.
_SINGLE_PATTERNS_MAX = 4
#: How many bytes are searched for the first number of each field, to see whether it is in quotes.
_HEAD_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class ColumnarRows:
    """The rows of a body, all of them valid.

    Attributes:
        table: The declared fields, one Arrow column each.
        has_lines: Whether row N is line N of the body.
    """

    table: pa.Table
    has_lines: bool


class Columnar:
    """Parses the rows of one connector. Any thread may use it."""

    def __init__(self, connector: Connector) -> None:
        self._fields = connector.fields

    @cached_property
    def _columns(self) -> "list[_Column] | None":
        """The reader of each field; None if one field cannot be parsed as a column."""
        columns = [_Column(field) for field in self._fields]
        return columns if all(column.is_readable for column in columns) else None

    def parse(self, data: bytes, media: Media, max_row: int) -> ColumnarRows | None:
        """Return the rows of a JSON array or of NDJSON, or None if they must be parsed one by one.

        Args:
            data: The body.
            media: Its media type.
            max_row: The most bytes that a row may have.
        """
        if self._columns is None:
            return None
        try:
            if media is Media.JSON:
                tables = [self._of_array(text) for text in columnar_text.array_pieces(data, max_row)]
            elif media is Media.NDJSON:
                tables = [self._of_lines(*piece, max_row) for piece in columnar_text.line_pieces(data)]
            else:
                return None
        except (
            NotColumnarError,
            msgspec.DecodeError,
            RecursionError,
            pa.ArrowException,
            UnicodeDecodeError,
            OverflowError,
        ):
            return None
        return ColumnarRows(
            tables[0] if len(tables) == 1 else pa.concat_tables(tables), media is Media.NDJSON
        )

    def _of_array(self, text: bytes) -> pa.Table:
        """Parse an array of `columnar_text.array_pieces`."""
        quoted = self._find_quoted(text)
        fields = list(self._parsed(quoted))
        lists = self._parse(
            text, pa.schema([(columnar_text.ROWS_KEY, pa.list_(pa.struct(fields)))]), quoted
        ).column(0)
        if len(lists) != 1 or lists.null_count:
            raise NotColumnarError
        rows = lists.chunk(0).flatten()
        if not len(rows) or rows.null_count:
            raise NotColumnarError
        arrays = [rows.field(field.name) for field in fields]
        return self._table(
            arrays, quoted, cache(lambda: columnar_text.split_array(text)[columnar_text.ROWS_KEY])
        )

    def _of_lines(self, text: bytes, size: int, max_row: int) -> pa.Table:
        """Parse lines, each of which must be exactly one row."""
        rows = columnar_text.require_lines(text, size, max_row)
        quoted = self._find_quoted(text)
        parsed = self._parse(text, self._parsed(quoted), quoted)
        if parsed.num_rows != rows:
            raise NotColumnarError
        arrays = [column.chunk(0) for column in parsed.columns]
        return self._table(arrays, quoted, cache(lambda: columnar_text.split_lines(text)))

    def _find_quoted(self, text: bytes) -> frozenset[str]:
        """Return the numeric fields whose first number is in quotes. If later ones differ, pyarrow rejects the text."""
        head = text[:_HEAD_BYTES]
        first = {name: pattern.search(head) for name, pattern in self._first_numbers.items()}
        return frozenset(name for name, found in first.items() if found and found[1] == b'"')

    def _parse(self, text: bytes, expected: pa.Schema, quoted: frozenset[str]) -> pa.Table:
        columnar_text.require_plain(text)
        if self._has_doubles and strictjson.may_be_endless(text):
            raise NotColumnarError
        for pattern in self._odd_decimals(quoted):
            columnar_text.require_digits(text, pattern)
        options = pyarrow.json.ParseOptions(
            explicit_schema=expected, newlines_in_values=False, unexpected_field_behavior="error"
        )
        # One block makes one chunk. pyarrow does not search it for line ends, which may be inside a row.
        reading = pyarrow.json.ReadOptions(use_threads=False, block_size=len(text) + 1)
        return pyarrow.json.read_json(pa.BufferReader(text), reading, options)

    def _table(self, parsed: Sequence[pa.Array], quoted: frozenset[str], texts: "Texts") -> pa.Table:
        """Check parsed columns, and return them in their stored types."""
        assert self._columns is not None
        arrays = [
            column.read(column.unquoted(array) if column.name in quoted else array, texts)
            for column, array in zip(self._columns, parsed, strict=True)
        ]
        return pa.Table.from_arrays(arrays, names=[column.name for column in self._columns])

    def _odd_decimals(self, quoted: frozenset[str]) -> list[str]:
        """Return patterns of decimals that pyarrow must not parse, under keys without escapes."""
        odd = [
            columnar_text.odd_decimal(field, self._end_of_key(field.name))
            for field in self._fields
            if _is_decimal(field.type) and field.name not in quoted
        ]
        # PERF: the search uses the first and last letter of a pattern; alternatives have none in common.
        return odd if len(odd) <= _SINGLE_PATTERNS_MAX else ["|".join(odd)]

    def _end_of_key(self, name: str) -> str:
        # PERF: quotes are far more frequent than first letters of names, so the pattern has one only if it needs it.
        is_suffix = any(field.name != name and field.name.endswith(name) for field in self._fields)
        return f'"{re.escape(name)}' if is_suffix else re.escape(name)

    @cached_property
    def _first_numbers(self) -> dict[str, re.Pattern[bytes]]:
        """A pattern of the first number of each field that may be sent as a string."""
        names = [field.name for field in self._fields if field.type.arrow.parse_strings]
        return {
            name: re.compile(rf'"{re.escape(name)}"{columnar_text.COLON}(?:\[\s*)?(["0-9-])'.encode())
            for name in names
        }

    @cached_property
    def _has_doubles(self) -> bool:
        """True if a number may have too many digits. No integer can, and no decimal that pyarrow parses."""
        return any(pa.types.is_floating((field.type.item or field.type).arrow.type) for field in self._fields)

    def _parsed(self, quoted: frozenset[str]) -> pa.Schema:
        return pa.schema(
            [
                (
                    field.name,
                    _as_strings(field.type) if field.name in quoted else field.type.arrow.read_as,
                )
                for field in self._fields
            ]
        )


def _as_strings(type: FieldType) -> pa.DataType:
    return pa.list_(pa.string()) if type.item else pa.string()


def _is_decimal(type: FieldType) -> bool:
    return isinstance(type.arrow.type, pa.Decimal128Type)


class _Column:
    """The reader of one field as a column."""

    def __init__(self, field: Field) -> None:
        self.name = field.name
        self._field = field
        self._type = field.type
        built = schema.build_field(field)
        # The items of a list are checked.
        built = built["items"] if field.type.item else built
        self._is_valid = schema.compile_schema(built).is_valid
        self._checks = checks_of(built, field.type.item or field.type, self._is_valid)

    @property
    def is_readable(self) -> bool:
        """True if the values that pyarrow parses can be checked and stored."""
        has_plain_key = not _is_decimal(self._type) or not {'"', "\\"} & set(self.name)
        return self._type.arrow.read_as is not None and self._checks is not None and has_plain_key

    def unquoted(self, array: pa.Array) -> pa.Array:
        """Return parsed strings as the numbers that they spell."""
        assert self._type.arrow.parse_strings is not None
        return self._type.arrow.parse_strings(array)

    def read(self, array: pa.Array, texts: Texts) -> pa.Array:
        """Check parsed values, and return them in the stored type; `texts` returns the text of each row."""
        # A null may stand for an absent value, which some fields do not treat as null.
        if array.null_count and not (self._field.nullable and self._field.absent_value is None):
            raise NotColumnarError
        values = array.flatten() if self._type.item else array
        if self._type.item and values.null_count:
            raise NotColumnarError
        for check in self._checks or ():
            doubtful = check(values)
            if doubtful and self._type.item:
                raise NotColumnarError
            if doubtful:
                self._check_rows(doubtful, texts())
        return self._type.arrow.cast(array)

    def _check_rows(self, doubtful: Sequence[int], texts: Sequence[msgspec.Raw]) -> None:
        """Check the values of some rows with the schema itself."""
        for place in doubtful:
            if not self._is_valid(strictjson.read(bytes(texts[place]))[self.name]):
                raise NotColumnarError
