"""Text to a JSON value: kinder than JSON in spelling, never in value.

A date, a time and a UUID are texts in JSON as well, and are taken there as here: these functions give them in the one
spelling that is stored. Each function raises ValueError where the text is no value of its type, and says why where the
text looks like one.
"""

import datetime as clock
import re
from decimal import Decimal

from gateway import strictjson
from gateway.connectors.lexical import UUID
from gateway.strictjson import Json


class NoSuchValue(ValueError):  # noqa: N818  # it is an answer to a question
    """A text has the form of its type and is no value of it; the message ends a sentence that begins with the text."""


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
            raise NoSuchValue(_UTC_YEARS) from error
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
        raise NoSuchValue(f"names {day}, which is no day of the calendar") from error


def _require_below(bound: int, what: str, text: str) -> None:
    if int(text) >= bound:
        raise NoSuchValue(f"has {text} for the {what}, which is at most {bound - 1}")


def _later(moment: clock.datetime, fraction: str | None, beyond: str) -> str:
    """Add a fraction of a second, rounded to the microsecond as PostgreSQL does: as a double, half to even."""
    if not fraction:
        return moment.isoformat()
    try:
        # A double does not tell more digits apart.
        moment += clock.timedelta(microseconds=round(float(f"0.{fraction[:15]}") * 1e6))
    except OverflowError as error:
        raise NoSuchValue(beyond) from error
    return moment.isoformat().rstrip("0") if moment.microsecond else moment.isoformat()


# ------------------------------------------------------------------------------------------------------
# Values in a query string, where they are stricter or kinder than in a CSV cell.


def whole(text: str) -> Json:
    """Read an integer without point or exponent: `id=eq.1.0` is a slip, not a one."""
    if not re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) or len(text) > strictjson.MAX_DIGITS:
        raise ValueError(text)
    return int(text)


def instant(text: str) -> Json:
    """Read an instant, or the start of a day, or a time without an offset, which are taken as UTC."""
    return f"{datetime(text)}Z" if _DATETIME.fullmatch(text) else timestamp(text)


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
