"""CSV text to records (RFC 4180).

An empty cell is null and `""` is the empty string, as PostgreSQL's COPY has it; no reader in the standard
library tells the two apart before Python 3.12. Time and memory grow with the body alone, whatever it holds.
"""

import re
from collections.abc import Iterator

_CELL = re.compile(rb'(?:"((?:[^"]++|"")*+)"|([^",\n]*+))(,|\r?\n|\r?\Z)')

#: The cells of a record, None for an empty one; or what is wrong with it.
Record = list[str | None] | str


def read(data: bytes, place: int) -> Iterator[tuple[int, bytes, Record]]:
    """Give every record with the line it starts in and its text, the end of its last line included or not."""
    line = 1
    while place < len(data):
        end = data.find(b"\n", place)
        end = len(data) if end < 0 else end
        if data.find(b'"', place, end) < 0:
            text = data[place:end]
            yield line, text, _plain_record(text)
            place, line = end + 1, line + 1
        else:
            record, after = _quoted_record(data, place, end)
            yield line, data[place:after], record
            line += data.count(b"\n", place, after)
            place = after


def _plain_record(text: bytes) -> Record:
    try:
        return [cell or None for cell in text.removesuffix(b"\r").decode().split(",")]
    except UnicodeDecodeError:
        return "not UTF-8"


def _quoted_record(data: bytes, place: int, end: int) -> tuple[Record, int]:
    """Read a record that has a quote in its first line, which ends at `end`; quoted cells may go on beyond."""
    cells: list[str | None] = []
    while found := _CELL.match(data, place):
        quoted, plain, separator = found.groups()
        place = found.end()
        try:
            if quoted is not None:
                cells.append(quoted.replace(b'""', b'"').decode())
            else:
                cells.append((plain if separator == b"," else plain.removesuffix(b"\r")).decode() or None)
        except UnicodeDecodeError:
            return "not UTF-8", max(place, end + 1)
        if separator != b",":
            return cells, place
    if data[place : place + 1] == b'"' and not re.compile(rb'"(?:[^"]++|"")*+"').match(data, place):
        return f"the quote that opens cell {len(cells) + 1} is not closed", len(data)
    after = data.find(b"\n", place) + 1
    return f"a quote stands in the middle of cell {len(cells) + 1}", after or len(data)
