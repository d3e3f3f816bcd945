"""Text of a large JSON body, cut into pieces whose rows pyarrow reads exactly as JSON."""

import re
from collections.abc import Callable, Iterator, Sequence

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from gateway.connectors.connector import Field
from gateway.connectors.fieldtypes.arrow_values import DECIMAL_MAX_DIGITS
from gateway.ingest.body_text import start_of

#: How much text is parsed at a time, about.
PIECE_BYTES = 16 * 2**20
#: So many digits behind a point are more than any decimal has.
_DECIMALS = DECIMAL_MAX_DIGITS + 1
#: So many line ends are passed over at the end of a body.
_FEW_ENDS = 64
COLON = r"[ \t\r\n]*:[ \t\r\n]*"
#: A key that is spelled with an escape; one whose last is of another kind is no field's that is looked for.
_ESCAPED_KEY = rf'\\(?:u[0-9a-fA-F]{{4}}|/)[^"\\]*"{COLON}'
#: Where an object begins. In a string the quote would end it, and none of what follows could stand behind it.
_BEGIN = rb'\{[ \t\r\n]*"[^ \t\r\n,:}\]]'
_BEGINS = re.compile(_BEGIN)
_BETWEEN = re.compile(rb"\}([ \t\r\n]*,[ \t\r\n]*)" + _BEGIN)
#: What an array stands under in the object that pyarrow gets.
ROWS_KEY = ""
_UNDER = b'{"%b":' % ROWS_KEY.encode()
split_array = msgspec.json.Decoder(dict[str, list[msgspec.Raw]]).decode
split_lines = msgspec.json.Decoder(msgspec.Raw).decode_lines


class NotColumnarError(Exception):
    """The rows have to be read one by one."""


#: Gives the text of each row, where it is asked for.
Texts = Callable[[], Sequence[msgspec.Raw]]


def array_pieces(data: bytes, max_row: int) -> Iterator[bytes]:
    """Give a body in one or more arrays of some of its rows, each under `ROWS_KEY`; an array they are if each is one.

    Between two of them has been what is between two rows, so that all of them together are what the body is.
    """
    start = start_of(data)
    _require_short(data, start, max_row)
    text = memoryview(data)
    opening = b""
    while len(data) - start > PIECE_BYTES and (between := _BETWEEN.search(data, start + PIECE_BYTES)):
        yield b"".join((_UNDER, opening, text[start : between.start(1)], b"]}"))
        start, opening = between.end(1), b"["
    yield b"".join((_UNDER, opening, text[start:], b"}"))


def _require_short(data: bytes, start: int, max_row: int) -> None:
    """Let an array through in which a row begins so often that none is too long."""
    while len(data) - start > max_row:
        begins = _BEGINS.search(data, start + max_row // 2, start + max_row)
        if begins is None:
            raise NotColumnarError
        start = begins.start()


def line_pieces(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Give lines some at a time, and how long those are without the end of their last."""
    few = data[-_FEW_ENDS:]
    start, stop = start_of(data), len(data) - len(few) + len(few.rstrip(b"\r\n"))
    while stop - start > PIECE_BYTES and (end := data.find(b"\n", start + PIECE_BYTES, stop) + 1):
        yield data[start:end], end - start - (2 if data[end - 2] == ord("\r") else 1)
        start = end
    yield data[start:], stop - start


def require_lines(text: bytes, size: int, max_row: int) -> int:
    """Let lines through of which each begins and ends as an object does, and tell how many they are.

    Where there are as many objects as lines, each is one: no line end that stands between such is inside of one.
    """
    end = "\r\n" if text[: text.find(b"\n") + 1].endswith(b"\r\n") else "\n"
    lines = pc.split_pattern(_one(text, size), end).flatten()
    is_each = (
        pc.max(pc.binary_length(lines)).as_py() <= max_row
        and pc.all(pc.starts_with(lines, "{")).as_py()
        and pc.all(pc.ends_with(lines, "}")).as_py()
        and (end == "\n" or text.count(b"\n", 0, size) == len(lines) - 1)
    )
    if not is_each:
        raise NotColumnarError
    return len(lines)


def _one(text: bytes, size: int) -> pa.Array:
    """Give the beginning of a text as an array of one, without a copy."""
    return pa.Array.from_buffers(
        pa.binary(), 1, [None, pa.array([0, size], pa.int32()).buffers()[1], pa.py_buffer(text)]
    )


def require_plain(text: bytes) -> None:
    """Let a text through that neither of the two ways to read it would find more in than the other."""
    if not text.isascii():
        _one(text, len(text)).cast(pa.string())  # It raises where the text is not UTF-8.
    if b"\0" in text or (b"\\" in text and b"\\u0000" in text):
        raise NotColumnarError


def odd_decimal(field: Field, key: str) -> str:
    """Find a value of a decimal field that is in quotes, has an exponent, or too many digits before or after its point.

    `key` is the end of its key, and of no other's.
    """
    digits = field.type.arrow.type.precision - field.type.arrow.type.scale
    return rf'{key}"{COLON}(?:"|-?[0-9.]+[eE]|-?[1-9][0-9]{{{digits},}}|-?[0-9]+[.][0-9]{{{_DECIMALS},}})'


def require_digits(text: bytes, odd_decimal: str) -> None:
    """Let a text through whose decimals are few digits only, which are found by their keys."""
    patterns = [odd_decimal, _ESCAPED_KEY] if b"\\" in text else [odd_decimal]
    whole = _one(text, len(text))
    if any(pc.match_substring_regex(whole, pattern)[0].as_py() for pattern in patterns):
        raise NotColumnarError
