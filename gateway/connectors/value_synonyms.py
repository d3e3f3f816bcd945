"""Hints for values of other tools: words, bounds, defaults, and lists."""

import re
from collections.abc import Mapping, Sequence

#: For keys whose values are words: those of other tools.
_WORDS: Mapping[str, Mapping[str, str]] = {
    "on_conflict": {
        "replace": "update upsert overwrite merge doupdate updateall newest last",
        "ignore": "nothing donothing skip first keep keepfirst",
        "reject": "error fail abort raise",
    },
    "on_invalid": {
        "keep": "skip drop quarantine store continue warn deadletter lenient",
        "reject": "error fail abort raise strict",
    },
    "idempotency": {"required": "yes true on always", "optional": "no false off never none"},
}
#: What no limit is called elsewhere.
_NO_LIMIT = (
    "unlimited",
    "infinite",
    "infinity",
    "forever",
    "never",
    "none",
    "null",
    "no",
    "off",
    "false",
    "indefinite",
)
#: What anyone is called elsewhere.
_ANYONE = (
    "*",
    "all",
    "any",
    "anyone",
    "everyone",
    "everybody",
    "anonymous",
    "world",
    "true",
    "guest",
    "open",
)
_CLOCK = re.compile(
    r"(?:now|today|current_?(?:timestamp|date|time)|sysdate|getdate|utcnow)\b.*", re.IGNORECASE
)
_MAKES_UUID = re.compile(r"(?:gen_random_uuid|uuid_?(?:generate)?_?v?[0-9]?|newid|uuid4?)\(.*", re.IGNORECASE)
_SCALES = {"": 1, "k": 1_000, "m": 1_000_000, "b": 1_000_000_000}
_NUMBER = re.compile(r"([0-9][0-9_' ]*)([kmb]?)(?: ?(?:rows?|requests?|req)?(?:/s|ps)?)?", re.IGNORECASE)
_SPAN = re.compile(r"p?([0-9]+) ?(d|days?|w|weeks?|m|months?|y|years?)", re.IGNORECASE)
_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}
#: Formats of OpenAPI and others that say nothing about a string, or what they are here.
_FORMATS = {
    "password": "delete it: the gateway shows values as they are",
    "byte": "delete it, and say in description that it is base64",
    "binary": "delete it, and say in description that it is base64",
    "phone": "write pattern: '^\\+[0-9]{6,15}$'",
    "url": "write format: uri",
    "datetime": "write type: timestamp, or format: date-time",
    "timestamp": "write type: timestamp, or format: date-time",
    "ip": "write format: ipv4",
    "guid": "write type: uuid",
    "regex": "delete it: no format is a regular expression",
}
#: For constraints of another kind of type, those of this one.
_INSTEAD = {
    "string": {
        "minimum": "min_length",
        "exclusive_minimum": "min_length",
        "maximum": "max_length",
        "exclusive_maximum": "max_length",
    },
    "number": {"min_length": "minimum", "max_length": "maximum"},
}


def token_hint(verb: str, value: object) -> str | None:
    """Return the hint for a value that means anyone in a list of token names, None for other values."""
    if re.sub(r"[^a-z*]", "", str(value).lower()) not in _ANYONE:
        return None
    return (
        "write read: [public]"
        if verb == "read"
        else f"name tokens, as in {verb}: [etl]; not anyone can write"
    )


def word_hint(key: str, value: object, words: Sequence[str]) -> str | None:
    """Return the word that a value of a key is meant to be, or None where it is none."""
    bare = re.sub(r"[ _-]", "", str(value).lower())
    for word, others in _WORDS.get(key, {}).items():
        if word in words and bare in others.split():
            return f"write {key}: {word}"
    return None


def number_hint(key: str, value: object) -> str | None:
    """Return how a number with a unit is written, such as `10k`, `90 days` and `P90D`; None where it is none."""
    text = str(value).strip()
    if text.lower() in _NO_LIMIT or text in ("0", "-1"):
        return f"delete {key}, or write a number above 0: without it there is no limit"
    if key == "days" and (span := _SPAN.fullmatch(text)):
        return f"write days: {int(span[1]) * _DAYS[span[2][0].lower()]}"
    if found := _NUMBER.fullmatch(text):
        return f"write {key}: {int(re.sub('[^0-9]', '', found[1])) * _SCALES[found[2].lower()] or 1}"
    return None


def span_hint(value: object) -> str | None:
    """Return `retention` as it is written for a span of time, or None where it is none."""
    if str(value).strip().lower() in _NO_LIMIT:
        return "delete it: without retention rows are kept for good"
    hint = number_hint("days", value) if _SPAN.fullmatch(str(value).strip()) else None
    return hint and f"write retention: {{{hint.removeprefix('write ')}}}"


def default_hint(value: object) -> str | None:
    """Return the hint for a default that is a function, None for other values."""
    text = str(value)
    if _CLOCK.fullmatch(text):
        return "a default is one value, not a function: each row has the time it came in, as _ingested_at"
    if _MAKES_UUID.fullmatch(text):
        return "a default is one value, not a function: each row has a number of its own, _id"
    return None


def list_hint(key: str, value: object, more: Sequence[str] = ()) -> str:
    """Return a list as it is written, for one that stands in a text: `a, b`, `a | b`."""
    parts = re.split(r"\s*[,|]\s*", value.strip("()[] ")) if isinstance(value, str) else []
    found = [part.strip("'\" ") for part in (*parts, *more)]
    shown = [part if re.fullmatch(r"[\w.-]+", part) else f"'{part}'" for part in found if part]
    return f"write {key}: [{', '.join(shown) or 'A, B'}]"


def format_hint(value: object) -> str | None:
    """Return the hint for a format of another tool, None if it is unknown."""
    text = str(value)
    if re.search(r"%[YymdHMS]|\b(?:YYYY|DD|MM|HH)\b", text):
        return "write type: date, time, timestamp or datetime, which say how they are written"
    return _FORMATS.get(text.lower())


def constraint_hint(key: str, type_name: str, constraints: Sequence[str]) -> str | None:
    """Return the constraint that a type has instead of an unsupported one, None if there is none."""
    kind = "string" if "min_length" in constraints else "number" if "minimum" in constraints else ""
    if key == "format" and kind == "number":
        return f"delete it: {type_name} has one size"
    if key == "format" and not kind:
        return f"delete it: the type says how a {type_name} is written"
    instead = _INSTEAD.get(kind, {}).get(key)
    return f"write {instead}" if instead else None


def pattern_doubt(pattern: str) -> str | None:
    """Return the warning about a pattern in the slashes of JavaScript, None for other patterns."""
    found = re.fullmatch(r"/(\^.*|.*\$)/([a-z]*)", pattern)
    if not found:
        return None
    flags = f"(?{found[2]})" if found[2] in ("i", "s", "is", "si") else ""
    return f"the slashes are a part of it: for the pattern between them write '{flags}{found[1]}'"
