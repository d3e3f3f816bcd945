"""The kinds of plain Arrow types, and which of them each field type takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from gateway.connectors.fieldtypes.field_type import FieldType

_types = pa.types
#: The bytes of a UUID.
_UUID_BYTES = 16


def _is_uuid(arrow: pa.DataType) -> bool:
    return bool(_types.is_fixed_size_binary(arrow)) and arrow.byte_width == _UUID_BYTES


def _is_instant(arrow: pa.DataType) -> bool:
    return bool(_types.is_timestamp(arrow)) and arrow.tz is not None


def _is_decimal(arrow: pa.DataType) -> bool:
    # Others are allowed, and are no numbers that people write.
    return bool(_types.is_decimal(arrow)) and 0 <= arrow.scale <= arrow.precision


#: The kinds of plain Arrow types, each with its test.
_KINDS: Mapping[str, Callable[[pa.DataType], bool]] = {
    "null": _types.is_null,
    "boolean": _types.is_boolean,
    "integer": _types.is_integer,
    "float": _types.is_floating,
    "decimal": _is_decimal,
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
_IN_JSON = frozenset(("null", "boolean", "string", "list", "map", "struct", *_NUMBERS, *_MOMENTS))
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
    "json": _IN_JSON,
}
#: The kinds that a key of a map may have, which is text in JSON.
_KEYS = frozenset(("string", "integer"))


def kind_of(arrow: pa.DataType) -> str | None:
    """Return the kind of a plain type; None if it has no JSON value."""
    return next((kind for kind, test in _KINDS.items() if test(arrow)), None)


def group_of(type: FieldType) -> str:
    """Return the name of a field type that is no list, with one name for all decimals."""
    return "decimal" if _types.is_decimal(type.arrow.type) else type.name


def is_taken(type: FieldType, arrow: pa.DataType) -> bool:
    """Return whether a column of a plain type can have values of a field type."""
    kind = kind_of(arrow)
    if kind == "null":
        return True
    if type.item:
        return kind == "list" and is_taken(type.item, arrow.value_type)
    group = group_of(type)
    return kind in _TAKEN[group] and (group != "json" or part_without_json(arrow) is None)


@dataclass(frozen=True, slots=True)
class UnfitPart:
    """A part of a plain type that has no JSON value, or the whole of it.

    Attributes:
        path: The names of the members that lead to it; `[]` stands for the items of a list, `{}` for the values of a map.
        type: Its type.
        problem: What is wrong with it; None if its type is.
    """

    path: tuple[str, ...]
    type: pa.DataType
    problem: str | None = None


def part_without_json(arrow: pa.DataType, path: tuple[str, ...] = ()) -> UnfitPart | None:
    """Return the first part of a plain type that has no JSON value; None if all have one.

    Args:
        arrow: The type.
        path: The path to it.
    """
    kind = kind_of(arrow)
    if kind not in _IN_JSON:
        return UnfitPart(path, arrow)
    if kind == "map" and kind_of(arrow.key_type) not in _KEYS:
        return UnfitPart(path, arrow, "has keys that are no text")
    if kind == "struct":
        names = [arrow.field(place).name for place in range(arrow.num_fields)]
        if len(set(names)) < len(names):
            return UnfitPart(path, arrow, "has two members of one name")
    found = (part_without_json(type, (*path, name)) for name, type in _parts_of(arrow))
    return next((part for part in found if part), None)


def _parts_of(arrow: pa.DataType) -> list[tuple[str, pa.DataType]]:
    """Return the types inside a plain type, each with its name in a path."""
    kind = kind_of(arrow)
    if kind == "map":
        return [("{}", arrow.item_type)]
    if kind == "list":
        return [("[]", arrow.value_type)]
    if kind != "struct":
        return []
    members = [arrow.field(place) for place in range(arrow.num_fields)]
    return [(member.name, member.type) for member in members]
