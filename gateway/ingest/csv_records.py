"""CSV text to records (RFC 4180).

An empty cell is null and `""` is the empty string, as in PostgreSQL's COPY. Before Python 3.12 no reader in the
standard library distinguishes the two. A record ends with LF or CR LF. A CR anywhere else must be inside quotes, as in
COPY: outside it could end a record or belong to a cell. Time and memory are linear in the size of the body.
"""

import re
from collections.abc import Iterator

from gateway.connectors.yaml_text.encoding import not_utf_8

_CELL = re.compile(rb'(?:"((?:[^"]++|"")*+)"|([^",\n]*+))(,|\r?\n|\r?\Z)')
_QUOTED = re.compile(rb'"(?:[^"]++|"")*+"')
#: Consecutive well-formed records, each with its line end.
_RECORDS = re.compile(rb'(?:(?:(?:"(?:[^"]++|"")*+"|[^",\n]*+),)*+(?:"(?:[^"]++|"")*+"|[^",\n]*+)\r?\n)*+')

#: The cells of a record, None for an empty cell; or a message that says what is wrong with the record.
Record = list[str | None] | str


class UnclosedQuoteError(ValueError):
    """A quoted cell is not closed before the text ends, so the ends of the records in it are unknown."""


def read(data: bytes, place: int) -> Iterator[tuple[int, bytes, Record]]:
    """Yield every record with its first line and its text, with or without its line end.

    Raises:
        UnclosedQuoteError: A quote is not closed; it names the line and the cell.
    """
    line = 1
    while place < len(data):
        end = data.find(b"\n", place)
        end = len(data) if end < 0 else end
        if data.find(b'"', place, end) < 0:
            text = data[place:end]
            yield line, text, _plain_record(text)
            place, line = end + 1, line + 1
        else:
            record, after, _ = _quoted_record(data, place, end, line)
            yield line, data[place:after], record
            line += data.count(b"\n", place, after)
            place = after


def end_of_whole(data: bytes, max_bytes: int, line: int) -> int:
    """Return the end of the last record that ends within the first `max_bytes` bytes.

    Args:
        data: Text that begins with a record, and may end within one.
        max_bytes: How many bytes are examined.
        line: The number of its first line.

    Raises:
        UnclosedQuoteError: A quoted cell of a record that begins there is not closed in the text.
    """
    if data.find(b'"', 0, max_bytes) < 0:
        return data.rfind(b"\n", 0, max_bytes) + 1
    place = 0
    while True:
        found = _RECORDS.match(data, place, max_bytes)
        assert found  # It matches the empty string, too.
        line += data.count(b"\n", place, found.end())
        place = found.end()
        # The record here is malformed, or goes on beyond `max_bytes`.
        after = end_of_first(data, place, line)
        if not 0 < after <= max_bytes or place == after:
            return place
        line += data.count(b"\n", place, after)
        place = after


def end_of_first(data: bytes, place: int, line: int) -> int:
    """Return the end of the record that begins at `place`; 0 if no line end follows it in the text.

    The records after it belong to it as long as they close a quote that it, or one of them, has opened. Without them
    the quote would not be closed.

    Raises:
        UnclosedQuoteError: A quoted cell is not closed in the text.
    """
    reach = place + 1
    while place < reach:
        newline = data.find(b"\n", place)
        end = newline if newline >= 0 else len(data)
        after = newline + 1
        if data.find(b'"', place, end) >= 0:
            _, after, closed = _quoted_record(data, place, end, line)
            reach = max(reach, closed)
        if data[after - 1 : after] != b"\n" or not after:
            return 0
        line += data.count(b"\n", place, after)
        place = after
    return place


def _plain_record(text: bytes) -> Record:
    text = text.removesuffix(b"\r")
    if b"\r" in text:
        return _carriage_return(text.count(b",", 0, text.index(b"\r")) + 1)
    try:
        return [cell or None for cell in text.decode().split(",")]
    except UnicodeDecodeError as error:
        return _not_utf8(text, error, text.count(b",", 0, error.start) + 1)


def _quoted_record(data: bytes, start: int, end: int, line: int) -> tuple[Record, int, int]:
    """Parse a record that has a quote in its first line, which ends at `end`; quoted cells may go on beyond.

    A malformed record ends with the line in which its malformed cell begins. Returns the record, its end, and the end
    of the examined text, because the malformed cell may be closed further on.
    """
    cells: list[str | None] = []
    problem = None
    place = start
    while found := _CELL.match(data, place):
        quoted, plain, separator = found.groups()
        place = found.end()
        text = plain if quoted is None else quoted.replace(b'""', b'"')
        text = text.removesuffix(b"\r") if quoted is None and separator != b"," else text
        if quoted is None and b"\r" in text:
            problem = problem or _carriage_return(len(cells) + 1)
        try:
            cell = text.decode()
        except UnicodeDecodeError as error:
            problem = problem or _not_utf8(text, error, len(cells) + 1)
            cell = ""
        cells.append(cell if quoted is not None else cell or None)
        if separator != b",":
            return problem or cells, place, place
    malformed, closed = _malformed(data, place, line + data.count(b"\n", start, place), len(cells) + 1)
    return malformed, data.find(b"\n", place) + 1 or len(data), closed


def _malformed(data: bytes, place: int, line: int, number: int) -> tuple[str, int]:
    """Return what is wrong with the cell that begins at `place`, and the end of its quoted part.

    Raises:
        UnclosedQuoteError: The quote of the cell is never closed.
    """
    quoted = _QUOTED.match(data, place)
    if quoted is None and data[place : place + 1] == b'"':
        behind = data.count(b"\n", place) - data.endswith(b"\n")
        swallowed = "1 line more" if behind == 1 else f"{behind:,} lines more"
        raise UnclosedQuoteError(
            f"line {line}, cell {number}: the quote that opens the cell is never closed, "
            f"so everything up to the end is inside it ({swallowed})"
        )
    if quoted and data[quoted.end() : quoted.end() + 1] == b"\r":
        return _carriage_return(number), quoted.end()
    lines = data.count(b"\n", place, quoted.end()) if quoted else 0
    if quoted and lines:
        below = "1 line below" if lines == 1 else f"{lines:,} lines below"
        return f"the quote that opens cell {number} closes {below}, in the middle of a cell", quoted.end()
    return (
        f"a quote is in the middle of cell {number}; put the cell in quotes, and write each quote in it twice",
        place,
    )


def _not_utf8(text: bytes, error: UnicodeDecodeError, number: int) -> str:
    return f"cell {number}: {not_utf_8(text, error.start)}: convert the text to UTF-8"


def _carriage_return(number: int) -> str:
    return f"cell {number} has a carriage return (CR) outside of quotes; put the cell in quotes, or end lines with LF"
