"""The equality of YAML values, which tells `1`, `true`, and `1.0` apart, and the order of keys where it counts."""

from decimal import Decimal

from gateway.connectors.file_edit.refusal import EditRefusedError
from gateway.strictjson import Json


def normalize(value: Json) -> Json:
    """Return a value with one spelling for each number: a whole number without an exponent is an int.

    Raises:
        EditRefusedError: The value has no spelling in YAML.
    """
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise EditRefusedError("a key of a connector file is text")
        return {key: normalize(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [normalize(item) for item in value]
    if isinstance(value, float):
        return normalize(Decimal(repr(value)))
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise EditRefusedError(f"{value} is not a number of a connector file")
        return int(value) if value.as_tuple().exponent == 0 else value
    return value


def is_same(one: Json, other: Json) -> bool:
    """Return whether two normalized values are the same, with the digits of numbers and the order of keys."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(is_same(item, other[key]) for key, item in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(
            is_same(item, also) for item, also in zip(one, other, strict=True)
        )
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return one.as_tuple() == other.as_tuple()
    return type(one) is type(other) and bool(one == other)
