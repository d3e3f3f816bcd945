"""The text of a large CSV body, split into pieces that pyarrow reads as `csv_records` does.

pyarrow accepts more than RFC 4180: a quote in the middle of a cell, text behind the quote that closes a cell, and a CR
outside of quotes, which ends a record there. It skips a byte order mark before the first record that it is given. An
empty cell at the end of the text counts as quoted there if the one before it is, unless a line end follows (seen in
26.0.1).
"""

import re
from collections.abc import Iterator

import pyarrow.compute as pc

from gateway.ingest.body_text import start_of
from gateway.ingest.columnar.not_columnar import NotColumnarError
from gateway.ingest.columnar.whole_text import as_value, has_short_lines, require_utf8

#: About how much text is parsed at a time: the texts of its cells take memory until they are values.
PIECE_BYTES = 4 * 2**20
#: How many bytes at the end of a body are searched for blank lines.
_TAIL_BYTES = 64
_BLANK_LINES = re.compile(rb"\n((?:\r?\n)+)\Z")
_CELL = r'(?:"(?:[^"]|"")*"|[^",\r\n]*)'
#: Records that are well-formed. The engine of Arrow examines them in one pass, without the GIL.
_LONE_CR = r"\r[^\n]"
_RECORDS = rf"\A(?:{_CELL}(?:,|\r?\n))*\z"


def without_blank_lines(data: bytes, start: int) -> int:
    """Return the end of the records of a body, which begin at `start`, without blank lines behind them."""
    blank = _BLANK_LINES.search(data, max(start - 1, len(data) - _TAIL_BYTES))
    return blank.start(1) if blank else len(data)


def pieces(data: bytes, start: int, stop: int, max_row: int) -> Iterator[bytes]:
    """Yield the records between two places of a body in pieces, each with a line end after the last record.

    A piece ends at a line end before which there is an even number of quotes. So it ends with a record exactly if its
    records are well-formed.

    Raises:
        NotColumnarError: A record is too long.
    """
    while start < stop:
        end = stop
        if stop - start > PIECE_BYTES:
            end = _record_end(data, start, start + PIECE_BYTES, stop, max_row)
        text = data[start:end]
        yield text if text.endswith(b"\n") else text + b"\n"
        start = end


def _record_end(data: bytes, start: int, place: int, stop: int, max_row: int) -> int:
    """Return the end of the record at `place`."""
    last = min(stop, place + max_row)
    is_quoted = data.count(b'"', start, place) % 2 == 1
    while place < last:
        if is_quoted:
            end = data.find(b'"', place, last) + 1
            is_quoted = False
        else:
            end = data.find(b"\n", place, last) + 1
            is_quoted = data.count(b'"', place, end) % 2 == 1
            if end and not is_quoted:
                return end
        if not end:
            break
        place = end
    if last < stop:
        raise NotColumnarError
    return stop


def require_records(text: bytes, max_row: int) -> None:
    """Check that a piece consists of well-formed records, each with its line end, and that no line is too long.

    Raises:
        NotColumnarError: It does not.
        pa.ArrowInvalid: It is not UTF-8.
    """
    if b"\0" in text or start_of(text):
        raise NotColumnarError
    require_utf8(text)
    whole = as_value(text)
    if b'"' in text:
        if not pc.match_substring_regex(whole, _RECORDS)[0].as_py():
            raise NotColumnarError
    elif b"\r" in text and pc.match_substring_regex(whole, _LONE_CR)[0].as_py():
        raise NotColumnarError
    if not has_short_lines(text, max_row - 1):
        raise NotColumnarError
