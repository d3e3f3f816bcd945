"""The text of a large JSON body, split into pieces that pyarrow parses exactly as JSON."""

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec
import pyarrow.compute as pc

from gateway.connectors.connector import Field
from gateway.connectors.fieldtypes.arrow_values import DECIMAL_MAX_DIGITS
from gateway.ingest.body_text import start_of
from gateway.ingest.columnar.not_columnar import NotColumnarError
from gateway.ingest.columnar.whole_text import as_value, require_utf8

#: About how much text is parsed at a time.
PIECE_BYTES = 16 * 2**20
#: More digits after the point than any decimal has.
_TOO_MANY_DECIMALS = DECIMAL_MAX_DIGITS + 1
#: How many line ends at the end of a body are ignored.
_LINE_ENDS_MAX = 64
COLON = r"[ \t\r\n]*:[ \t\r\n]*"
#: A key whose last escape is a Unicode escape or a slash. No searched field has a key with another last escape.
_ESCAPED_KEY = rf'\\(?:u[0-9a-fA-F]{{4}}|/)[^"\\]*"{COLON}'
#: The start of an object. It cannot match inside a string: the quote would end the string.
_ROW_START = rb'\{[ \t\r\n]*"[^ \t\r\n,:}\]]'
_ROW_STARTS = re.compile(_ROW_START)
_BETWEEN_ROWS = re.compile(rb"\}([ \t\r\n]*,[ \t\r\n]*)" + _ROW_START)
#: The key of the array in the object that pyarrow parses.
ROWS_KEY = ""
_ARRAY_PREFIX = b'{"%b":' % ROWS_KEY.encode()
split_array = msgspec.json.Decoder(dict[str, list[msgspec.Raw]]).decode
split_lines = msgspec.json.Decoder(msgspec.Raw).decode_lines


#: Returns the text of each row.
Texts = Callable[[], Sequence[msgspec.Raw]]


def array_pieces(data: bytes, max_row: int) -> Iterator[bytes]:
    """Yield a body as one or more arrays, each in an object under `ROWS_KEY`.

    The body is a valid array exactly if all pieces are: it is split between the `}` and the `{` of two rows.
    """
    start = start_of(data)
    _require_short(data, start, max_row)
    text = memoryview(data)
    opening = b""
    while len(data) - start > PIECE_BYTES and (between := _BETWEEN_ROWS.search(data, start + PIECE_BYTES)):
        yield b"".join((_ARRAY_PREFIX, opening, text[start : between.start(1)], b"]}"))
        start, opening = between.end(1), b"["
    yield b"".join((_ARRAY_PREFIX, opening, text[start:], b"}"))


def _require_short(data: bytes, start: int, max_row: int) -> None:
    """Check that rows begin so often in an array that none is too long."""
    while len(data) - start > max_row:
        begins = _ROW_STARTS.search(data, start + max_row // 2, start + max_row)
        if begins is None:
            raise NotColumnarError
        start = begins.start()


def line_pieces(data: bytes, piece_bytes: int) -> Iterator[tuple[bytes, int]]:
    """Yield lines in pieces of about some size, each with its length without the last line end."""
    tail = data[-_LINE_ENDS_MAX:]
    start, stop = start_of(data), len(data) - len(tail) + len(tail.rstrip(b"\r\n"))
    while stop - start > piece_bytes and (end := data.find(b"\n", start + piece_bytes, stop) + 1):
        yield data[start:end], end - start - (2 if data[end - 2] == ord("\r") else 1)
        start = end
    yield data[start:], stop - start


def require_lines(text: bytes, size: int, max_row: int) -> int:
    """Return the number of lines, after a check that each begins and ends like an object.

    If there are as many objects as lines, each line is one object: no object spans two lines.
    """
    end = "\r\n" if text[: text.find(b"\n") + 1].endswith(b"\r\n") else "\n"
    lines = pc.split_pattern(as_value(text, size), end).flatten()
    are_objects = (
        pc.max(pc.binary_length(lines)).as_py() <= max_row
        and pc.all(pc.starts_with(lines, "{")).as_py()
        and pc.all(pc.ends_with(lines, "}")).as_py()
        and (end == "\n" or text.count(b"\n", 0, size) == len(lines) - 1)
    )
    if not are_objects:
        raise NotColumnarError
    return len(lines)


def require_plain(text: bytes) -> None:
    """Check that a text has no bytes that the two parsers treat differently."""
    require_utf8(text)
    if b"\0" in text or (b"\\" in text and b"\\u0000" in text):
        raise NotColumnarError


def odd_decimal(field: Field, key: str) -> str:
    """Return a pattern of values that pyarrow must not parse as decimals.

    They are in quotes, or have an exponent, or too many digits before or after the point. `key` ends the key of the
    field, and no other key.
    """
    digits = field.type.arrow.type.precision - field.type.arrow.type.scale
    return rf'{key}"{COLON}(?:"|-?[0-9.]+[eE]|-?[1-9][0-9]{{{digits},}}|-?[0-9]+[.][0-9]{{{_TOO_MANY_DECIMALS},}})'


def require_digits(text: bytes, odd_decimal: str) -> None:
    """Check that a text has no value that matches a pattern of `odd_decimal`."""
    patterns = [odd_decimal, _ESCAPED_KEY] if b"\\" in text else [odd_decimal]
    whole = as_value(text)
    if any(pc.match_substring_regex(whole, pattern)[0].as_py() for pattern in patterns):
        raise NotColumnarError
