"""Plain arrays: the same values in fewer Arrow types, each with one layout, and no digit lost."""

import enum
import itertools
from collections.abc import Callable, Iterable

import pyarrow as pa
import pyarrow.compute as pc

from gateway.ingest.arrow.unpacked_size import UnpackedSize

_types = pa.types
_DECIMAL = pa.decimal128(38, 0)


class Loss(enum.Enum):
    """Properties of values that a type does not hold, each as the end of a sentence that begins with the value."""

    NANOSECONDS = "has nanoseconds, and microseconds are stored"
    PART_OF_DAY = "has a part of a day"
    TIME_OF_DAY = "has a time of day"
    DIGITS = "has more digits than a double holds"


class LossError(ValueError):
    """A value has more digits than a type holds.

    Attributes:
        loss: What the value has.
        type: Its type.
        place: Its place in the array; None inside a list, a struct, or a map.
        path: The names of the members that lead to it; `[]` stands for the items of a list, `{}` for the values of a map.
    """

    def __init__(self, loss: Loss, type: pa.DataType, place: int | None, path: tuple[str, ...] = ()) -> None:
        super().__init__(loss.value)
        self.loss = loss
        self.type = type
        self.place = place
        self.path = path

    def behind(self, values: int) -> "LossError":
        """Return the error of an array in which a number of other values are before these."""
        place = None if self.place is None else values + self.place
        return LossError(self.loss, self.type, place, self.path)

    def inside(self, name: str) -> "LossError":
        """Return the error of the array that has the value inside, where `name` leads to it."""
        return LossError(self.loss, self.type, None, (name, *self.path))


def plain(array: pa.Array, size: UnpackedSize) -> pa.Array:
    """Return an array in a plain type: int64, float, decimal, string, microseconds, list, struct, or map.

    An array of another type, such as a duration, is returned as it is.

    Args:
        array: The array, which is valid.
        size: Counts what becomes longer: values that a dictionary or a view repeats.

    Raises:
        LossError: A value has nanoseconds, or a date a part of a day.
        GatewayError: The array becomes too large.
        pa.ArrowException: A value does not fit the plain type.
    """
    if isinstance(array.type, pa.Bool8Type):
        return pc.not_equal(array.storage, 0)
    if isinstance(array.type, pa.BaseExtensionType):
        return plain(array.storage, size)
    simple = next((convert for test, convert in _SIMPLE if test(array.type)), None)
    if simple is not None:
        return simple(array)
    nested = next((convert for test, convert in _NESTED if test(array.type)), None)
    return array if nested is None else nested(array, size)


def _unsigned(array: pa.Array) -> pa.Array:
    try:
        return array.cast(pa.int64())
    except pa.ArrowInvalid:
        return array.cast(pa.decimal128(20, 0))


def _date(array: pa.Array) -> pa.Array:
    try:
        return array.cast(pa.date32())
    except pa.ArrowInvalid as error:
        raise LossError(Loss.PART_OF_DAY, array.type, None) from error


def _timestamp(array: pa.Array) -> pa.Array:
    # A time zone changes how an instant is shown, and not the instant; pyarrow may not even know it.
    zone = "UTC" if array.type.tz is not None else None
    return _in_microseconds(array.view(pa.timestamp(array.type.unit, zone)), pa.timestamp("us", zone))


def _time(array: pa.Array) -> pa.Array:
    return _in_microseconds(array, pa.time64("us"))


def _in_microseconds(array: pa.Array, to: pa.DataType) -> pa.Array:
    if array.type.unit == "ns":
        units = array.view(pa.int64())
        whole = pc.multiply(pc.divide(units, 1000), 1000)
        lost = pc.index(pc.not_equal(units, whole), True).as_py()
        if lost >= 0:
            raise LossError(Loss.NANOSECONDS, array.type, lost)
    return array.cast(to)


def _decimal(array: pa.Array) -> pa.Array:
    """Return decimals of 128 bits where they fit."""
    precision, scale = array.type.precision, array.type.scale
    if not 0 <= scale <= precision or _types.is_decimal128(array.type):
        return array
    try:
        return array.cast(pa.decimal128(min(precision, 38), scale))
    except pa.ArrowInvalid:
        return array


_SIMPLE: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...] = (
    (_types.is_uint64, _unsigned),
    (_types.is_integer, lambda array: array.cast(pa.int64())),
    (_types.is_float16, lambda array: array.cast(pa.float32())),
    (_types.is_decimal, _decimal),
    (_types.is_large_string, lambda array: array.cast(pa.string())),
    (_types.is_date64, _date),
    (_types.is_time, _time),
    (_types.is_timestamp, _timestamp),
)


def _dictionary(array: pa.Array, size: UnpackedSize) -> pa.Array:
    values, indices = plain(array.dictionary, size), array.indices
    if _types.is_string(values.type) or _types.is_binary(values.type):
        lengths = pc.binary_length(values).take(indices)
        size.add((pc.sum(lengths.cast(pa.int64())).as_py() or 0) + 4 * len(array))
    else:
        size.add(len(array) * _most_bytes(values))
    return values.take(indices)


def _run_ends(array: pa.Array, size: UnpackedSize) -> pa.Array:
    size.add(len(array) * _most_bytes(array.values))
    return plain(pc.run_end_decode(array), size)


def _string_view(array: pa.Array, size: UnpackedSize) -> pa.Array:
    # A view is four numbers, of which the first is the length of its text.
    views = memoryview(array.buffers()[1] or b"").cast("i")
    lengths: Iterable[int] = views[4 * array.offset : 4 * (array.offset + len(array)) : 4]
    if array.null_count:
        lengths = itertools.compress(lengths, array.is_valid().to_pylist())
    size.add(sum(lengths) + 4 * len(array))
    return array.cast(pa.string())


def _most_bytes(values: pa.Array) -> int:
    """Return at least the bytes of the largest value."""
    try:
        return int(values.type.bit_width) // 8 + 1
    except ValueError:
        return int(values.nbytes)


def _list_view(array: pa.Array, size: UnpackedSize) -> pa.Array:
    # The lists may share items.
    size.add((pc.sum(pc.list_value_length(array).cast(pa.int64())).as_py() or 0) * _most_bytes(array.values))
    return _list(array, size)


def _list(array: pa.Array, size: UnpackedSize) -> pa.Array:
    """Return lists without hidden items: those of a null list, and those before the first list and after the last."""
    items = _inside(array.flatten(), size, "[]")
    return pa.ListArray.from_arrays(_offsets(array), items, type=pa.list_(items.type), mask=array.is_null())


def _offsets(lists: pa.Array) -> pa.Array:
    """Return where lists begin and end in their items, if null lists have none."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int32())
    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum_checked(lengths)])


def _struct(array: pa.Array, size: UnpackedSize) -> pa.Array:
    if not array.type.num_fields:
        return array
    names = [array.type.field(place).name for place in range(array.type.num_fields)]
    children = [_inside(child, size, name) for child, name in zip(array.flatten(), names, strict=True)]
    return pa.StructArray.from_arrays(children, names, mask=array.is_null())


def _map(array: pa.Array, size: UnpackedSize) -> pa.Array:
    """Return maps without hidden items."""
    pairs = array.cast(pa.list_(array.type.field(0).type))
    keys, items = (_inside(child, size, "{}") for child in pairs.flatten().flatten())
    return pa.MapArray.from_arrays(_offsets(pairs), keys, items, mask=array.is_null())


def _inside(array: pa.Array, size: UnpackedSize, name: str) -> pa.Array:
    """Return a plain array of values that are inside others, whose places are no rows; `name` leads to them."""
    try:
        return plain(array, size)
    except LossError as error:
        raise error.inside(name) from error


_NESTED: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array, UnpackedSize], pa.Array]], ...] = (
    (_types.is_dictionary, _dictionary),
    (_types.is_run_end_encoded, _run_ends),
    (_types.is_string_view, _string_view),
    (_types.is_list_view, _list_view),
    (_types.is_large_list_view, _list_view),
    (_types.is_list, _list),
    (_types.is_large_list, _list),
    (_types.is_fixed_size_list, _list),
    (_types.is_map, _map),
    (_types.is_struct, _struct),
)
