"""JSON numbers with all their digits, in SQL.

DuckDB parses a number with a point or an exponent as a double. So it loses digits after the 17th whenever it extracts
from a document. It keeps integers, and the text of a stored document. A document with such a number is transformed to a
marked form: strings and keys begin with `s`, and numbers are strings that begin with `n`. Two numbers are compared as
doubles, and equal doubles by the rest of their digits.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from math import inf, isfinite
from operator import eq, ge, gt, le, lt
from typing import Any

#: A double preserves this many digits of every number.
_SAFE_DIGITS = 15
_STRING = r'(?:[^"\\]|\\.)*'
_NUMBER = "-?[0-9][0-9.eE+-]*"
#: A pattern of numbers with more digits around the point, or with an exponent that a double may not have.
_LOSSY = "|".join(
    [
        *(f"[0-9]{{{_SAFE_DIGITS + 1 - after}}}[.][0-9]{{{after}}}" for after in range(1, _SAFE_DIGITS + 1)),
        f"[0-9]{{{_SAFE_DIGITS + 1}}}[.eE]",
        "[0-9][eE][+-]?[0-9]{3}",
    ]
)
#: Below this, every integer has a double of its own.
_EXACT_INTEGERS = 2**53
#: Every exponent in the sortable text has as many digits as this number.
_EXPONENT_OFFSET = 5 * 10**18
_COMPLEMENT = str.maketrans("0123456789", "9876543210")


def is_lossy(document: str) -> str:
    """Return the SQL of whether DuckDB would lose digits of a document.

    PERF: a round trip through DuckDB is faster than a search for such a number, and nearly always shows no loss.
    """
    text = f"CAST({document} AS VARCHAR)"
    same = f"CAST(json_extract({document}, '$') AS VARCHAR) = {text}"
    return f"(CASE WHEN {same} THEN false ELSE regexp_matches({text}, '{_LOSSY}') END)"


def marked(document: str) -> str:
    """Return the SQL of a document in its marked form.

    A match contains all text before its number, so that none begins inside a string. The number that is appended ends
    the last match.
    """
    strings = f"""regexp_replace(CAST({document} AS VARCHAR), '"({_STRING})"', '"s\\1"', 'gs')"""
    numbers = (
        f"""regexp_replace({strings} || ' 0', '((?:"{_STRING}"|[^"0-9-])*)({_NUMBER})', '\\1"n\\2"', 'gs')"""
    )
    return f"CAST(left({numbers}, -5) AS JSON)"


def unmarked(document: str) -> str:
    """Return the SQL of the JSON text of a document in its marked form."""
    numbers = (
        f"""regexp_replace(CAST({document} AS VARCHAR) || '"n0"',"""
        f""" '((?:"s{_STRING}"|[^"])*)"n([^"]*)"', '\\1\\2', 'gs')"""
    )
    return f"""regexp_replace(left({numbers}, -1), '"s({_STRING})"', '"\\1"', 'gs')"""


def double(text: str) -> str:
    """Return the SQL of the double nearest to a number, from its text; infinite if too large, NULL for other text."""
    return f"TRY_CAST({text} AS DOUBLE)"


def rest(text: str) -> str:
    """Return the SQL of a text that orders numbers with the same double, from the text of one.

    It is 1 for the number as which the double is written. For any other it is the digits, after 0 if the number is less
    and after 2 if it is greater. PERF: no two numbers of few digits share a double, so only longer ones are compared.
    """
    both = f"[{text}, CAST({double(text)} AS VARCHAR)]"
    return (
        f"(CASE WHEN {_is_short(text)} THEN '1' ELSE list_transform([list_transform({both}, lambda number:"
        f" {_sortable('number')})], lambda pair: CASE WHEN pair[1] = pair[2] THEN '1'"
        " ELSE concat(CASE WHEN pair[1] < pair[2] THEN '0' ELSE '2' END, pair[1]) END)[1] END)"
    )


def compare(text: str, sql: str, value: int | Decimal, add: Callable[[Any], str]) -> str:
    """Return the SQL of a comparison of a number's text with a number; NULL for other text.

    Args:
        text: The SQL of the text.
        sql: `=`, `<`, `<=`, `>` or `>=`.
        value: The number.
        add: Adds a parameter, and returns the SQL that refers to it.
    """
    number = _double_of(value)
    shown = _sortable_text(Decimal(repr(number)) if isfinite(number) else 0)
    text_of_value = _sortable_text(value)
    short = "true" if _COMPARE[sql](shown, text_of_value) else "false"
    other = f"CAST({add(number)} AS DOUBLE)"
    same = f"CASE WHEN {_is_short(text)} THEN {short} ELSE {_sortable(text)} {sql} {add(text_of_value)} END"
    return f"(CASE WHEN {double(text)} = {other} THEN {same} ELSE {double(text)} {sql} {other} END)"


def is_written(text: str, value: int | Decimal, add: Callable[[Any], str]) -> str:
    """Return the SQL of whether a number equals another, from its text as DuckDB extracts it from a document.

    PERF: only for a document that loses no digits. There a number that is not an integer is defined by its double.
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
    """Return the SQL of whether a number has so few digits that no other such number has its double."""
    # 15 characters without an exponent are within the range in which doubles preserve all digits.
    return f"(length({text}) <= {_SAFE_DIGITS} AND NOT contains(upper({text}), 'E'))"


def _sortable(text: str) -> str:
    """Return the SQL of a text that sorts like the number, and is equal for equal numbers; from the text of a number."""
    parts = f"regexp_extract({text}, '^(-?)0*([0-9]*)[.]?([0-9]*)[eE]?(.*)$', ['sign', 'whole', 'behind', 'power'])"
    size = "length(digits) - length(part.behind) + coalesce(TRY_CAST(part.power AS BIGINT), 0)"
    positive = f"concat('1', {_EXPONENT_OFFSET} + {size}, rtrim(digits, '0'))"
    negative = f"concat('0', {_EXPONENT_OFFSET} - ({size}), translate(rtrim(digits, '0'), '0123456789', '9876543210'), '~')"
    written = f"CASE WHEN digits = '' THEN '1' WHEN part.sign = '' THEN {positive} ELSE {negative} END"
    digits = "[ltrim(concat(part.whole, part.behind), '0')]"
    return f"list_transform([{parts}], lambda part: list_transform({digits}, lambda digits: {written})[1])[1]"


def _sortable_text(value: int | Decimal) -> str:
    """Return the text that `_sortable` computes for a number."""
    sign, figures, exponent = Decimal(value).as_tuple()
    digits = "".join(map(str, figures)).lstrip("0")
    if not digits:
        return "1"
    assert isinstance(exponent, int)
    size, body = len(digits) + exponent, digits.rstrip("0")
    return (
        f"0{_EXPONENT_OFFSET - size}{body.translate(_COMPLEMENT)}~"
        if sign
        else f"1{_EXPONENT_OFFSET + size}{body}"
    )
