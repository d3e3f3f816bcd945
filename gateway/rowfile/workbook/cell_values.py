"""The value of a cell, as the cell of CSV that has the same value."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite

from gateway.rowfile.workbook.days import DayCount
from gateway.rowfile.workbook.formats import CellFormat
from gateway.rowfile.workbook.texts import SharedTexts, unescaped

_NUMBER = re.compile(r"\s*[+-]?[0-9]{0,400}\.?[0-9]{0,400}(?:[eE][+-]?[0-9]{1,3})?\s*(?<=[0-9.\s])")
#: Numbers between these are written without an exponent.
_PLAIN_MIN, _PLAIN_MAX = 1e-20, 1e38
#: Whole numbers below it are written with all digits that they have.
_INTEGER_MAX = 2.0**63


@dataclass(frozen=True, slots=True)
class CellValues:
    """The means to read the values of a sheet: the shared texts, the formats of styles, and the count of days."""

    texts: SharedTexts
    formats: Sequence[CellFormat]
    days: DayCount

    def read(self, kind: str, style: str, value: str) -> str:
        """Return the text of a cell with a value; empty if a person sees nothing there.

        Args:
            kind: The type of the cell, `n` for numbers.
            style: The number of its style.
            value: Its value as the file has it.

        Raises:
            ValueError: It has no value, as the predicate of a sentence.
        """
        if kind == "s":
            return self.texts[int(value)] if value.isdecimal() else ""
        if kind in ("str", "inlineStr"):
            return unescaped(value) if kind == "str" else value
        if kind == "b":
            return "true" if value.strip() in ("1", "true") else "false"
        if kind == "e":
            raise ValueError(f"has the error {value[:20]}; correct its formula, or clear it")
        if kind == "d":
            return value.removesuffix("T00:00:00")
        return self._number(value, style) if value else ""

    def _number(self, value: str, style: str) -> str:
        if not _NUMBER.fullmatch(value) or not isfinite(number := float(value)):
            raise ValueError("has a number that no sheet can have; save the file again")
        place = int(style) if style.isdecimal() else 0
        format = self.formats[place] if place < len(self.formats) else CellFormat.NUMBER
        return shortest(number) if format is CellFormat.NUMBER else self.days.shown(number, format)


def shortest(number: float) -> str:
    """Return the shortest decimal text of a number."""
    if number.is_integer() and abs(number) < _INTEGER_MAX:
        return str(int(number))
    text = repr(number)
    return format(Decimal(text), "f") if "e" in text and _PLAIN_MIN <= abs(number) < _PLAIN_MAX else text
