"""Comparison of types and of constraints: does the new one accept every value of the old one?"""

from collections.abc import Callable, Mapping

from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.strictjson import Json


def is_looser(constraint: str, before: Json, after: Json) -> bool:
    """Return whether a constraint accepts all former values; None means no constraint."""
    if after is None:
        return True
    return before is not None and _LOOSER[constraint](before, after)


def _has_all(before: Json, after: Json) -> bool:
    return all(value in after for value in before)


def _is_same(before: Json, after: Json) -> bool:
    return bool(before == after)


def _is_lower(before: Json, after: Json) -> bool:
    return bool(after <= before)


def _is_higher(before: Json, after: Json) -> bool:
    return bool(after >= before)


#: Two patterns or formats cannot be compared, so that a new one counts as tighter.
_LOOSER: Mapping[str, Callable[[Json, Json], bool]] = {
    "min_length": _is_lower,
    "max_length": _is_higher,
    "pattern": _is_same,
    "format": _is_same,
    "enum": _has_all,
    "minimum": _is_lower,
    "maximum": _is_higher,
    "exclusive_minimum": _is_lower,
    "exclusive_maximum": _is_higher,
}


def widens(before: FieldType, after: FieldType) -> bool:
    """Return whether a type accepts every value of another, except perhaps the largest ones."""
    if before.item and after.item:
        return widens(before.item, after.item)
    kinds = (_kind(before), _kind(after))
    if kinds == ("decimal", "decimal"):
        return _digits(after) >= _digits(before) and _scale(after) >= _scale(before)
    return kinds in (("integer", "number"), ("integer", "decimal"), ("date", "datetime"))


def always_survives(before: FieldType, after: FieldType) -> bool:
    """Return whether a widening never changes a stored value."""
    if before.item and after.item:
        return always_survives(before.item, after.item)
    return _kind(before) != "integer" or (_kind(after) == "decimal" and _digits(after) >= 19)


def _kind(type: FieldType) -> str:
    return "list" if type.item else type.name.partition("(")[0]


def _digits(type: FieldType) -> int:
    """Count the digits a decimal has before its point."""
    return int(type.arrow.type.precision - type.arrow.type.scale)


def _scale(type: FieldType) -> int:
    return int(type.arrow.type.scale)
