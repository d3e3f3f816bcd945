"""CellLists: the CSV cells of a field whose values are lists, as an Arrow column."""

from dataclasses import replace
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from gateway import strictjson
from gateway.connectors.connector import ABSENT
from gateway.connectors.fieldtypes.arrow_values import write_digits
from gateway.ingest.columnar.field_column import FieldColumn
from gateway.ingest.columnar.json_columns import ColumnarJson
from gateway.ingest.columnar.not_columnar import NotColumnarError
from gateway.media_types import Media
from gateway.strictjson import Json

#: The field of the JSON rows that hold the lists of a column, and the text around each list.
_LIST = "v"
_BEFORE_LIST, _AFTER_LIST = f'{{"{_LIST}":', "}\n"
#: Lists of numbers without exponents.
_NUMBERS = r"^\[(?:[0-9.-]+(?:, ?[0-9.-]+)*)?\]$"


class CellLists:
    """Reads lists that are spelled as JSON, or as PostgreSQL or DuckDB casts a list to text. Any thread may use it."""

    def __init__(self, column: FieldColumn) -> None:
        self._column = column
        self._type = column.type

    def read(self, cells: pa.Array) -> pa.Array:
        """Return the lists in the stored type.

        Raises:
            NotColumnarError: A list is invalid, or columns cannot decide it; as do the other errors that `reader` names.
        """
        is_exact = self._type.arrow.read_as is None
        read, write = (self._decimals, _plain_text) if is_exact else (self._json, _json_text)
        try:
            return read(cells)
        except (NotColumnarError, pa.ArrowException):
            parse = self._type.text.parse
        try:
            texts = [None if cell is None else write(parse(cell)) for cell in cells.to_pylist()]
        except ValueError as error:
            raise NotColumnarError from error
        return read(pa.array(texts, pa.string()))

    def _json(self, cells: pa.Array) -> pa.Array:
        """Read lists of JSON as the field of rows of JSON, a line each."""
        rows = pc.binary_join_element_wise(_BEFORE_LIST, pc.fill_null(cells, "null"), _AFTER_LIST, "")
        text = b"".join(rows.cast(pa.binary()).to_pylist())
        lists = self._rows.parse(text, Media.NDJSON, len(text)).column(0).combine_chunks()
        if len(lists) != len(cells) or lists.null_count != cells.null_count:
            raise NotColumnarError
        return lists

    @cached_property
    def _rows(self) -> ColumnarJson:
        field = replace(self._column.field, name=_LIST, nullable=True, default=ABSENT, renamed_from=None)
        return ColumnarJson([FieldColumn(field)])

    def _decimals(self, cells: pa.Array) -> pa.Array:
        """Split lists of decimals, which pyarrow's JSON reader does not read exactly."""
        item = self._type.item
        assert item is not None
        assert item.arrow.parse_strings is not None
        if pc.any(pc.invert(pc.match_substring_regex(cells, _NUMBERS))).as_py():
            raise NotColumnarError
        inside = pc.replace_substring_regex(cells, r"[\[\] ]", "")
        split = pc.split_pattern(inside, ",")
        counts = pc.if_else(pc.equal(inside, ""), 0, pc.list_value_length(split))
        texts = split.flatten()
        # An empty list is split into one empty text.
        items = item.arrow.parse_strings(texts.filter(pc.not_equal(texts, "")))
        ends = pc.cumulative_sum(pc.fill_null(counts, 0))
        offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
        lists = pa.ListArray.from_arrays(offsets, items, mask=cells.is_null())
        return self._column.read(lists, _undecided)


def _json_text(values: Json) -> str:
    return strictjson.write(values).decode()


def _plain_text(values: Json) -> str:
    """Write a list of numbers without exponents."""
    if any(isinstance(value, bool | str) or value is None for value in values):
        raise NotColumnarError
    return f"[{','.join(str(write_digits(value)) for value in values)}]"


def _undecided(_places: object) -> list[object]:
    raise NotColumnarError
