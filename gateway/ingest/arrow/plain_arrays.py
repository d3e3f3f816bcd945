"""Plain arrays: the same values in fewer Arrow types, each with one layout."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

_types = pa.types


class LossError(ValueError):
    """A value has digits that the type does not hold; the message ends a sentence that begins with the column."""


def plain(array: pa.Array) -> pa.Array:
    """Return an array in a plain type: int64, float, decimal128, string, microseconds, list, struct, or map.

    Raises:
        LossError: A value has nanoseconds.
        pa.ArrowException: A value does not fit the plain type.
    """
    arrow = array.type
    if isinstance(arrow, pa.BaseExtensionType):
        return plain(array.storage)
    if _types.is_dictionary(arrow):
        return plain(array.dictionary_decode())
    return next((convert(array) for test, convert in _CONVERSIONS if test(arrow)), array)


def _unsigned(array: pa.Array) -> pa.Array:
    try:
        return array.cast(pa.int64())
    except pa.ArrowInvalid:
        return array.cast(pa.decimal128(20, 0))


def _in_microseconds(array: pa.Array) -> pa.Array:
    # A time zone changes how an instant is shown, and not the instant.
    to = pa.timestamp("us", "UTC" if array.type.tz is not None else None)
    return _without_loss(array, pa.timestamp(array.type.unit, to.tz), to)


def _time(array: pa.Array) -> pa.Array:
    return _without_loss(array, array.type, pa.time64("us"))


def _without_loss(array: pa.Array, from_: pa.DataType, to: pa.DataType) -> pa.Array:
    array = array.view(from_)
    if array.type.unit == "ns":
        units = array.view(pa.int64())
        whole = pc.multiply(pc.divide(units, 1000), 1000)
        lost = pc.indices_nonzero(pc.fill_null(pc.not_equal(units, whole), False))
        if len(lost):
            raise LossError(f"has nanoseconds: row {lost[0].as_py() + 1}")
    return array.cast(to)


def _list(array: pa.Array) -> pa.Array:
    """Return lists without hidden items: those of a null list, and those before the first list and after the last."""
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int32())
    items = plain(array.flatten())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    return pa.ListArray.from_arrays(offsets, items, type=pa.list_(items.type), mask=array.is_null())


def _struct(array: pa.Array) -> pa.Array:
    names = [array.type.field(place).name for place in range(array.type.num_fields)]
    children = [plain(child) for child in array.flatten()]
    if not children:
        return array
    return pa.StructArray.from_arrays(children, names, mask=array.is_null())


_CONVERSIONS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    (_types.is_uint64, _unsigned),
    (_types.is_integer, lambda array: array.cast(pa.int64())),
    (_types.is_float16, lambda array: array.cast(pa.float32())),
    (_types.is_decimal, lambda array: array),
    (_types.is_large_string, lambda array: array.cast(pa.string())),
    (_types.is_string_view, lambda array: array.cast(pa.string())),
    (_types.is_date64, lambda array: array.cast(pa.date32())),
    (_types.is_time, _time),
    (_types.is_timestamp, _in_microseconds),
    (_types.is_list, _list),
    (_types.is_large_list, _list),
    (_types.is_fixed_size_list, _list),
    (_types.is_struct, _struct),
)
