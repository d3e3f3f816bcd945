"""Numbers in strings: a regular expression of all spellings between two bounds.

A string may spell a number with a sign, and with zeros around its digits. It may have an exponent after one digit before
the point, as Python and JavaScript write it. `literals.numeral` reads these spellings only.

Bounds are integers here: they count units of 10 ** -scale, the finest digit that the field keeps.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

#: What matches no string at all.
_NOTHING = r"[^\s\S]"
#: Digit strings of one length: how many free digits, or for each first digit those behind it.
_Tree: TypeAlias = "int | list[tuple[str, _Tree]]"


def pattern(ranges: Sequence[tuple[int, int]], scale: int) -> str:
    """Return the pattern of the numbers within one of some ranges, each of them from a number to another.

    Args:
        ranges: The least and the greatest number of each.
        scale: How many decimals there may be; zeros behind them are not counted.
    """
    spellings = [each for low, high in ranges if low <= high for each in _signed(low, high, scale)]
    return f"^(?:{'|'.join(spellings) or _NOTHING})$"


def _signed(low: int, high: int, scale: int) -> Iterator[str]:
    """Return numbers by their sign; zero may have either."""
    both = min(-low, high)
    if both > 0:
        yield f"[+-]?{_any_of(_unsigned(0, both, scale))}"
    if high > both and high >= 0:
        yield rf"\+?{_any_of(_unsigned(max(low, both + 1 if both > 0 else 0), high, scale))}"
    if -low > both and low <= 0:
        yield f"-{_any_of(_unsigned(max(-high, both + 1 if both > 0 else 0), -low, scale))}"
    if low == 0 or high == 0:
        sign = "[+-]?" if low == high else "-" if low == 0 else r"\+?"
        yield f"{sign}{_any_of(_zero())}"


def _unsigned(low: int, high: int, scale: int) -> Iterator[str]:
    least = max(low, 1)
    if low == 0:
        whole = (
            len(str(high + 1)) - 1 - scale
        )  # All numbers with `whole` digits before the point are in range.
        yield from _zero() if whole < 0 else _all_of(whole, scale)
        yield from _plain(least if whole < 0 else 10 ** (whole + scale), high, scale)
    else:
        yield from _plain(least, high, scale)
    for width in range(len(str(least)), len(str(high)) + 1):
        tree = _between(max(least, 10 ** (width - 1)), min(high, 10**width - 1), width)
        yield f"{_digits(tree, 1)}[eE]{_exponent(width - 1 - scale)}"


def _zero() -> Iterator[str]:
    yield from (r"0+\.?0*", r"\.0+", r"0(?:\.0*)?[eE][+-]?[0-9]+")


def _all_of(digits: int, scale: int) -> Iterator[str]:
    """Return all numbers of some digits before the point, zero included."""
    before = f"0*{_run(1, digits)}" if digits else "0+"
    yield rf"{before}(?:\.{_run(0, scale)}0*)?"
    yield rf"\.{_run(1, scale)}0*" if scale else r"\.0+"
    yield r"0(?:\.0*)?[eE][+-]?[0-9]+"


def _plain(low: int, high: int, scale: int) -> Iterator[str]:
    """Return numbers above zero that have no exponent, by how many digits are before their point."""
    first, last = (max(len(str(bound)) - scale, 0) for bound in (low, high))
    for digits in range(first, last + 1) if low <= high else ():
        least = max(low, 10 ** (digits + scale - 1) if digits else 1)
        tree = _between(least, min(high, 10 ** (digits + scale) - 1), digits + scale)
        yield f"0*{_digits(tree, digits)}"


def _exponent(exponent: int) -> str:
    sign = r"\+?" if exponent > 0 else "-" if exponent < 0 else "[+-]?"
    return f"{sign}0*{abs(exponent)}"


def _between(low: int, high: int, width: int) -> _Tree:
    """Return the numbers between two, as digit strings of one length."""
    return _tree(str(low).zfill(width), str(high).zfill(width))


def _tree(low: str, high: str) -> _Tree:
    count = len(low)
    if low == "0" * count and high == "9" * count:
        return count
    if low[0] == high[0]:
        return [(low[0], _tree(low[1:], high[1:]))]
    zeros, nines = "0" * (count - 1), "9" * (count - 1)
    first, last = int(low[0]) + (low[1:] != zeros), int(high[0]) - (high[1:] != nines)
    branches: list[tuple[str, _Tree]] = []
    if low[1:] != zeros:
        branches.append((low[0], _tree(low[1:], nines)))
    if first <= last:
        branches.append((str(first) if first == last else f"[{first}-{last}]", count - 1))
    if high[1:] != nines:
        branches.append((high[0], _tree(zeros, high[1:])))
    return branches


def _digits(tree: _Tree, before: int) -> str:
    """Return digit strings with a point behind some of their digits; it may be left out where zeros follow."""
    if before == 0:
        text = rf"\.{_fraction(tree)}"
        return f"(?:{text})?" if _may_be_zero(tree) else text
    if isinstance(tree, int):
        return f"{_run(before, before)}{_digits(tree - before, 0)}"
    return _any_of(f"{first}{_digits(others, before - 1)}" for first, others in tree)


def _fraction(tree: _Tree) -> str:
    """Return decimals; the zeros at their end may be left out, or be more."""
    if isinstance(tree, int):
        return f"{_run(0, tree)}0*"
    branches = [f"{first}{_fraction(others)}" for first, others in tree]
    return f"(?:{'|'.join(branches)})?" if _may_be_zero(tree) else _any_of(branches)


def _may_be_zero(tree: _Tree) -> bool:
    if isinstance(tree, int):
        return True
    return any(first.lstrip("[").startswith("0") and _may_be_zero(others) for first, others in tree)


def _any_of(alternatives: Iterable[str]) -> str:
    given = list(alternatives)
    return given[0] if len(given) == 1 else f"(?:{'|'.join(given)})"


def _run(least: int, most: int) -> str:
    """Return a run of free digits."""
    if most == 0:
        return ""
    counted = str(most) if least == most else f"{least},{most}"
    return "[0-9]" if counted == "1" else f"[0-9]{{{counted}}}"
