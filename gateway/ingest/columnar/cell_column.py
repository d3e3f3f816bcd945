"""CellColumn: the CSV cells of one field as an Arrow column."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from gateway import strictjson
from gateway.connectors.fieldtypes.arrow_values import DECIMAL_MAX_DIGITS, write_digits
from gateway.ingest.columnar import json_values
from gateway.ingest.columnar.cell_lists import CellLists
from gateway.ingest.columnar.field_column import FieldColumn
from gateway.ingest.columnar.not_columnar import NotColumnarError
from gateway.strictjson import Json

#: Integers as pandas writes them in a column with gaps.
_WITH_POINT = r"^(0|-?[1-9][0-9]*)\.0+$"
_OF_NUMBERS = b"0123456789.-"


class CellColumn:
    """Reads the cells of one field. Any thread may use it."""

    def __init__(self, column: FieldColumn) -> None:
        self.field = column.field
        self._type = column.type
        self._column = column
        self._lists = CellLists(column)

    def read(self, cells: pa.Array, *, is_alone: bool) -> pa.Array:
        """Return the values of cells in the stored type.

        Args:
            cells: The texts of the cells. An empty cell is null, and `""` is an empty text.
            is_alone: Whether the rows have no other cell. Then `""` is also null, unless the field is a string.

        Raises:
            NotColumnarError: A value is invalid, or columns cannot decide it.
            pa.ArrowException: A value does not fit the stored type.
        """
        if is_alone and self._type.name != "string":
            cells = pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells)
        if cells.null_count and self.field.required:
            raise NotColumnarError
        array = self._read(cells)
        if array.null_count and not self.field.nullable:
            return pc.coalesce(array, self._absent)
        return array

    @cached_property
    def _absent(self) -> pa.Scalar:
        return self._type.arrow.build([self.field.absent_value])[0]

    def _read(self, cells: pa.Array) -> pa.Array:
        if self._type.item:
            return self._lists.read(cells)
        if not self._column.is_checkable:
            raise NotColumnarError
        if self._column.is_json:
            return self._read_json(cells)

        def exact(places: Sequence[int]) -> Iterator[Json]:
            return (self._type.text.parse(cells[place].as_py()) for place in places)

        return self._column.read(self._values(cells), exact)

    def _values(self, cells: pa.Array) -> pa.Array:
        """Return the values of cells in the type in which they are checked."""
        plain, read_as = self._type.arrow.plain, self._type.arrow.read_as
        if plain is None:
            return cells
        # PERF: a tenth of the time that the pattern takes.
        if read_as == pa.bool_():
            is_true = pc.equal(cells, "true")
            if pc.all(pc.or_(is_true, pc.equal(cells, "false"))).as_py():
                return is_true
        elif _are_digits(cells, read_as):
            try:
                return cells.cast(read_as)
            except pa.ArrowInvalid:
                pass
        return self._plain(cells, plain).cast(read_as)

    def _plain(self, cells: pa.Array, plain: str) -> pa.Array:
        """Return cells in the spelling that Arrow reads; those with another one are read one by one."""
        longest = pc.max(pc.binary_length(cells)).as_py()
        if longest is not None and longest > strictjson.MAX_DIGITS:
            raise NotColumnarError
        is_odd = _differ(cells, plain)
        if pc.any(is_odd).as_py() and self._type.name == "integer":
            cells = pc.replace_substring_regex(cells, _WITH_POINT, r"\1")
            is_odd = _differ(cells, plain)
        if not pc.any(is_odd).as_py():
            return cells
        odd = cells.filter(is_odd).dictionary_encode()
        read = pa.array([self._spelled(text) for text in odd.dictionary.to_pylist()], pa.string())
        if not pc.all(pc.match_substring_regex(read, plain)).as_py():
            raise NotColumnarError
        return pc.replace_with_mask(cells, is_odd, read.take(odd.indices))

    def _spelled(self, text: str) -> str:
        try:
            value = write_digits(self._type.text.parse(text))
        except ValueError as error:
            raise NotColumnarError from error
        return value if isinstance(value, str) else strictjson.write(value).decode()

    def _read_json(self, cells: pa.Array) -> pa.Array:
        array = json_values.stored_strings(cells)
        # The text null is a value that is null, and not an absent one.
        if array.null_count != cells.null_count and not self.field.nullable:
            raise NotColumnarError
        return array


def _are_digits(cells: pa.Array, arrow: pa.DataType) -> bool:
    """Return whether all texts have only digits, points and signs, which Arrow reads as the other reader does.

    It reads decimals wrongly if they have more than 38 digits, also after zeros are added to them. It reads -0 as the
    double -0.0, where the other reader takes an integer for 0.
    """
    longest = pc.max(pc.binary_length(cells)).as_py()
    scale = arrow.scale if pa.types.is_decimal(arrow) else 0
    if longest is None or longest + scale > DECIMAL_MAX_DIGITS:
        return False
    texts = cells.buffers()[2].to_pybytes()
    return not texts.translate(None, _OF_NUMBERS) and not (arrow == pa.float64() and b"-0" in texts)


def _differ(cells: pa.Array, plain: str) -> pa.Array:
    """Return of each text whether it does not match a pattern; false for null."""
    return pc.fill_null(pc.invert(pc.match_substring_regex(cells, plain)), False)
