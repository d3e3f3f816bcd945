"""One field of a connector file as the inputs of a row, and back.

A value whose input has the text that it was shown with is kept as the file has it. So a form without edits changes
nothing, and the form need not be able to write all that a file can hold.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gateway import strictjson
from gateway.connectors.fields import FIELD_KEYS
from gateway.connectors.fieldtypes.type_names import TYPE_NAMES
from gateway.console.builder.controls import ABSENT, FIELD_CONTROLS, FIELD_ORDER, placed
from gateway.console.builder.typed_text import NotJsonError
from gateway.strictjson import Json

#: The type whose digits have inputs of their own.
DECIMAL = "decimal(p, s)"
_DECIMAL = re.compile(r"decimal\(\s*([0-9]{1,3})\s*,\s*([0-9]{1,3})\s*\)(\[\])?")
#: The digits of a decimal before they are chosen.
DEFAULT_DIGITS = ("18", "3")
SCALAR_CHOICES = TYPE_NAMES
LIST_CHOICES = tuple(f"{name}[]" for name in TYPE_NAMES if name != "json")
#: The inputs of a row that are not named for a key.
NAME, WAS, PRECISION, SCALE = "name", "was", "precision", "scale"


@dataclass(frozen=True, slots=True)
class ParsedRow:
    """The meaning of a row.

    Attributes:
        value: The field as the file would have it: a type, or a mapping of keys.
        problems: What is wrong with inputs, by key.
    """

    value: Json
    problems: Mapping[str, str] = field(default_factory=dict)


def inputs_of(name: str, value: Json) -> dict[str, str]:
    """Return the inputs of a field that the file has, by key; empty ones are left out."""
    shown = {NAME: name, WAS: name, **_inputs_of_value(value)}
    return {key: text for key, text in shown.items() if text}


def _inputs_of_value(value: Json) -> dict[str, str]:
    keys = value if isinstance(value, dict) else {"type": value}
    type_name = _type_text(keys.get("type", ABSENT))
    shown = shown_type(type_name)
    for key, control in FIELD_CONTROLS.items():
        shown[key] = control.shown(keys.get(key, ABSENT), value_type(key, type_name))
    return shown


def value_type(key: str, type_name: str) -> str:
    """Return the type of the values of a key in a field of a type."""
    if key == "renamed_from":
        return "string"
    return type_name.strip().removesuffix("[]") if key == "enum" else type_name


def _type_text(value: Json) -> str:
    if value is ABSENT:
        return ""
    return value if isinstance(value, str) and value.isprintable() else strictjson.write(value).decode()


def shown_type(text: str) -> dict[str, str]:
    """Return the inputs that show a type: its choice, and the digits of a decimal."""
    found = _DECIMAL.fullmatch(text.strip())
    if found is None:
        return {"type": text.strip()}
    return {"type": DECIMAL + (found[3] or ""), PRECISION: found[1], SCALE: found[2]}


def type_name_of(inputs: Mapping[str, str]) -> str:
    """Return the type that the inputs of a row choose, as a file has it."""
    chosen = inputs.get("type", "")
    if not chosen.startswith(DECIMAL):
        return chosen
    digits = (inputs.get(PRECISION) or DEFAULT_DIGITS[0], inputs.get(SCALE) or DEFAULT_DIGITS[1])
    return f"decimal({digits[0].strip()}, {digits[1].strip()}){chosen.removeprefix(DECIMAL)}"


def is_blank(inputs: Mapping[str, str]) -> bool:
    """Return whether a row is new, and only its type is chosen: it is no field."""
    return not any(text.strip() for key, text in inputs.items() if key not in ("type", PRECISION, SCALE))


def parse_row(inputs: Mapping[str, str], before: Json) -> ParsedRow:
    """Parse the inputs of a row.

    Args:
        inputs: Their texts, by key; one that is missing is empty.
        before: The field as the file has it, ABSENT for a new one.
    """
    shown = {} if before is ABSENT else _inputs_of_value(before)
    type_name = type_name_of(inputs)
    is_other_type = type_name != type_name_of(shown)
    keys = {} if before is ABSENT else dict(_keys(before))
    if is_other_type and type_name:
        keys["type"] = type_name
    problems: dict[str, str] = {} if type_name or before is not ABSENT else {"type": "the field has no type"}
    for key, control in FIELD_CONTROLS.items():
        text = inputs.get(key, "").replace("\r\n", "\n")
        if text == shown.get(key, "") and not (is_other_type and control.is_typed):
            continue
        keys.pop(key, None)
        try:
            given = control.parsed(text, value_type(key, type_name))
        except NotJsonError as error:
            given, problems[key] = text, f"{control.label.partition(':')[0]} {error}"
        if given is not ABSENT:
            keys[key] = given
    return ParsedRow(_short(placed(keys, FIELD_ORDER, _keys(before)), before), problems)


def _keys(before: Json) -> Mapping[str, Json]:
    return before if isinstance(before, dict) else {"type": before}


def _short(keys: Mapping[str, Json], before: Json) -> Json:
    """Return a field with a type alone as that type, unless the file has a mapping there."""
    return keys["type"] if keys.keys() == {"type"} and not isinstance(before, dict) else keys


def kept_keys(value: Json) -> Iterator[str]:
    """Yield the keys of a field that no input shows."""
    if isinstance(value, dict):
        yield from (key for key in value if key not in FIELD_KEYS)
