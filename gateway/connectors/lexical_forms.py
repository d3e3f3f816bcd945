"""Lexical forms of dates, UUIDs, email addresses, and others, as regular expressions.

They are complete, with the lengths of months and leap years. So a schema means the same in a validator that asserts
`format` and in one that does not (draft 2020-12, section 7.2). All of them run on an engine of linear time; a form
without a short pattern there has several patterns.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.strictjson import Json

_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_MONTH_DAY = (
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    "|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_YEAR = "(?:000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
DATE = f"(?:{_YEAR}-{_MONTH_DAY}|{_LEAP_YEAR}-02-29)"
UUID = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"

#: DuckDB keeps U+0000, but CSV, Parquet and PostgreSQL readers stumble over it: no string field takes it.
NO_NUL = r"^[^\u0000]*$"

# ------------------------------------------------------------------------------------------------------
# Times as JSON, CSV, query strings and connector files take them. Python's str() writes a space for the `T`,
# PostgreSQL and DuckDB write `+01`, Ruby writes ` +0100`, .NET and Java write more than six decimals. The `+` of a
# form or a query string that was not escaped arrives as a space.

_HOUR, _SIXTY = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
TIME = rf"{_HOUR}:{_SIXTY}(?::{_SIXTY}(?:\.[0-9]+)?)?"
DATETIME = f"{DATE}(?:[Tt ]{TIME})?"
TIMESTAMP = f"{DATE}[Tt ]{TIME}(?:[Zz]|(?: ?[+-]| ){_HOUR}(?::?{_SIXTY})?)"


def _pairs(start: str, count: int, others: Callable[[int], range], before: str, end: str) -> str:
    """Find a number of two digits below `count` and, further on, behind `before`, one of those that go with it."""
    found = [
        f"{number:02d}[ -:]*{before}{_within(others(number))}" for number in range(count) if others(number)
    ]
    return f"{start}(?:{'|'.join(found)}){end}"


def _within(numbers: range) -> str:
    """Find a number of two digits that is in a range."""
    if len(numbers) == 1:
        return f"{numbers[0]:02d}"
    tens = range(numbers[0] // 10, numbers[-1] // 10 + 1)
    found = [f"{ten}[{max(numbers[0] - ten * 10, 0)}-{min(numbers[-1] - ten * 10, 9)}]" for ten in tens]
    return f"(?:{'|'.join(found)})"


def _only(number: int) -> range:
    return range(number, number + 1)


# Texts of that form that are not values, as schemas for `not`: they would be rounded to a day that does not exist, or are
# outside the years 1 to 9999 in UTC. A pattern that added an offset to a time would need an alternative for every minute
# of a day. So hours and minutes are added separately. `type` is there for null, which satisfies every pattern.

_UP = r":59\.9{6}[5-9]"
_FIRST, _LAST = "^0001-01-01[Tt ]", "^9999-12-31[Tt ]"
_MINUTES_OF_OFFSET = f"(?::?{_SIXTY})"


def _tens(others: Callable[[int], range]) -> Json:
    """Find the tens of minutes, and at the end those of the offset, which are one of those that go with them."""
    found = [f"{ten}[ -:]*{_digit(others(ten))}" for ten in range(6) if others(ten)]
    return _holds(f"^[ -z]{{14}}(?:{'|'.join(found)})[0-9]$")


def _ones(others: Callable[[int], range]) -> Json:
    """Find the last digit of minutes in the same way."""
    found = [f"{one}[ -:]*{_digit(others(one))}" for one in range(10) if others(one)]
    return _holds(f"^[ -z]{{15}}(?:{'|'.join(found)})$")


def _digit(numbers: range) -> str:
    return f"[{numbers[0]}-{numbers[-1]}]" if len(numbers) > 1 else str(numbers[0])


def _holds(pattern: str) -> Json:
    return {"pattern": pattern}


def _all(*schemas: Json) -> Json:
    return {"allOf": list(schemas)}


def _either(*schemas: Json) -> Json:
    return {"anyOf": list(schemas)}


_SAME_HOUR = _holds(_pairs(_FIRST, 24, _only, "[+ ]", f"{_MINUTES_OF_OFFSET}$"))
_FEWER_MINUTES = _either(
    _tens(lambda ten: range(ten + 1, 6)), _all(_tens(_only), _ones(lambda one: range(one + 1, 10)))
)
#: The hours of the time and of the offset are 23 together; the minutes of both are given.
_LAST_HOUR = _holds(_pairs(_LAST, 24, lambda hour: _only(23 - hour), "-", f"{_MINUTES_OF_OFFSET}$"))
_SIXTY_MINUTES = _either(
    _tens(lambda ten: range(6 - ten, 6)),
    _all(_tens(lambda ten: _only(5 - ten)), _ones(lambda one: range(10 - one, 10))),
)
_LAST_MINUTE = _all(_tens(lambda ten: _only(5 - ten)), _ones(lambda one: _only(9 - one)))

TIME_BEYOND: Json = {"type": "string", **_holds(f"^23:59{_UP}")}
DATETIME_BEYOND: Json = {"type": "string", **_holds(f"{_LAST}23:59{_UP}")}
TIMESTAMP_BEYOND: Json = {
    "type": "string",
    **_either(
        _holds(_pairs(_FIRST, 24, lambda hour: range(hour + 1, 24), "[+ ]", f"{_MINUTES_OF_OFFSET}?$")),
        _all(_SAME_HOUR, _FEWER_MINUTES),
        _holds(_pairs(_LAST, 24, lambda hour: range(24 - hour, 24), "-", f"{_MINUTES_OF_OFFSET}?$")),
        _all(_LAST_HOUR, _either(_SIXTY_MINUTES, _all(_LAST_MINUTE, _holds(f"^[ -z]{{16}}{_UP}")))),
        _holds(rf"{_LAST}23:59{_UP}[0-9]*(?:[Zz]|(?: ?[+]| )00(?::?00)?)$"),
        _holds(_pairs(_LAST, 24, lambda hour: _only(23 - hour), f":59{_UP}[0-9]* ?-", "$")),
    ),
}

# ------------------------------------------------------------------------------------------------------
# Formats

_H16 = "[0-9A-Fa-f]{1,4}"
_IPV4_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"(?:{_IPV4_OCTET}\.){{3}}{_IPV4_OCTET}"
_LS32 = f"(?:{_H16}:{_H16}|{_IPV4})"
_IPV6 = "(?:" + "|".join(
    [f"(?:{_H16}:){{6}}{_LS32}", f"::(?:{_H16}:){{5}}{_LS32}"]
    + [f"(?:(?:{_H16}:){{0,{n}}}{_H16})?::(?:{_H16}:){{{4 - n}}}{_LS32}" for n in range(5)]
    + [f"(?:(?:{_H16}:){{0,5}}{_H16})?::{_H16}", f"(?:(?:{_H16}:){{0,6}}{_H16})?::"]
) + ")"  # fmt: skip
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PCHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_AUTHORITY = (
    r"(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"
    rf"(?:\[{_IPV6}\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{{2}})*)(?::[0-9]*)?"
)
_PATH = rf"(?://{_AUTHORITY}(?:/{_PCHAR}*)*|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?|{_PCHAR}+(?:/{_PCHAR}*)*)?"
_TAIL = rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?"
_URI = rf"[A-Za-z][A-Za-z0-9+.-]*:{_PATH}{_TAIL}"
_RELATIVE = (
    rf"(?://{_AUTHORITY}(?:/{_PCHAR}*)*|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?"
    r"|(?:[A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})+"
    rf"(?:/{_PCHAR}*)*)?{_TAIL}"
)
_ATEXT = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DURATION_TIME = "T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S)"
_DURATION_DATE = "(?:[0-9]+D|[0-9]+M(?:[0-9]+D)?|[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?)"

_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_MAILBOX = rf"(?:{_ATEXT}(?:\.{_ATEXT})*|{_QUOTED})@(?:{_LABEL}(?:\.{_LABEL})*|\[(?:{_IPV4}|IPv6:{_IPV6})\])"

# RFC 3339. A leap second is the one after 23:59:59 in UTC: hours and minutes are looked at apart, as above.
_FULL_TIME = rf"{_HOUR}:{_SIXTY}:(?:{_SIXTY}|60)(?:\.[0-9]+)?(?:[Zz]|[+-]{_HOUR}:{_SIXTY})"
_ANY_DAY = "^(?:[0-9-]{10}[Tt])?"
_NO_LEAP = f"{_ANY_DAY}[0-9]{{2}}:[0-9]{{2}}:[0-5]"
_LEAP_HOUR = "|".join(
    (
        _NO_LEAP,
        rf"{_ANY_DAY}23:59:60(?:\.[0-9]+)?[Zz]$",
        _pairs(_ANY_DAY, 24, lambda hour: _only(23 - hour), "-", ":[0-9]{2}$"),
        _pairs(_ANY_DAY, 24, lambda hour: _only((hour + 1) % 24), "[+]", ":00$"),
        _pairs(_ANY_DAY, 24, _only, "[+]", ":(?:0[1-9]|[1-5][0-9])$"),
    )
)
_LEAP_MINUTE = "|".join(
    (
        _NO_LEAP,
        "[Zz]$",
        _pairs(f"{_ANY_DAY}[0-9]{{2}}:", 60, lambda minute: _only(59 - minute), "-[0-9]{2}:", "$"),
        _pairs(f"{_ANY_DAY}[0-9]{{2}}:", 60, lambda minute: _only((minute + 1) % 60), "[+][0-9]{2}:", "$"),
    )
)


@dataclass(frozen=True, slots=True)
class StringFormat:
    """The assertion of a format: patterns that must all match, and the maximum length."""

    patterns: tuple[str, ...]
    max_length: int | None = None


#: The `format` a string field may ask for.
FORMATS: Mapping[str, StringFormat] = {
    "date": StringFormat((f"^{DATE}$",)),
    "date-time": StringFormat((f"^{DATE}[Tt]{_FULL_TIME}$", _LEAP_HOUR, _LEAP_MINUTE)),
    "duration": StringFormat(
        (f"^P(?:{_DURATION_DATE}(?:{_DURATION_TIME})?|{_DURATION_TIME}|[0-9]+W)$",),
    ),
    "email": StringFormat((f"^{_MAILBOX}$",)),
    "hostname": StringFormat((rf"^{_LABEL}(?:\.{_LABEL})*$",), max_length=253),
    "ipv4": StringFormat((f"^{_IPV4}$",)),
    "ipv6": StringFormat((f"^{_IPV6}$",)),
    "json-pointer": StringFormat(("^(?:/(?:[^/~\\u0000]|~[01])*)*$",)),
    "time": StringFormat((f"^{_FULL_TIME}$", _LEAP_HOUR, _LEAP_MINUTE)),
    "uri": StringFormat((f"^{_URI}$",)),
    "uri-reference": StringFormat((f"^(?:{_URI}|{_RELATIVE})$",)),
    "uuid": StringFormat((f"^{UUID}$",)),
}
