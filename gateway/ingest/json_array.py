"""The rows of a JSON array as slices of its text, found by structure alone: the content of a row is not checked."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from gateway import strictjson
from gateway.ingest import json_problems
from gateway.ingest.body_text import after_blanks
from gateway.ingest.json_problems import JsonProblemKind
from gateway.printable import printable

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_FLAT = rb'[{\[](?:[^"{}\[\]]++|%b)*+[}\]]' % _STRING
_NESTED = rb'[{\[](?:[^"{}\[\]]++|%b|%b)*+[}\]]' % (_STRING, _FLAT)
#: An object or array with others of two levels inside, and no deeper.
_VALUE = re.compile(rb'[{\[](?:[^"{}\[\]]++|%b|%b)*+[}\]]' % (_STRING, _NESTED), re.DOTALL)
#: Text without brackets and quotes, whole strings, and then a bracket.
_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|%b)*+([{}\[\]])' % _STRING, re.DOTALL)
#: An invalid row: neither object nor array. It ends where the next row may begin.
_SCALAR = re.compile(rb'%b|[^,\[\]{}"\s]++' % _STRING, re.DOTALL)
#: How deeply values are followed to find their end. Deeper ones are rejected when they are parsed.
_MAX_DEPTH = 5 * strictjson.MAX_DEPTH


class ArrayError(ValueError):
    """An array is malformed between its rows, or not closed.

    Attributes:
        is_cut_off: Whether the text ends too early.
    """

    def __init__(self, message: str, *, is_cut_off: bool) -> None:
        super().__init__(message)
        self.is_cut_off = is_cut_off


def split(data: bytes, start: int) -> Sequence[memoryview | msgspec.Raw]:
    """Return the texts of the rows of an array, which begins at `start`.

    Raises:
        ArrayError: The bounds of a row are unknown; it names the row, the line, and the column.
    """
    try:
        rows: list[msgspec.Raw] = msgspec.json.decode(memoryview(data)[start:], type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        # PERF: msgspec is stricter than needed, and ten times as fast. What it rejects is split here.
        text = memoryview(data)
        return [text[begin:end] for begin, end in row_bounds(data, start)]
    return rows


def row_bounds(data: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each row of an array.

    Raises:
        ArrayError: As `split` does.
    """
    number, comma = 1, -1
    place = after_blanks(data, start + 1)
    while data[place : place + 1] != b"]":
        end = _end_of_row(data, place, number, comma)
        yield place, end
        begin, place = place, after_blanks(data, end)
        mark = data[place : place + 1]
        if mark == b",":
            comma, number = place, number + 1
            place = after_blanks(data, place + 1)
        elif mark != b"]":
            raise _between(data, begin, end, number)
    if number > 1 and comma >= 0 and data[comma + 1 : place].strip() == b"":
        raise _error(data, comma, number, "the comma before ] has no row after it; remove it")
    behind = after_blanks(data, place + 1)
    if behind < len(data):
        raise _error(data, behind, None, f"{_shown(data, behind)} follows the ] that ends the list")


def _end_of_row(data: bytes, place: int, number: int, comma: int) -> int:
    first = data[place : place + 1]
    if not first:
        at = max(comma, 0)
        behind = f"row {number - 1}" if number > 1 else "["
        what = f"the list ends after {behind}, without ]; it looks cut off"
        raise _error(data, at, None, what, is_cut_off=True)
    if first in b"{[":
        end = end_of_value(data, place)
        if end is None:
            raise _unclosed(data, place, number)
        return end
    found = _SCALAR.match(data, place)
    if found is None:
        what = (
            "a string is not closed"
            if first == b'"'
            else f"{_shown(data, place)[:1]} is where a row is expected"
        )
        raise _error(data, place, number, what)
    return found.end()


def end_of_value(data: bytes, place: int) -> int | None:
    """Return the end of an object or array; None if it is not closed. Brackets of both kinds are counted alike."""
    found = _VALUE.match(data, place)
    if found:
        return found.end()
    depth = 0
    while mark := _BRACKET.match(data, place):
        depth += 1 if mark[1] in b"{[" else -1
        place = mark.end()
        if depth == 0:
            return place
        if depth > _MAX_DEPTH:
            return None
    return None


def _unclosed(data: bytes, begin: int, number: int) -> ArrayError:
    """Return the error of a row that does not end: its first syntax error, if it has one."""
    cut_off = "the body ends in the middle of the row that begins here; it looks cut off"
    return _inside(data, begin, len(data), number) or _error(data, begin, number, cut_off, is_cut_off=True)


def _inside(data: bytes, begin: int, end: int, number: int) -> ArrayError | None:
    """Return the syntax error inside a row; None if the row only ends too early."""
    row = data[begin:end]
    try:
        strictjson.read(row)
    except ValueError as error:
        problem = json_problems.find(row, error)
        if problem.kind is not JsonProblemKind.CUT_OFF:
            return _error(data, begin + problem.offset, number, problem.message)
    return None


def _between(data: bytes, begin: int, end: int, number: int) -> ArrayError:
    """Return the error of the text after a row."""
    place = after_blanks(data, end)
    if place >= len(data):
        cut_off = "the list has no ] after this row; it looks cut off"
        # If the row is malformed, its last bracket may be the one that closes the list.
        return _inside(data, begin, end, number) or _error(data, place, number, cut_off, is_cut_off=True)
    if data[place : place + 1] in b'{["':
        return _error(data, place, number + 1, f"a comma is missing between row {number} and this one")
    return _error(
        data, place, number, f"{_shown(data, place)} follows the row, where a comma or ] is expected"
    )


def _shown(data: bytes, place: int) -> str:
    return printable(data[place : place + 20].split(b"\n")[0].decode(errors="replace"))


def _error(
    data: bytes, offset: int, number: int | None, what: str, *, is_cut_off: bool = False
) -> ArrayError:
    line, column = json_problems.TextPositions(data).of(offset)
    row = "" if number is None else f"row {number}, "
    return ArrayError(f"{row}line {line}, column {column}: {what}", is_cut_off=is_cut_off)
