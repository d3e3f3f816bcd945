"""Parquet and Arrow bodies to columns in the stored types of their fields."""

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from gateway.connectors.connector import Connector, Field
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.ingest.arrow.columns import read_columns
from gateway.ingest.arrow.json_values import json_values
from gateway.ingest.arrow.kinds import kind_of
from gateway.ingest.columnar.field_column import FieldColumn
from gateway.ingest.columnar.not_columnar import NotColumnarError
from gateway.strictjson import Json

#: More than any integer of 64 bits has, for a cast to a decimal.
_INTEGERS = pa.decimal128(38, 0)


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
        taken: Sequence[Field] | None,
        absent: Callable[[Field], Json],
    ) -> pa.Table:
        """Return the rows of a body.

        Args:
            data: The body.
            max_row: The most bytes that the JSON text of a row may have.
            max_body: The most bytes that the body may have when it is unpacked.
            taken: The fields that are taken; None takes all columns.
            absent: Returns the value of a field that the body does not have.

        Raises:
            NotColumnarError: The rows must be parsed one by one; as do the other errors that `reader` names.
            GatewayError: The body as a whole is invalid.
        """
        found = read_columns(data, self._connector, taken, max_body)
        _require_short(found.arrays, max_row)
        arrays = dict(zip((field.name for field in found.fields), found.arrays, strict=True))
        columns = [
            _read(column, arrays[column.name])
            if column.name in arrays
            else _repeated(column.field, absent(column.field), found.num_rows)
            for column in self._columns
        ]
        return pa.Table.from_arrays(columns, names=[column.name for column in self._columns])


def _require_short(arrays: Sequence[pa.Array], max_row: int) -> None:
    """Check that the JSON text of no row is too long, at its longest: six bytes for each byte of a string."""
    most = sum(_bytes_max(array) for array in arrays)
    if most > max_row:
        raise NotColumnarError


#: More bytes than a value without a string has as JSON, with its key and its comma.
_VALUE_BYTES = 400


def _bytes_max(array: pa.Array) -> int:
    if not len(array) or kind_of(array.type) == "null":
        return _VALUE_BYTES
    if pa.types.is_string(array.type):
        return 6 * (pc.max(pc.binary_length(array)).as_py() or 0) + _VALUE_BYTES
    if pa.types.is_list(array.type):
        return (pc.max(pc.list_value_length(array)).as_py() or 0) * _bytes_max(array.values) + _VALUE_BYTES
    return _VALUE_BYTES


def _repeated(field: Field, value: Json, count: int) -> pa.Array:
    if value is None:
        if not field.nullable:
            raise NotColumnarError
        return pa.nulls(count, field.type.arrow.type)
    return field.type.arrow.build([value]).take(pa.array([0] * count, pa.int32()))


def _read(column: FieldColumn, array: pa.Array) -> pa.Array:
    if array.null_count and not column.field.nullable:
        raise NotColumnarError
    if kind_of(array.type) == "null":
        return pa.nulls(len(array), column.type.arrow.type)
    if column.type.item is None:
        converted, is_text = _converted(column.type, array)
    else:
        items, is_text = _converted(column.type.item, array.values)
        converted = pa.ListArray.from_arrays(array.offsets, items, mask=array.is_null())

    def exact(places: Sequence[int]) -> Sequence[Json]:
        return json_values(converted.take(pa.array(places, pa.int64())))

    return column.read(converted, exact) if is_text else column.read_stored(converted)


def _converted(type: FieldType, array: pa.Array) -> tuple[pa.Array, bool]:
    """Return values in `arrow.read_as` of a type and true, or in its stored type and false."""
    name = "decimal" if pa.types.is_decimal(type.arrow.type) else type.name
    kind = kind_of(array.type)
    assert kind is not None
    if (name, kind) in _MOMENTS:
        return _MOMENTS[name, kind](array), False
    if kind == "string" and name not in ("string", "integer", "decimal", "json", "number", "boolean"):
        return array, True
    if (name, kind) not in _CONVERSIONS:
        raise NotColumnarError
    return _CONVERSIONS[name, kind](type, array), True


def _same(type: FieldType, array: pa.Array) -> pa.Array:
    return array


def _text(type: FieldType, array: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring(array, "\0")).as_py():
        raise NotColumnarError
    return array


def _cast(type: FieldType, array: pa.Array) -> pa.Array:
    return array.cast(type.arrow.type)


def _numeral(type: FieldType, array: pa.Array) -> pa.Array:
    assert type.arrow.parse_strings is not None
    return type.arrow.parse_strings(array)


def _from_text(type: FieldType, array: pa.Array) -> pa.Array:
    return _numeral(type, array.cast(pa.string()))


def _from_integer(type: FieldType, array: pa.Array) -> pa.Array:
    return array.cast(_INTEGERS).cast(type.arrow.type)


def _through_text(type: FieldType, array: pa.Array) -> pa.Array:
    return array.cast(pa.string()).cast(type.arrow.type)


def _uuid(type: FieldType, array: pa.Array) -> pa.Array:
    return pa.array(json_values(array), pa.string())


def _whole_days(array: pa.Array) -> pa.Array:
    days = array.cast(pa.date32(), safe=False)
    if not days.cast(array.type).equals(array):
        raise NotColumnarError
    return days


def _unchanged(array: pa.Array) -> pa.Array:
    return array


_CONVERSIONS: Mapping[tuple[str, str], Callable[[FieldType, pa.Array], pa.Array]] = {
    ("string", "string"): _text,
    ("integer", "integer"): _same,
    ("integer", "float"): _cast,
    ("integer", "decimal"): _cast,
    ("integer", "string"): _numeral,
    ("number", "integer"): _cast,
    ("number", "float"): _cast,
    ("number", "decimal"): _through_text,
    ("decimal", "integer"): _from_integer,
    ("decimal", "float"): _from_text,
    ("decimal", "decimal"): _cast,
    ("decimal", "string"): _numeral,
    ("boolean", "boolean"): _same,
    ("uuid", "uuid"): _uuid,
}
_MOMENTS: Mapping[tuple[str, str], Callable[[pa.Array], pa.Array]] = {
    ("date", "date"): _unchanged,
    ("date", "datetime"): _whole_days,
    ("time", "time"): _unchanged,
    ("timestamp", "instant"): _unchanged,
    ("datetime", "datetime"): _unchanged,
}
