"""The kinds of Arrow types, and which of them each field type takes."""

from collections.abc import Callable, Mapping

import pyarrow as pa

from gateway.connectors.fieldtypes.field_type import FieldType

_types = pa.types


def _is_uuid(arrow: pa.DataType) -> bool:
    return bool(_types.is_fixed_size_binary(arrow)) and arrow.byte_width == 16


def _is_instant(arrow: pa.DataType) -> bool:
    return bool(_types.is_timestamp(arrow)) and arrow.tz is not None


#: The kinds of plain Arrow types, each with its test.
_KINDS: Mapping[str, Callable[[pa.DataType], bool]] = {
    "null": _types.is_null,
    "boolean": _types.is_boolean,
    "integer": _types.is_integer,
    "float": _types.is_floating,
    "decimal": _types.is_decimal,
    "string": _types.is_string,
    "uuid": _is_uuid,
    "date": _types.is_date,
    "time": _types.is_time,
    "instant": _is_instant,
    "datetime": _types.is_timestamp,
    "list": _types.is_list,
    "map": _types.is_map,
    "struct": _types.is_struct,
}
_MOMENTS = frozenset(("date", "time", "instant", "datetime"))
_NUMBERS = frozenset(("integer", "float", "decimal"))
#: The kinds that each type takes besides null. `decimal` stands for all decimals.
_TAKEN: Mapping[str, frozenset[str]] = {
    "string": frozenset(("string", *_MOMENTS)),
    "integer": _NUMBERS | {"string"},
    "number": _NUMBERS,
    "decimal": _NUMBERS | {"string"},
    "boolean": frozenset(("boolean",)),
    "date": frozenset(("string", "date", "datetime")),
    "time": frozenset(("string", "time")),
    "timestamp": frozenset(("string", "instant")),
    "datetime": frozenset(("string", "datetime")),
    "uuid": frozenset(("string", "uuid")),
    "json": frozenset(("string", "boolean", "list", "map", "struct", *_NUMBERS, *_MOMENTS)),
}


def kind_of(arrow: pa.DataType) -> str | None:
    """Return the kind of a plain type; None if it has no JSON value."""
    return next((kind for kind, test in _KINDS.items() if test(arrow)), None)


def is_taken(type: FieldType, arrow: pa.DataType) -> bool:
    """Return whether a column of a plain type can hold values of a field type."""
    kind = kind_of(arrow)
    if kind == "null":
        return True
    if type.item:
        return kind == "list" and is_taken(type.item, arrow.value_type)
    name = "decimal" if _types.is_decimal(type.arrow.type) else type.name
    return kind in _TAKEN[name] and (name != "json" or _has_json(arrow))


def _has_json(arrow: pa.DataType) -> bool:
    """Return whether all values of a plain type, and all values inside them, have JSON values."""
    if _types.is_nested(arrow):
        return all(_has_json(arrow.field(place).type) for place in range(arrow.num_fields))
    return kind_of(arrow) not in (None, "uuid")
