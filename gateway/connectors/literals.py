"""Text of a CSV cell or a query string to a JSON value: kinder than JSON in spelling, never in value.

Each function raises ValueError where the text is no value of its type.
"""

import contextlib
import re
from decimal import Decimal

from gateway import strictjson
from gateway.connectors.lexical import DATE, TIME, TIMESTAMP, UUID
from gateway.strictjson import Json


def _matching(pattern: str, text: str) -> str:
    if not re.fullmatch(pattern, text, re.ASCII):
        raise ValueError(text)
    return text


_BOOLEANS = dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True) | dict.fromkeys(
    ("false", "f", "no", "n", "off", "0"), False
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


def number(text: str) -> Json:
    """Read a number, as int where it has no point and no exponent."""
    if not _NUMBER.fullmatch(text) or len(text) > strictjson.MAX_DIGITS:
        raise ValueError(text)
    value = Decimal(text)
    return int(value) if value.as_tuple().exponent == 0 else value


def integer(text: str) -> Json:
    """Read an integer; `517.0` is one, as pandas writes a column with gaps."""
    value = number(text)
    if isinstance(value, Decimal):
        if value.adjusted() > 30 or value != value.to_integral_value():
            raise ValueError(text)
        value = int(value)
    return value


def boolean(text: str) -> Json:
    """Read a boolean, in PostgreSQL's spellings."""
    if (value := _BOOLEANS.get(text.lower())) is None:
        raise ValueError(text)
    return value


def string(text: str) -> Json:
    """Read any text, as it stands."""
    return text


def json(text: str) -> Json:
    """Read a JSON value."""
    return strictjson.read(text.encode())


def uuid(text: str) -> Json:
    """Read a UUID."""
    return _matching(UUID, text)


def date(text: str) -> Json:
    """Read a date."""
    return _matching(DATE, text)


def time(text: str) -> Json:
    """Read a time of day; its seconds may be left out."""
    return _matching(TIME, text if text.count(":") > 1 else text + ":00")


def datetime(text: str) -> Json:
    """Read a date and time, with `T` or a space between."""
    day, moment = text[:10], text[11:]
    if text[10:11] not in ("T", "t", " "):
        raise ValueError(text)
    return f"{date(day)}T{time(moment)}"


_OFFSET_LITERAL = re.compile(r"(.*?)(?:([zZ])|([+ -])([0-9]{2})(?::?([0-9]{2}))?)")


def timestamp(text: str) -> Json:
    """Read an instant; its offset may be short."""
    parts = _OFFSET_LITERAL.fullmatch(text, 0, 60) if len(text) > 11 else None
    if not parts:
        raise ValueError(text)
    local, zulu, sign, hours, minutes = parts.groups()
    # A query string that did not escape its `+` arrives with a space there.
    offset = "Z" if zulu else f"{'+' if sign == ' ' else sign}{hours}:{minutes or '00'}"
    return _matching(TIMESTAMP, datetime(local) + offset)


# ------------------------------------------------------------------------------------------------------
# Values in a query string, where they are stricter or kinder than in a CSV cell.


def whole(text: str) -> Json:
    """Read an integer without point or exponent: `id=eq.1.0` is a slip, not a one."""
    if not re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) or len(text) > strictjson.MAX_DIGITS:
        raise ValueError(text)
    return int(text)


def instant(text: str) -> Json:
    """Read an instant, or the start of a day, or a time without an offset, which are taken as UTC."""
    if re.fullmatch(DATE, text, re.ASCII):
        return f"{text}T00:00:00Z"
    with contextlib.suppress(ValueError):
        return timestamp(text)
    return f"{datetime(text)}Z"


def moment(text: str) -> Json:
    """Read a date and time without a zone, or the start of a day."""
    return f"{text}T00:00:00" if re.fullmatch(DATE, text, re.ASCII) else datetime(text)


_ARRAY_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*+)"|((?:[^"{},\\]|\\.)*+))\s*([,}])', re.DOTALL)


def unescape(text: str) -> str:
    """Give text without its backslashes, each of which takes the next character as it is."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def array(text: str) -> list[str | None]:
    r"""Read PostgreSQL's `{a,"b,c",NULL}` (its documentation, section 8.15.6), one level deep.

    A backslash takes the next character as it is.
    """
    text = text.strip()
    if not text.startswith("{"):
        raise ValueError(text)
    if text[1:].strip() == "}":
        return []
    items: list[str | None] = []
    place = 1
    while found := _ARRAY_ITEM.match(text, place):
        quoted, plain, end = found.groups()
        text_of_item = plain.strip() if quoted is None else quoted
        if quoted is None and not text_of_item:
            break
        is_null = quoted is None and text_of_item.upper() == "NULL"
        items.append(None if is_null else unescape(text_of_item))
        place = found.end()
        if end == "}" and place == len(text):
            return items
        if end == "}":
            break
    raise ValueError(text)
