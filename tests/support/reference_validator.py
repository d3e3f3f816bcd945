"""The reference validator: `jsonschema`, with numbers as exact as JSON Schema says they are."""

import json
import re
from decimal import Decimal
from fractions import Fraction

import jsonschema


def _is_number(_, value) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _is_integer(_, value) -> bool:
    return _is_number(_, value) and value == int(value)


def _multiple_of(validator, divisor, value, schema):
    if _is_number(validator, value) and Fraction(value) % Fraction(divisor):
        yield jsonschema.ValidationError(f"{value} is not a multiple of {divisor}")


def _pattern(validator, pattern, value, schema):
    # ECMA-262 means the end by `$`; Python's re would let one newline follow it.
    if isinstance(value, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), value, re.ASCII):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern}")


_Reference = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    {"multipleOf": _multiple_of, "pattern": _pattern},
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"number": _is_number, "integer": _is_integer}
    ),
)


def exact(text: str | bytes):
    """Read JSON with every number exact."""
    return json.loads(text, parse_float=Decimal)


def reference(schema_text: str | bytes):
    """The reference validator of a served schema."""
    schema = exact(schema_text)
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text))
    return _Reference(schema)
