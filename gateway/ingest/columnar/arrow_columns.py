"""Parquet and Arrow bodies to columns in the stored types of their fields."""

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from gateway.connectors.connector import Connector
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.ingest.arrow.columns import EXACT_MAX, read_columns
from gateway.ingest.arrow.json_values import NoJson, json_values
from gateway.ingest.arrow.kinds import group_of, kind_of
from gateway.ingest.columnar.field_column import FieldColumn
from gateway.ingest.columnar.json_values import stored_strings
from gateway.ingest.columnar.not_columnar import NotColumnarError
from gateway.ingest.columnar.taken_fields import TakenFields, absent_column
from gateway.strictjson import Json

#: A decimal for any integer of 64 bits, which is then cast to a smaller one.
_INTEGERS = pa.decimal128(38, 0)
#: More bytes than a value without a text has as JSON, with its key, and the most bytes of a byte of a text.
_VALUE_BYTES, _ESCAPED_BYTES = 600, 6


class ColumnarArrow:
    """Reads Parquet and Arrow with the columns of one connector. Any thread may use it."""

    def __init__(self, connector: Connector, columns: Sequence[FieldColumn]) -> None:
        self._connector = connector
        self._columns = columns

    def parse(
        self,
        data: bytes,
        max_row: int,
        max_body: int,
        taken: TakenFields | None,
    ) -> pa.Table:
        """Return the rows of a body.

        Args:
            data: The body.
            max_row: The most bytes that the JSON text of a row may have.
            max_body: The most bytes that the body may have when it is unpacked.
            taken: The fields that are taken, None for all.

        Raises:
            NotColumnarError: The rows must be parsed one by one; as do the other errors that `reader` names.
            GatewayError: The body as a whole is invalid.
        """
        found = read_columns(data, self._connector, taken.fields if taken else None, max_body)
        arrays = dict(zip((field.name for field in found.fields), found.arrays, strict=True))
        columns = [
            _read(column, arrays[column.name])
            if column.name in arrays
            else absent_column(taken, column.field, found.num_rows)
            for column in self._columns
        ]
        sizes = [
            _bytes_max(column if kind_of(array.type) in _AS_TEXT else array)
            for column, array in zip(columns, (arrays.get(each.name) for each in self._columns), strict=True)
            if array is not None
        ]
        if sum(sizes) > max_row:
            raise NotColumnarError
        return pa.Table.from_arrays(columns, names=[column.name for column in self._columns])


#: Kinds whose values are measured as they are stored.
_AS_TEXT = frozenset(("map", "struct"))


def _bytes_max(array: pa.Array) -> int:
    """Return at least the bytes of the longest JSON text of a value with its key."""
    if pa.types.is_string(array.type):
        return _ESCAPED_BYTES * (pc.max(pc.binary_length(array)).as_py() or 0) + _VALUE_BYTES
    if pa.types.is_list(array.type):
        return (pc.max(pc.list_value_length(array)).as_py() or 0) * _bytes_max(array.values) + _VALUE_BYTES
    return _VALUE_BYTES


def _read(column: FieldColumn, array: pa.Array) -> pa.Array:
    """Check plain values of a field, and return them in the stored type."""
    if array.null_count and not column.field.nullable:
        raise NotColumnarError
    kind = kind_of(array.type)
    if kind == "null":
        return pa.nulls(len(array), column.type.arrow.type)
    if column.is_json:
        return _read_json(column, array)
    item = column.type.item
    is_stored = (group_of(item or column.type), kind_of(array.values.type) if item else kind) in _MOMENTS
    if item is None:
        converted = _converted(column.type, array)
    else:
        items = _converted(item, array.values)
        converted = pa.ListArray.from_arrays(array.offsets, items, mask=array.is_null())

    def exact(places: Sequence[int]) -> Sequence[Json]:
        return json_values(converted.take(pa.array(places, pa.int64())))

    return column.read_stored(converted) if is_stored else column.read(converted, exact)


def _read_json(column: FieldColumn, array: pa.Array) -> pa.Array:
    """Return the stored texts of JSON values; a string is JSON text."""
    if not column.is_checkable:
        raise NotColumnarError
    if kind_of(array.type) == "string":
        stored = stored_strings(array)
    else:
        values = json_values(array)
        if any(isinstance(value, NoJson) for value in values):
            raise NotColumnarError
        stored = column.type.arrow.build(values)
    if stored.null_count and not column.field.nullable:
        raise NotColumnarError
    return stored


def _converted(type: FieldType, array: pa.Array) -> pa.Array:
    """Return values in the stored type, or in `arrow.read_as` for days and times that are texts."""
    group, kind = group_of(type), kind_of(array.type)
    if kind == "null":
        raise NotColumnarError  # A null inside a list.
    convert = _MOMENTS.get((group, kind or "")) or _CONVERSIONS.get((group, kind or ""))
    if convert is None:
        raise NotColumnarError
    return convert(type, array)


def _same(type: FieldType, array: pa.Array) -> pa.Array:
    return array


def _text(type: FieldType, array: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring(array, "\0")).as_py():
        raise NotColumnarError
    return array


def _cast(type: FieldType, array: pa.Array) -> pa.Array:
    return array.cast(type.arrow.type)


def _whole(type: FieldType, array: pa.Array) -> pa.Array:
    """Return whole floats as integers. Larger ones have other digits as they are written."""
    ends = pc.min_max(array).as_py()
    if ends["min"] is not None and not -EXACT_MAX <= ends["min"] <= ends["max"] <= EXACT_MAX:
        raise NotColumnarError
    return array.cast(type.arrow.type)


def _numeral(type: FieldType, array: pa.Array) -> pa.Array:
    assert type.arrow.parse_strings is not None
    return type.arrow.parse_strings(array)


def _from_float(type: FieldType, array: pa.Array) -> pa.Array:
    return _numeral(type, array.cast(pa.string()))


def _from_integer(type: FieldType, array: pa.Array) -> pa.Array:
    return array.cast(_INTEGERS).cast(type.arrow.type)


def _from_decimal(type: FieldType, array: pa.Array) -> pa.Array:
    return array.cast(pa.string()).cast(type.arrow.type)


def _uuid(type: FieldType, array: pa.Array) -> pa.Array:
    return pa.array(json_values(array), pa.string())


_CONVERSIONS: Mapping[tuple[str, str], Callable[[FieldType, pa.Array], pa.Array]] = {
    ("string", "string"): _text,
    ("integer", "integer"): _same,
    ("integer", "float"): _whole,
    ("integer", "decimal"): _cast,
    ("integer", "string"): _numeral,
    ("number", "integer"): _cast,
    ("number", "float"): _cast,
    ("number", "decimal"): _from_decimal,
    ("decimal", "integer"): _from_integer,
    ("decimal", "float"): _from_float,
    ("decimal", "decimal"): _cast,
    ("decimal", "string"): _numeral,
    ("boolean", "boolean"): _same,
    ("uuid", "uuid"): _uuid,
    **{(group, "string"): _same for group in ("date", "time", "timestamp", "datetime", "uuid")},
}
#: The conversions to the stored types of days and times.
_MOMENTS: Mapping[tuple[str, str], Callable[[FieldType, pa.Array], pa.Array]] = {
    ("date", "date"): _same,
    ("time", "time"): _same,
    ("timestamp", "instant"): _same,
    ("datetime", "datetime"): _same,
}
