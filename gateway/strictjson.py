"""Strict JSON: text to values and back, without any change of a value."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, TypeAlias

import jiter
import msgspec

#: A decoded JSON value: dict, list, str, int, Decimal (never float), bool or None.
Json: TypeAlias = Any

#: The maximum depth of nested arrays and objects; jiter stops there.
MAX_DEPTH = 200
#: The most digits of a number, written without an exponent: no column could hold a longer one.
MAX_DIGITS = 400

_ENDLESS = re.compile(rb"(?<![0-9])[0-9]{%d}" % MAX_DIGITS)
#: Strings, and zeros with a long exponent.
_ZEROS = re.compile(
    rb'"(?:[^"\\]++|\\.)*+"|(?<![0-9.eE+-])(?P<sign>-?)0(?:\.0+)?[eE][+-]?[0-9]{3,}+', re.DOTALL
)
_STRIDE = 20
_DIGITS = bytes(ord("0") if chr(byte).isdigit() and byte < 128 else ord(" ") for byte in range(256))
#: Digits to 0 and E to e, so that an exponent of three digits or more, without its sign, is found by its look.
_EXPONENTS = bytes(
    ord("0") if chr(byte).isdigit() and byte < 128 else ord("e") if byte == ord("E") else byte
    for byte in range(256)
)
_CHUNK_BYTES = 65_536
_encoder = msgspec.json.Encoder(decimal_format="number")


class NumberTooLongError(ValueError):
    """A JSON text has a number of more than `MAX_DIGITS` digits."""

    def __init__(self) -> None:
        super().__init__(f"a number has more than {MAX_DIGITS} digits")


def read(text: bytes) -> Json:
    """Read one JSON text (RFC 8259), numbers as int or Decimal.

    Raises:
        ValueError: The text is not JSON, has a duplicate key, NaN or Infinity, a lone surrogate, bytes that are not
            UTF-8, or exceeds the limits above.
    """
    try:
        value = _decode(text)
    except ValueError as error:
        # jiter wraps the error of Python's Decimal about an exponent that is out of range.
        if "InvalidOperation" not in str(error):
            raise
        plain = _with_plain_zeros(text)
        if plain == text:
            raise NumberTooLongError from error
        return read(plain)
    # Either may be in a string, where it is allowed.
    if _ENDLESS.search(text) or _may_have_long_exponent(text):
        plain = _with_plain_zeros(text)
        value = value if plain == text else _decode(plain)
        _refuse_endless_numbers(value)
    return value


def _decode(text: bytes) -> Json:
    return jiter.from_json(text, allow_inf_nan=False, catch_duplicate_keys=True, float_mode="decimal")


def _with_plain_zeros(text: bytes) -> bytes:
    """Write zeros without their long exponents; the value is the same."""
    return _ZEROS.sub(lambda found: found[0] if found["sign"] is None else found["sign"] + b"0.0", text)


def is_valid(text: bytes) -> bool:
    """Return whether `read` accepts a text."""
    try:
        read(text)
    except ValueError:
        return False
    return True


def may_be_endless(text: bytes) -> bool:
    """Return whether a row of a text might have a number that is too long for `read`; cheap if not."""
    if may_have_endless_digits(text):
        return True
    # An exponent that is too large makes an infinity of a double, and is found by that; one that is too small, a zero.
    return (b"e-" in text or b"E-" in text) and _may_have_long_exponent(text)


def may_have_endless_digits(text: bytes) -> bool:
    """Return whether a text has `MAX_DIGITS` digits one after another, as numbers too long for `read` have; cheap if not."""
    # Among 400 digits every twentieth byte is a digit, which is rare in other text.
    samples = text[::_STRIDE].translate(_DIGITS)
    return b"0" * (MAX_DIGITS // _STRIDE - 1) in samples and _ENDLESS.search(text) is not None


def _may_have_long_exponent(text: bytes) -> bool:
    return b"e000" in text.translate(_EXPONENTS, b"+-")


def read_own(text: str) -> Any:
    """Read JSON that `write` made, with every digit of its numbers."""
    return json.loads(text, parse_float=Decimal)


def write(value: Json) -> bytes:
    """Write a value as JSON, compact; Decimals keep every digit."""
    return _encoder.encode(value)


def written(value: Json) -> msgspec.Raw:
    """Write a value as JSON that `write` copies as it is, wherever it stands inside another value."""
    return msgspec.Raw(write(value))


def chunks(value: Json, depth: int) -> Iterator[bytes]:
    """Write a value as JSON in chunks, so that a large one holds the GIL for less than 1 ms at a time.

    Args:
        value: The value.
        depth: How deep objects are written member by member.
    """
    pieces: list[bytes] = []
    size = 0
    for piece in _pieces(value, depth):
        pieces.append(piece)
        size += len(piece)
        if size >= _CHUNK_BYTES:
            yield b"".join(pieces)
            pieces, size = [], 0
    yield b"".join(pieces)


def _pieces(value: Json, depth: int) -> Iterator[bytes]:
    if depth == 0 or not isinstance(value, dict) or not value:
        yield write(value)
        return
    mark = b"{"
    for name, member in value.items():
        yield mark + write(name) + b":"
        yield from _pieces(member, depth - 1)
        mark = b","
    yield b"}"


def indented(text: bytes) -> bytes:
    """Return a JSON text with a line for each member, for people."""
    return msgspec.json.format(text, indent=2)


def _refuse_endless_numbers(value: Json) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, Decimal):
            # PERF: a schema takes 17 ms to look at 1e-7000, which grows with the square of the exponent.
            if len(item.as_tuple().digits) > MAX_DIGITS or abs(item.adjusted()) > MAX_DIGITS:
                raise NumberTooLongError
        elif isinstance(item, int) and item.bit_length() > MAX_DIGITS * 4:
            raise NumberTooLongError
