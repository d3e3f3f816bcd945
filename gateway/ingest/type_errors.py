"""Messages for values of the wrong type: the reason, and what to send or to declare instead.

The table of types also recognizes what a text is instead: a datetime has no offset, which a timestamp needs.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from gateway import strictjson
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.fieldtypes.scalars import INT64_MAX, INT64_MIN, SCALARS
from gateway.ingest.excerpts import shorten
from gateway.strictjson import Json

_KINDS: Mapping[type, str] = {bool: "boolean", Decimal: "number", list: "list", dict: "object"}
#: The types that a text is tried as, in this order, and the longest text that is tried.
_TEXT_TYPES, _TEXT_CHARACTERS_MAX = ("date", "timestamp", "datetime", "time"), 100
#: Numbers that are instants of the years 2001 to 2286, as seconds since 1970.
_SECONDS = range(10**9, 10**10)
_UNITS = (("seconds", 1), ("milliseconds", 10**3), ("microseconds", 10**6), ("nanoseconds", 10**9))
#: A date and a time of day, followed by the suffix of another notation.
_SUFFIX = re.compile(
    r"(?P<moment>[0-9-]{10}[Tt ][0-9:.]+)(?: ?[+-][0-9:]+)?\s?(?P<zone>\[?[A-Za-z][A-Za-z0-9_+/-]+\]?)"
    r"|(?P<whole>[0-9-]{10}[Tt ][0-9:.]+ ?[+-][0-9]{2}:?[0-9]{2}):?(?P<seconds>[0-9]{2})"
)

_NO_DATE = "has no date: send the date as well, or declare the field as time{list}"
#: Messages for a text that is a value of another type, by the field's type and that type.
_TEXTS: Mapping[tuple[str, str], str] = {
    ("date", "timestamp"): "has a time of day: send the date alone, or declare the field as timestamp{list}",
    ("date", "datetime"): "has a time of day: send the date alone, or declare the field as datetime{list}",
    ("time", "timestamp"): "has a date: send the time alone, or declare the field as timestamp{list}",
    ("time", "datetime"): "has a date: send the time alone, or declare the field as datetime{list}",
    ("timestamp", "datetime"): "has no offset: append Z if it is UTC, or declare the field as datetime{list}",
    ("timestamp", "date"): "has no time of day: append T00:00:00Z, or declare the field as date{list}",
    ("timestamp", "time"): _NO_DATE,
    ("datetime", "timestamp"): "has an offset: declare the field as timestamp{list}, or send it without",
    ("datetime", "date"): "has no time of day: append T00:00:00, or declare the field as date{list}",
    ("datetime", "time"): _NO_DATE,
}
_QUOTE = "put it in quotes, or declare the field as {}{{list}}"
#: The fix for a value of another kind, by the field's type, or its group, and the kind.
_FIXES: Mapping[tuple[str, str], str] = {
    ("string", "boolean"): _QUOTE.format("boolean"),
    ("string", "integer"): _QUOTE.format("integer"),
    ("string", "large"): "put it in quotes",
    ("string", "number"): _QUOTE.format("number"),
    ("string", "list"): "declare the field as a list, such as string[], or as json",
    ("string", "object"): "send it as text in quotes, or declare the field as json",
    ("integer", "number"): "round it, or declare the field as number{list} or decimal(p, s){list}",
    ("integer", "large"): "declare the field as decimal(38, 0){list}, or as string{list} for more digits",
    ("numeric", "boolean"): "send 1 or 0, or declare the field as boolean{list}",
    ("boolean", "integer"): "send true or false, or declare the field as integer{list}",
}
#: The fix for a value of another kind, for all other types.
_FIXES_OF_ANY: Mapping[str, str] = {
    "list": "declare the field as json, or as {name}[] to take lists of such values",
    "object": "declare the field as json to take objects",
    **dict.fromkeys(("integer", "large", "number", "boolean"), "send text in quotes{example}"),
}
#: A number as people write it: with a currency or a percent sign, a decimal comma, or thousands separators.
_FOR_PEOPLE = re.compile(r"([+-]?)\s*[$€£¥]?\s*([0-9](?:[0-9.,'’\s]*[0-9])?)\s*(?:[$€£¥%]|[A-Z]{3})?")
#: Types whose values have no quotes in JSON, besides numbers.
_UNQUOTED = ("boolean", "json")
#: What programs write for a missing value, in lower case.
_NOTHING = frozenset(
    [
        "",
        "null",
        "none",
        "nil",
        "nan",
        "nat",
        "na",
        "n/a",
        "#n/a",
        "inf",
        "-inf",
        "infinity",
        "-infinity",
        "\\n",
    ]
)
#: The fix for a missing value, by whether the field is nullable, and whether it is an item of a list.
_NULLS: Mapping[tuple[bool, bool], str] = {
    (True, False): "send null, or leave it out",
    (False, False): "send a value, or declare the field nullable",
    (False, True): "leave the item out of the list",
}


def type_error(type: FieldType, value: Json, *, is_nullable: bool, is_item: bool) -> str:
    """Return the message for a value that is neither null nor of the type.

    Args:
        type: The type.
        value: The value.
        is_nullable: Whether null could be sent instead.
        is_item: Whether it is an item of a list.
    """
    if not isinstance(value, str):
        message = _of_other(type, value, is_item)
    elif value.lower() in _NOTHING and type.name != "string":
        message = f"{_is_not(type)}: {_NULLS[is_nullable, is_item]}"
    else:
        message = _of_text(type, value)
    return f"{shorten(value)} {message.replace('{list}', '[]' if is_item else '')}"


def is_beyond(type: FieldType, value: Json) -> bool:
    """Return whether a value is a number outside the range of its type."""
    if not _is_numeric(type) or isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    return type.name != "integer" or _is_whole(value)


def _of_other(type: FieldType, value: Json, is_item: bool) -> str:
    fix = _fix(type, value)
    if is_item and isinstance(value, list):
        fix = "declare the field as json to take lists of lists"
    return _is_not(type) + (f": {fix}" if fix else "")


def _of_text(type: FieldType, text: str) -> str:
    """Return the message for a text, by what it is instead."""
    if message := type.why_not(text) or _TEXTS.get((type.name, _text_type_of(text) or "")):
        return message
    if type.name in ("timestamp", "datetime") and (message := _suffix_error(type, text)):
        return message
    if type.name == "string":
        return "has the character U+0000, which no string can hold: leave it out"
    if type.name == "time" and _reads("timestamp", f"2000-01-01T{text}"):
        return "has an offset, which a time of day does not have: send it without"
    fix = _fix_of_text(type, text)
    return _is_not(type) + (f": {fix}" if fix else "")


def _suffix_error(type: FieldType, text: str) -> str | None:
    """Return the message for a date and time with an invalid suffix; None for any other text."""
    found = _SUFFIX.fullmatch(text) if len(text) <= _TEXT_CHARACTERS_MAX else None
    if not found:
        return None
    if found["zone"] and _reads("datetime", found["moment"]):
        fix = (
            "write its offset, such as +01:00, or Z for UTC"
            if type.name == "timestamp"
            else "send it without"
        )
        return f"names the time zone {shorten(found['zone'].strip('[]'))}: {fix}"
    if found["seconds"] and _reads("timestamp", found["whole"]):
        fix = "send the moment in UTC, with Z" if type.name == "timestamp" else "send it without"
        return f"has {found['seconds']} seconds in its offset, which has hours and minutes only: {fix}"
    return None


def _fix_of_text(type: FieldType, text: str) -> str | None:
    """Return the fix for a text: the value without quotes, or the list."""
    if type.item:
        return _fix_of_list(type, type.item, text.strip())
    if type.name not in _UNQUOTED and not _is_numeric(type):
        is_number = len(text) <= _TEXT_CHARACTERS_MAX and _NUMBER.fullmatch(text)
        return _since_1970(type, Decimal(text)) if is_number else None
    if not _reads_as(type, text):
        return _FIXES.get((type.name, "number" if _reads("number", text) else "")) or _number_in(type, text)
    meant = shorten(type.text.parse(text))
    return "it is a string, so leave the quotes out" if meant == text else f"send {meant}, without quotes"


def _number_in(type: FieldType, text: str) -> str | None:
    """Return the fix for a number as people write it, with a decimal comma, a thousands separator, or a unit."""
    found = (
        _FOR_PEOPLE.fullmatch(text.strip())
        if _is_numeric(type) and len(text) <= _TEXT_CHARACTERS_MAX
        else None
    )
    if found is None:
        return None
    digits = re.sub(r"[\s'’]", "", found[2])
    if digits.count(",") == 1 and "." not in digits and re.search(",[0-9]{3}$", digits):
        return "write it without a comma, and with a point before decimals"
    if digits.rfind(",") > digits.rfind("."):
        digits = digits.replace(".", "").replace(",", ".")
    plain = found[1] + digits.replace(",", "")
    if not _reads("number", plain):
        return None
    return f"write digits{' and a point' if '.' in plain else ''} alone, as in {plain}"


def _fix_of_list(type: FieldType, item: FieldType, text: str) -> str | None:
    """Return the fix for a text that is meant as a list, or what is malformed in it."""
    if _reads_as(type, text):
        return "send the list itself, without quotes around it"
    if text[:1] in ("[", "{"):
        return f"{_malformed_list(text)}; written as JSON a list is {strictjson.write(type.example).decode()}"
    if item.name != "string" and "," in text and _reads_as(type, f"[{text}]"):
        return f"put it in brackets, as in {shorten(f'[{text}]')[1:-1]}"
    needs_quotes = item.name not in _UNQUOTED and not _is_numeric(item)
    is_item = needs_quotes and "\0" not in text and _reads_as(item, text)
    return f"put it in brackets, as in {shorten([text])}" if is_item else None


def _malformed_list(text: str) -> str:
    closing = "]" if text[0] == "[" else "}"
    if not text.endswith(closing):
        return f"{closing} is missing at its end"
    if _EMPTY_ITEM.search(text):
        return "an item is missing beside a comma"
    if text[1:].lstrip()[:1] == text[0]:
        return "a list holds no lists"
    return "a quote is not closed" if text.count('"') % 2 else "it is malformed"


_EMPTY_ITEM = re.compile(r"[\[{,]\s*,|,\s*[\]}]$")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def _fix(type: FieldType, value: Json) -> str | None:
    kind = _kind_of(value)
    if type.item:
        return f"put it in brackets, as in [{shorten(value)}]" if kind == type.item.name else None
    group = "numeric" if _is_numeric(type) else type.name
    fix = _FIXES.get((type.name, kind)) or _FIXES.get((group, kind))
    if fix or (group in ("numeric", "boolean") and kind in ("integer", "large", "number")):
        return fix
    if kind in ("integer", "number") and (fix := _since_1970(type, value)):
        is_of_pandas = kind == "integer" and int(value) // 1000 in _SECONDS
        return fix + ('; pandas writes that with to_json(date_format="iso")' if is_of_pandas else "")
    example = "" if str(type.example) in type.expects else f', such as "{type.example}"'
    return _FIXES_OF_ANY[kind].replace("{name}", type.name).replace("{example}", example)


def _since_1970(type: FieldType, value: int | Decimal) -> str | None:
    """Return the fix for a number that may count time since 1970; None for any other."""
    if type.name not in ("date", "timestamp", "datetime"):
        return None
    for unit, size in _UNITS:
        if int(value) // size in _SECONDS:
            moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(value * 10**6 // size))
            text = moment.replace(tzinfo=None).isoformat()
            shown = text[:10] if type.name == "date" else f"{text}{'Z' * (type.name == 'timestamp')}"
            return f'if it counts {unit} since 1970, send "{shown}"'
    return None


def _is_numeric(type: FieldType) -> bool:
    return "minimum" in type.constraints and type.item is None


def _is_not(type: FieldType) -> str:
    return "is not a string" if type.name == "string" else f"is not {type.expects}"


def _kind_of(value: Json) -> str:
    """Return the kind of a value that is not a text."""
    if isinstance(value, bool) or not _is_whole(value):
        return _KINDS[type(value)]
    return "integer" if INT64_MIN <= value <= INT64_MAX else "large"


def _is_whole(value: Json) -> bool:
    return isinstance(value, int) or (isinstance(value, Decimal) and value == value.to_integral_value())


def _text_type_of(text: str) -> str | None:
    return next((name for name in _TEXT_TYPES if _reads(name, text)), None)


def _reads(name: str, text: str) -> bool:
    return len(text) <= _TEXT_CHARACTERS_MAX and _reads_as(SCALARS[name], text)


def _reads_as(type: FieldType, text: str) -> bool:
    try:
        type.text.parse(text)
    except ValueError:
        return False
    return True
