"""JSON values as the text of one input, and back, by the type of their field.

Text stands as it is where the type is text: `Ada`. Any other value, and text that would not survive an input, is JSON.
"""

import re
from collections.abc import Sequence

from gateway import strictjson
from gateway.connectors.fieldtypes.type_names import parse_type
from gateway.strictjson import Json

#: Characters that an input of one line does not keep.
_UNKEPT = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")


class NotJsonError(ValueError):
    """The text of an input is not JSON, where the type needs JSON; the message is a sentence."""


def is_text_type(type_name: str) -> bool:
    """Return whether values of a type are text; those of an unknown type are taken for it."""
    try:
        return parse_type(type_name).schema.get("type") == "string"
    except ValueError:
        return not type_name.strip().endswith("[]")


def shown(value: Json, type_name: str) -> str:
    """Write a value for an input of one line."""
    if isinstance(value, str) and is_text_type(type_name) and not _needs_quotes(value):
        return value
    text = strictjson.write(value).decode()
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _needs_quotes(text: str) -> bool:
    return text in ("", "null") or text.startswith('"') or text != text.strip() or bool(_UNKEPT.search(text))


def parsed(text: str, type_name: str) -> Json:
    """Parse what was typed as a value of a type. A scalar that is not one is text, which the loader reports.

    Raises:
        NotJsonError: The type is `json` or a list, and the text is not JSON.
    """
    text = text.strip()
    if is_text_type(type_name):
        return _quoted(text) if text == "null" or text.startswith('"') else text
    try:
        return strictjson.read(text.encode())
    except ValueError:
        if type_name == "json" or type_name.endswith("[]"):
            raise NotJsonError(f"{text[:80]!r} is not JSON{_hint(text, type_name)}") from None
        return text


def _quoted(text: str) -> Json:
    try:
        return strictjson.read(text.encode())
    except ValueError:
        return text


def _hint(text: str, type_name: str) -> str:
    if not type_name.endswith("[]"):
        return "; text is in double quotes"
    items = [each.strip() for each in text.split(",")]
    example = items if is_text_type(type_name[:-2]) else [number(each) for each in items]
    return f"; a list is written like {strictjson.write(example).decode()[:80]}"


def number(text: str) -> Json:
    """Parse a number; any other text stays text, which the loader reports."""
    text = text.strip()
    return strictjson.read(text.encode()) if _NUMBER.fullmatch(text) else text


def shown_lines(values: Sequence[Json], type_name: str) -> str:
    """Write a list of values, each in its line."""
    return "\n".join(shown(value, type_name) for value in values)


def parsed_lines(text: str, type_name: str) -> list[Json]:
    """Parse a list of values, each in its line; blank lines count for nothing.

    Raises:
        NotJsonError: As `parsed` does.
    """
    return [parsed(line, type_name) for line in text.split("\n") if line.strip()]


def shown_names(names: Sequence[str]) -> str:
    """Write a list of names with commas between them."""
    if any(_needs_quotes(each) or "," in each or each.startswith("[") for each in names):
        return strictjson.write(list(names)).decode()
    return ", ".join(names)


def parsed_names(text: str) -> list[Json]:
    """Parse a list of names with commas between them, or a list in JSON."""
    if text.strip().startswith("["):
        names = _quoted(text.strip())
        if isinstance(names, list):
            return names
    return [each.strip() for each in text.split(",") if each.strip()]
