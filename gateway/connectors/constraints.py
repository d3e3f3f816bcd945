"""Problems of constraint values in YAML, each as the end of a sentence."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from gateway import strictjson
from gateway.connectors import schema
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.lexical_forms import FORMATS
from gateway.connectors.value_synonyms import format_hint, list_hint
from gateway.errors import nearest
from gateway.strictjson import Json

MAX_PATTERN = 512


def show(value: Json) -> str:
    """Show a YAML value inside a message, cut where it is long."""
    shown = repr(value) if isinstance(value, str) else strictjson.write(value).decode()
    return shown if len(shown) <= 80 else shown[:79] + "…"


def without_quotes(value: Json) -> str:
    """Describe a number in quotes, which is text; empty for any other value."""
    is_number = isinstance(value, str) and re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", value)
    return f"; write {value} without quotes" if is_number else ""


def _length_problem(value: Json, _: FieldType) -> str | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return None if whole and 0 <= value < 2**31 else f"is not a whole number from 0{without_quotes(value)}"


def _pattern_problem(value: Json, _: FieldType) -> str | None:
    if not isinstance(value, str):
        return "is not a string"
    if len(value) > MAX_PATTERN:
        return f"has {len(value)} characters; at most {MAX_PATTERN} are taken"
    if value[:1] in ("*", "+", "?"):
        return f"begins with {value[0]}, which repeats nothing: any text is .* in a regular expression"
    try:
        schema.compile_schema({"pattern": value})
    except ValueError:
        return "is not a regular expression of linear time: close its brackets, and use no look-around or back-reference"
    return None


def _format_problem(value: Json, _: FieldType) -> str | None:
    if isinstance(value, str) and value in FORMATS:
        return None
    if hint := format_hint(value):
        return f"is not a format; {hint}"
    guess = nearest(str(value), FORMATS)
    return f"is not a format; {f'did you mean {guess}?' if guess else 'use ' + ', '.join(FORMATS)}"


def _enum_problem(value: Json, field_type: FieldType) -> str | None:
    if not isinstance(value, list) or not value:
        return f"is not a list of values; {list_hint('enum', value)}"
    type = field_type.item or field_type
    validator = schema.compile_schema(dict(type.schema))
    wrong = [item for item in value if not validator.is_valid(item)]
    if not wrong:
        return None
    return f"has {show(wrong[0])}, which {type.why_not(wrong[0]) or f'is not {type.expects}'}"


def _bound_hint(value: Json) -> str:
    if isinstance(value, bool):
        return "; write the bound here, in the place of minimum or maximum"
    return without_quotes(value)


def _bound_problem(value: Json, _: FieldType) -> str | None:
    return (
        None
        if isinstance(value, int | Decimal) and not isinstance(value, bool)
        else f"is not a number{_bound_hint(value)}"
    )


#: For each constraint: the value and the field's type to what is wrong, or None.
PROBLEMS: Mapping[str, Callable[[Json, FieldType], str | None]] = {
    "min_length": _length_problem,
    "max_length": _length_problem,
    "pattern": _pattern_problem,
    "format": _format_problem,
    "enum": _enum_problem,
    "minimum": _bound_problem,
    "maximum": _bound_problem,
    "exclusive_minimum": _bound_problem,
    "exclusive_maximum": _bound_problem,
}
