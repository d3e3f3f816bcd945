"""Single values as YAML text that the reader of connector files, and other readers of YAML, take for the same value."""

import re
from decimal import Decimal

from gateway.connectors.file_edit.refusal import EditRefusedError
from gateway.strictjson import MAX_DIGITS, Json

#: A key that needs no quotes.
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
#: Words that some reader of YAML takes for a boolean, null, or a number.
_WORDS = frozenset(["true", "false", "null", "yes", "no", "on", "off", "~", ".inf", ".nan", "+.inf"])
#: Text that some reader of YAML takes for a number, a date, or a time.
_LIKE_NUMBER = re.compile(r"[+-]?\.?[0-9][0-9a-fA-FxXoO_:.,+\-tTzZ ]*")
#: What text without quotes cannot begin with; some of it only looks like other YAML.
_START = re.compile(r"[-?:,\[\]{}#&*!|>'\"%@`=~<\u2018-\u201f\u00ab\u00bb]|\.\.\.|//")
_INSIDE = re.compile(r":(?:\s|$)|\s#|[\\]|\{\{|\{%")
#: What else ends text without quotes inside brackets, or only looks as if it did.
_INSIDE_BRACKETS = re.compile(r"[,\[\]{}:?#]")
#: The number of a reader, without an exponent of more than three digits.
_DECIMAL = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:E[-+]?[0-9]{1,3})?")
_SURROGATE = re.compile("[\ud800-\udfff]")
#: Characters that join others to one, as in emoji.
_JOINERS = "\u200c\u200d"
_JSON_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_ESCAPES = {**_JSON_ESCAPES, "\0": "\\0", "\x1b": "\\e"}


def is_printable(text: str) -> bool:
    """Return whether every character of a text shows itself, so that none needs an escape."""
    return all(each.isprintable() or each in _JOINERS for each in text)


def write_scalar(value: Json, *, quote: str = "", in_brackets: bool = False, is_json: bool = False) -> str:
    """Write a single value in one line.

    Args:
        value: The value.
        quote: The quote that text has where it can: `'`, `"`, or none.
        in_brackets: The value stands inside `{}` or `[]`.
        is_json: Text has double quotes, as JSON has.

    Raises:
        EditRefusedError: The value has no spelling in YAML.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return _number(value)
    if not isinstance(value, str):
        raise EditRefusedError(f"{type(value).__name__} is not a value of a connector file")
    if _SURROGATE.search(value):
        raise EditRefusedError("text has half of a surrogate pair, which no file in UTF-8 can hold")
    if is_json:
        return '"' + "".join(_json_escaped(each) for each in value) + '"'
    if not quote and _is_plain(value) and (not in_brackets or fits_brackets(value)):
        return value
    return _quoted(value, quote)


def fits_brackets(text: str) -> bool:
    """Return whether text without quotes means the same inside brackets."""
    return _INSIDE_BRACKETS.search(text) is None


def write_key(key: str, *, quote: str = "", is_json: bool = False) -> str:
    """Write a key, in quotes where it needs them."""
    if is_json or quote or not _PLAIN_KEY.fullmatch(key) or key.lower() in _WORDS:
        return write_scalar(key, quote="'" if quote == "'" else '"', is_json=is_json)
    return key


def _number(value: int | Decimal) -> str:
    text = str(value)
    if len(text.lstrip("-")) > MAX_DIGITS or not _DECIMAL.fullmatch(text):
        raise EditRefusedError(f"the number {text[:40]}… has more digits than a connector file can hold")
    return text


def _is_plain(text: str) -> bool:
    """Return whether every reader of YAML takes a text without quotes for the same text."""
    return (
        text != ""
        and text == text.strip()
        and text.isprintable()
        and text.lower() not in _WORDS
        and not _LIKE_NUMBER.fullmatch(text)
        and not _START.match(text)
        and not _INSIDE.search(text)
    )


def _quoted(text: str, quote: str) -> str:
    """Quote a text as it was before, or with the quote that needs no escapes."""
    wanted = quote or ("'" if '"' in text or "\\" in text else '"')
    if wanted == "'" and is_printable(text):
        return "'" + text.replace("'", "''") + "'"
    return _double_quoted(text)


def _double_quoted(text: str) -> str:
    return '"' + "".join(_escaped(each) for each in text) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if is_printable(character):
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escaped(character: str) -> str:
    """Escape a character as JSON does; JSON takes others than these as they are."""
    if character in _JSON_ESCAPES or is_printable(character):
        return _JSON_ESCAPES.get(character, character)
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else character
