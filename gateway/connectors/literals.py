"""Text to a JSON value, with more spellings than JSON and the same values.

Dates, times, and UUIDs are strings in JSON too, with the same spellings. These functions return the spelling that is
stored. Each raises ValueError if the text is not a value of its type, with the reason if the text has its form.
"""

import datetime as clock
import re
from decimal import Decimal

from gateway import strictjson
from gateway.connectors.lexical_forms import UUID
from gateway.strictjson import Json


class InvalidLiteralError(ValueError):  # it is an answer to a question
    """A text has the form of its type but is not a value of it; the message ends a sentence that begins with the text."""


_BOOLEANS = dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True) | dict.fromkeys(
    ("false", "f", "no", "n", "off", "0"), False
)
_NUMBER = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:[eE]([+-]?[0-9]+))?")


def number(text: str) -> Json:
    """Read a number, as int if it has no point and no exponent; the limit of digits is that of JSON."""
    found = _NUMBER.fullmatch(text) if len(text) <= strictjson.MAX_DIGITS else None
    if not found:
        raise ValueError(text)
    mantissa, exponent = found.groups()
    value = Decimal(mantissa)
    if value and exponent:
        # PERF: a schema takes 65 ms to look at 1e-9999.
        if abs(int(exponent) + value.adjusted()) > strictjson.MAX_DIGITS:
            raise strictjson.NumberTooLongError
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


_NUMERAL = re.compile(
    r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))"
    r"|([+-]?(?:[1-9](?:\.[0-9]*)?|0(?:\.0*)?))[eE]([+-]?[0-9]+)"
)


def numeral(text: str) -> Json:
    """Read the number that a JSON string spells, exactly; `numerals` describes its spellings to others."""
    found = _NUMERAL.fullmatch(text) if len(text) <= strictjson.MAX_DIGITS else None
    if not found:
        raise ValueError(text)
    plain, mantissa, exponent = found.groups()
    value = Decimal(plain or mantissa)
    if value and exponent:
        if abs(int(exponent)) > strictjson.MAX_DIGITS:  # No column holds it.
            raise ValueError(text)
        value = Decimal(text)
    return int(value) if value == value.to_integral_value() else value


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


_UUID = re.compile(UUID)


def uuid(text: str) -> Json:
    """Read a UUID, to lower case."""
    if not _UUID.fullmatch(text):
        raise ValueError(text)
    return text.lower()


_DAY = "([0-9]{4}-[0-9]{2}-[0-9]{2})"
_CLOCK = r"([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:(?<=:..:..)\.([0-9]+))?"
_DATE = re.compile(_DAY)
_TIME = re.compile(_CLOCK)
_DATETIME = re.compile(f"{_DAY}(?:[Tt ]{_CLOCK})?")
_INSTANT = re.compile(f"{_DAY}[Tt ]{_CLOCK}(?:[Zz]|(?: ?([+-])| )([0-9]{{2}})(?::?([0-9]{{2}}))?)")
_UTC_YEARS = "is outside the years 1 to 9999 in UTC"


def date(text: str) -> Json:
    """Read a date."""
    _moment(*_groups(_DATE, text))
    return text


def time(text: str) -> Json:
    """Read a time of day; its seconds may be left out."""
    clock_time, fraction = _groups(_TIME, text)
    return _later(
        _moment("9999-12-31", clock_time), fraction, "is rounded to 24:00:00, which is no time of a day"
    )[11:]


def datetime(text: str) -> Json:
    """Read a date and time; a date alone is the start of the day."""
    day, clock_time, fraction = _groups(_DATETIME, text)
    return _later(_moment(day, clock_time or "00:00"), fraction, "is rounded to the year 10000")


def timestamp(text: str) -> Json:
    """Read an instant, to UTC."""
    day, clock_time, fraction, sign, hours, minutes = _groups(_INSTANT, text)
    moment = _moment(day, clock_time)
    if hours:
        _require_below(24, "hour of its offset", hours)
        _require_below(60, "minute of its offset", minutes or "0")
        offset = clock.timedelta(hours=int(hours), minutes=int(minutes or "0"))
        try:
            moment = moment + offset if sign == "-" else moment - offset
        except OverflowError as error:
            raise InvalidLiteralError(_UTC_YEARS) from error
    return f"{_later(moment, fraction, 'is rounded to the year 10000 in UTC')}Z"


def _groups(form: re.Pattern[str], text: str) -> tuple[str, ...]:
    found = form.fullmatch(text)
    if not found:
        raise ValueError(text)
    return found.groups()


def _moment(day: str, clock_time: str = "00:00") -> clock.datetime:
    try:
        return clock.datetime.fromisoformat(f"{day}T{clock_time}")
    except ValueError as error:
        for what, bound, text in zip(
            ("hour", "minute", "second"), (24, 60, 60), clock_time.split(":"), strict=False
        ):
            _require_below(bound, what, text)
        raise InvalidLiteralError(f"names {day}, which is no day of the calendar") from error


def _require_below(bound: int, what: str, text: str) -> None:
    if int(text) >= bound:
        raise InvalidLiteralError(f"has {text} for the {what}, which is at most {bound - 1}")


def _later(moment: clock.datetime, fraction: str | None, beyond: str) -> str:
    """Add a fraction of a second, rounded to the microsecond as PostgreSQL does: as a double, half to even."""
    if not fraction:
        return moment.isoformat()
    try:
        # A double does not tell more digits apart.
        moment += clock.timedelta(microseconds=round(float(f"0.{fraction[:15]}") * 1e6))
    except OverflowError as error:
        raise InvalidLiteralError(beyond) from error
    return moment.isoformat().rstrip("0") if moment.microsecond else moment.isoformat()


# ------------------------------------------------------------------------------------------------------
# Values in a query string, where they are stricter or kinder than in a CSV cell.


def whole(text: str) -> Json:
    """Read an integer without point or exponent: `id=eq.1.0` is a mistake, not 1."""
    if not re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) or len(text) > strictjson.MAX_DIGITS:
        raise ValueError(text)
    return int(text)


def instant(text: str) -> Json:
    """Read an instant; a date, or a time without an offset, is UTC."""
    return f"{datetime(text)}Z" if _DATETIME.fullmatch(text) else timestamp(text)


def unescape(text: str) -> str:
    """Remove the backslashes of a text; each keeps the next character as it is."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def array(text: str) -> list[str | None]:
    r"""Read PostgreSQL's `{a,"b,c",NULL}` (its documentation, section 8.15.6), one level deep.

    A backslash takes the next character as it is.
    """
    return [
        None if quoted is None and plain.upper() == "NULL" else unescape(plain if quoted is None else quoted)
        for quoted, plain in _items(text, "{", "}", _ARRAY_ITEM)
    ]


def duckdb_list(text: str) -> list[str | None]:
    r"""Read `[a, 'b, c', NULL]`, as DuckDB casts a list to text, and Python one of strings.

    In quotes a backslash stands before a quote and a backslash, and nowhere else: Python's `\n` is no `n`. DuckDB puts
    quotes only where they are needed; so beside others, as in `[None, 'a']`, an item without quotes is not known.
    """
    items = _items(text, "[", "]", _LIST_ITEM)
    is_of_duckdb = not any(quoted is not None and _NEEDS_NO_QUOTES.fullmatch(quoted) for quoted, _ in items)
    if not is_of_duckdb and any(quoted is None for quoted, _ in items):
        raise ValueError(text)
    return [
        unescape(quoted) if quoted is not None else None if plain.upper() == "NULL" else plain
        for quoted, plain in items
    ]


_ARRAY_ITEM = re.compile(
    r'\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<plain>(?:[^"{},\\]|\\.)*+))\s*([,}])', re.DOTALL
)
_LIST_ITEM = re.compile(
    r"""\s*(?:(?P<quote>['"])(?P<quoted>(?:(?!(?P=quote))[^\\]|\\['"\\])*+)(?P=quote)|(?P<plain>[^'"\[\]{},]*+))\s*([,\]])"""
)
_NEEDS_NO_QUOTES = re.compile(
    r"""(?!(?i:null)$)[^\s'"()\[\]{},:=\\](?:[^'"()\[\]{},:=\\]*[^\s'"()\[\]{},:=\\])?"""
)


def _items(text: str, opening: str, closing: str, item: re.Pattern[str]) -> list[tuple[str | None, str]]:
    """Yield the items of a list, each with its text in quotes or None, and its text without quotes."""
    text = text.strip()
    if not text.startswith(opening):
        raise ValueError(text)
    if text[1:].strip() == closing:
        return []
    items: list[tuple[str | None, str]] = []
    place = 1
    while found := item.match(text, place):
        quoted, plain = found["quoted"], (found["plain"] or "").strip()
        if quoted is None and not plain:
            break
        items.append((quoted, plain))
        place = found.end()
        if found[0].endswith(closing):
            if place == len(text):
                return items
            break
    raise ValueError(text)
