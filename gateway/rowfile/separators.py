"""Conversion of CSV with another separator to CSV with commas. Cells, lines, and line numbers stay the same."""

import re
from collections.abc import Iterator

#: Names of separators that are difficult to type.
SEPARATORS = {"tab": b"\t", "\\t": b"\t", "comma": b",", "semicolon": b";", "pipe": b"|"}
#: The line in which Excel names the separator.
SEP_LINE = re.compile(rb'(?:\xef\xbb\xbf)?"?sep=(.)"?\r?\n', re.IGNORECASE)
#: A longer record is not a record: a quote in it is not closed.
_RECORD_BYTES_MAX = 2**26


def with_commas(chunks: Iterator[bytes], separator: bytes) -> tuple[Iterator[bytes], int]:
    """Return the text with commas and without a line `sep=`, and the number of lines removed at its start."""
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) > 10:
            break
    found = SEP_LINE.match(first)
    rest = first[found.end() :] if found else first
    return _converted(_chained(rest, chunks), separator), 1 if found else 0


def _chained(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks


def _converted(chunks: Iterator[bytes], separator: bytes) -> Iterator[bytes]:
    sign = re.escape(separator)
    cell = re.compile(rb'("(?:[^"]++|"")*+"|[^%s\n]*+)(%s|\r?\n|\r?\Z)' % (sign, sign))
    held = b""
    for chunk in chunks:
        held += chunk
        end = _whole_lines(held)
        if end:
            yield _convert(held[:end], separator, cell)
            held = held[end:]
        elif len(held) > _RECORD_BYTES_MAX:
            yield held
            held = b""
    if held:
        yield _convert(held, separator, cell)


def _whole_lines(data: bytes) -> int:
    """Return the end of the last line that ends outside quotes."""
    end = data.rfind(b"\n") + 1
    is_open = data.count(b'"', 0, end) % 2
    while is_open and end:
        before = data.rfind(b"\n", 0, end - 1) + 1
        is_open ^= data.count(b'"', before, end) % 2
        end = before
    return end


def _convert(data: bytes, separator: bytes, cell: re.Pattern[bytes]) -> bytes:
    if b"," not in data and b'"' not in data:
        return data.replace(separator, b",")
    return cell.sub(lambda found: _quoted(found[1]) + (b"," if found[2] == separator else found[2]), data)


def _quoted(cell: bytes) -> bytes:
    """Quote a cell that contains a comma; a cell with a quote inside stays as it is, and the parser rejects it."""
    end = b"\r" if cell.endswith(b"\r") else b""
    text = cell.removesuffix(b"\r")
    return b'"' + text + b'"' + end if b"," in text and b'"' not in text else cell
