"""CSV with another separator than the comma, to CSV with commas: cells, lines and their numbers stay what they are."""

import re
from collections.abc import Iterator

#: What the separators that cannot be typed well may be called.
SEPARATORS = {"tab": b"\t", "\\t": b"\t", "comma": b",", "semicolon": b";", "pipe": b"|"}
#: A line of Excel's that says what the separator is.
SEP_LINE = re.compile(rb'(?:\xef\xbb\xbf)?"?sep=(.)"?\r?\n', re.IGNORECASE)
#: A record that is longer is not one: a quote in it is not closed.
_LONGEST = 2**26


def with_commas(chunks: Iterator[bytes], separator: bytes) -> tuple[Iterator[bytes], int]:
    """Return the text with commas, without a line `sep=`, and how many lines were left out at its beginning."""
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) > 10:
            break
    found = SEP_LINE.match(first)
    rest = first[found.end() :] if found else first
    return _converted(_behind(rest, chunks), separator), 1 if found else 0


def _behind(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
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
        elif len(held) > _LONGEST:
            yield held
            held = b""
    if held:
        yield _convert(held, separator, cell)


def _whole_lines(data: bytes) -> int:
    """Return the end of the last line at which no quote is open."""
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
    """Put a cell with a comma in quotes; one with a quote of its own inside is left for the reader to refuse."""
    end = b"\r" if cell.endswith(b"\r") else b""
    text = cell.removesuffix(b"\r")
    return b'"' + text + b'"' + end if b"," in text and b'"' not in text else cell
