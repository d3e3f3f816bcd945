"""Strict percent-decoding of a request target: bytes that are not UTF-8 are an error.

A decoder that replaces them by U+FFFD changes the value, and a filter would use the changed value.
"""

import re
from urllib.parse import quote, unquote_to_bytes

from gateway.errors import Code, GatewayError

_NOT_ASCII = re.compile(rb"[\x80-\xff][\x80-\xbf]*")
_RAW = re.compile(rb"[\x80-\xff]+")


def decode(text: str, what: str) -> str:
    """Decode a key or a value of a query string, where `+` is a space. A `%` without two digits stays as it is.

    Args:
        text: What is percent-encoded.
        what: What that is, for the error: `the value of 'select'`.

    Raises:
        GatewayError: Where its bytes are not UTF-8, or hold U+0000, which no column holds.
    """
    text = text.replace("+", " ")
    return _decoded(text, what) if "%" in text or not text.isascii() else text


def require_utf8_path(raw_path: bytes) -> None:
    """Check that the bytes of a path are UTF-8.

    Raises:
        GatewayError: They are not.
    """
    _decoded(raw_path.decode("latin-1"), "the path")


def not_encoded(target: bytes) -> GatewayError | None:
    """Return the error for a request target with raw bytes beyond ASCII, None if it has none."""
    found = _RAW.search(target)
    if found is None:
        return None
    path, _, query = target.partition(b"?")
    what = "the path"
    if _RAW.search(path) is None:
        part = next(each for each in query.split(b"&") if _RAW.search(each))
        key = part.partition(b"=")[0]
        what = "the name of a parameter" if _RAW.search(key) else f"the value of '{key.decode()[:100]}'"
    raw = found[0]
    message = f"{what} has bytes that are not ASCII, and not percent-encoded, at {quote(raw)}"
    try:
        hint = f"percent-encode UTF-8: {raw.decode()} is {quote(raw)}"
    except UnicodeDecodeError:
        hint = _hint(raw)
    return GatewayError(Code.QUERY_INVALID, message, hint=hint)


def _decoded(text: str, what: str) -> str:
    raw = unquote_to_bytes(text)
    try:
        decoded = raw.decode()
    except UnicodeDecodeError as error:
        found = _NOT_ASCII.match(raw, error.start)
        wrong = found[0] if found else raw[error.start : error.end]
        message = f"{what} is not UTF-8 at {quote(wrong)}"
        raise GatewayError(Code.QUERY_INVALID, message, hint=_hint(wrong)) from None
    if "\0" in decoded:
        message = f"{what} has U+0000 (%00), which no value holds"
        raise GatewayError(Code.QUERY_INVALID, message, hint="leave %00 out")
    return decoded


def _hint(wrong: bytes) -> str:
    """Build the hint: the correct encoding of the text that the bytes most likely mean."""
    shown = quote(wrong)
    if wrong[0] in (0xC0, 0xC1):
        return "percent-encode UTF-8 in its shortest form: / is %2F"
    if wrong[0] == 0xED and len(wrong) > 1:
        return "percent-encode UTF-8 of whole characters, not of surrogates: 😀 is %F0%9F%98%80"
    meant = wrong.decode("cp1252", errors="ignore")
    if len(wrong) == 1 and meant.isprintable() and meant:
        return f"percent-encode UTF-8: where {shown} is Latin-1 for {meant}, write {quote(meant)}; a % itself is %25"
    return f"percent-encode UTF-8: the sequence {shown} is cut off or damaged; ë is %C3%AB, € is %E2%82%AC"
