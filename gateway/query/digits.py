"""JSON numbers with all their digits, in SQL.

DuckDB reads a number with a point or an exponent as a double, and so loses digits beyond the 17th as soon as it looks
inside a document; integers it keeps, and the text of a document as it is stored. Documents that have such a number are
read in a marked form: strings and keys begin with `s`, and numbers are strings that begin with `n`. Two numbers are
compared as doubles, and where these are the same by the rest of their digits.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from math import inf, isfinite
from operator import eq, ge, gt, le, lt
from typing import Any

#: As many digits survive a double, whatever they are.
_SAFE_DIGITS = 15
_STRING = r'(?:[^"\\]|\\.)*'
_NUMBER = "-?[0-9][0-9.eE+-]*"
#: What a number with more digits around its point has, or one whose exponent a double may not have.
_LOSSY = "|".join(
    [
        *(f"[0-9]{{{_SAFE_DIGITS + 1 - after}}}[.][0-9]{{{after}}}" for after in range(1, _SAFE_DIGITS + 1)),
        f"[0-9]{{{_SAFE_DIGITS + 1}}}[.eE]",
        "[0-9][eE][+-]?[0-9]{3}",
    ]
)
#: Below it an integer is a double of its own.
_EXACT_INTEGERS = 2**53
#: Every exponent of a number in the sortable text has as many digits as this.
_MIDDLE = 5 * 10**18
_TURNED = str.maketrans("0123456789", "9876543210")


def is_lossy(document: str) -> str:
    """Give the SQL of whether DuckDB would lose digits of a document.

    PERF: to read and write it again tells sooner than to look for such a number, and nearly always that it would not.
    """
    text = f"CAST({document} AS VARCHAR)"
    same = f"CAST(json_extract({document}, '$') AS VARCHAR) = {text}"
    return f"(CASE WHEN {same} THEN false ELSE regexp_matches({text}, '{_LOSSY}') END)"


def marked(document: str) -> str:
    """Give the SQL of a document in its marked form.

    A match takes up all that stands before its number, so that none begins inside a string; the number that is added
    behind ends the last one.
    """
    strings = f"""regexp_replace(CAST({document} AS VARCHAR), '"({_STRING})"', '"s\\1"', 'gs')"""
    numbers = (
        f"""regexp_replace({strings} || ' 0', '((?:"{_STRING}"|[^"0-9-])*)({_NUMBER})', '\\1"n\\2"', 'gs')"""
    )
    return f"CAST(left({numbers}, -5) AS JSON)"


def unmarked(document: str) -> str:
    """Give the SQL of the text of what is in its marked form."""
    numbers = (
        f"""regexp_replace(CAST({document} AS VARCHAR) || '"n0"',"""
        f""" '((?:"s{_STRING}"|[^"])*)"n([^"]*)"', '\\1\\2', 'gs')"""
    )
    return f"""regexp_replace(left({numbers}, -1), '"s({_STRING})"', '"\\1"', 'gs')"""


def double(text: str) -> str:
    """Give the SQL of the double next to a number, of its text; infinite beyond the doubles, NULL for other text."""
    return f"TRY_CAST({text} AS DOUBLE)"


def rest(text: str) -> str:
    """Give the SQL of what tells and orders numbers whose doubles are the same, of the text of one.

    That is 1 for the number that the double is written as, and for any other its digits, behind 0 where it is less and
    2 where it is greater. PERF: no two numbers of few digits share a double, so only longer ones are looked at.
    """
    both = f"[{text}, CAST({double(text)} AS VARCHAR)]"
    return (
        f"(CASE WHEN {_is_short(text)} THEN '1' ELSE list_transform([list_transform({both}, lambda number:"
        f" {_sortable('number')})], lambda pair: CASE WHEN pair[1] = pair[2] THEN '1'"
        " ELSE concat(CASE WHEN pair[1] < pair[2] THEN '0' ELSE '2' END, pair[1]) END)[1] END)"
    )


def compare(text: str, sql: str, value: int | Decimal, add: Callable[[Any], str]) -> str:
    """Give the SQL of a comparison of a number's text with a number; NULL for other text.

    Args:
        text: The SQL of the text.
        sql: `=`, `<`, `<=`, `>` or `>=`.
        value: The number.
        add: Adds a parameter and gives the SQL that stands for it.
    """
    number = _double_of(value)
    shown = _sortable_text(Decimal(repr(number)) if isfinite(number) else 0)
    own = _sortable_text(value)
    short = "true" if _COMPARE[sql](shown, own) else "false"
    other = f"CAST({add(number)} AS DOUBLE)"
    same = f"CASE WHEN {_is_short(text)} THEN {short} ELSE {_sortable(text)} {sql} {add(own)} END"
    return f"(CASE WHEN {double(text)} = {other} THEN {same} ELSE {double(text)} {sql} {other} END)"


def is_written(text: str, value: int | Decimal, add: Callable[[Any], str]) -> str:
    """Give the SQL of whether a number is one, of its text as DuckDB writes what it takes from a document.

    PERF: of a document that loses no digits; there the double of a number that is no integer tells all of it.
    """
    number = _double_of(value)
    if not isfinite(number):
        return compare(text, "=", value, add)
    is_shown = Decimal(repr(number)) == value
    same = f"{double(text)} = CAST({add(number)} AS DOUBLE)"
    if is_shown and abs(number) < _EXACT_INTEGERS:
        return same
    whole = f"{text} = {add(str(int(value)) if value == int(value) else 'none')}"
    return f"({same} AND ({whole}{_OR_REAL.format(text) if is_shown else ''}))"


_OR_REAL = " OR regexp_matches({}, '[.eE]')"
_COMPARE: Mapping[str, Callable[[str, str], bool]] = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


def _double_of(value: int | Decimal) -> float:
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf


def _is_short(text: str) -> str:
    """Give the SQL of whether a number has so few digits that no other number of few has its double."""
    # A dozen characters and no exponent are within the doubles that keep all digits.
    return f"(length({text}) <= {_SAFE_DIGITS} AND NOT contains(upper({text}), 'E'))"


def _sortable(text: str) -> str:
    """Give the SQL of a text that sorts as numbers do, and is the same for the same number; of the text of one."""
    parts = f"regexp_extract({text}, '^(-?)0*([0-9]*)[.]?([0-9]*)[eE]?(.*)$', ['sign', 'whole', 'behind', 'power'])"
    size = "length(digits) - length(part.behind) + coalesce(TRY_CAST(part.power AS BIGINT), 0)"
    positive = f"concat('1', {_MIDDLE} + {size}, rtrim(digits, '0'))"
    negative = (
        f"concat('0', {_MIDDLE} - ({size}), translate(rtrim(digits, '0'), '0123456789', '9876543210'), '~')"
    )
    written = f"CASE WHEN digits = '' THEN '1' WHEN part.sign = '' THEN {positive} ELSE {negative} END"
    digits = "[ltrim(concat(part.whole, part.behind), '0')]"
    return f"list_transform([{parts}], lambda part: list_transform({digits}, lambda digits: {written})[1])[1]"


def _sortable_text(value: int | Decimal) -> str:
    """Give what `_sortable` makes of a number."""
    sign, figures, exponent = Decimal(value).as_tuple()
    digits = "".join(map(str, figures)).lstrip("0")
    if not digits:
        return "1"
    assert isinstance(exponent, int)
    size, body = len(digits) + exponent, digits.rstrip("0")
    return f"0{_MIDDLE - size}{body.translate(_TURNED)}~" if sign else f"1{_MIDDLE + size}{body}"
