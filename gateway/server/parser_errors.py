"""Errors for requests that are not valid HTTP, by the message of gunicorn's parser.

The arbiter imports this with the worker class, so it must not import duckdb.
"""

import re

from gateway.errors import Code, GatewayError

#: A request line, whose target may have blanks that should be percent-encoded.
_LINE = re.compile(rb"([A-Za-z]{1,20}) (.*?)(?: (HTTP/[0-9.]+))?\r?(?:\n|\Z)")
_CHUNKS = "a chunk is its size in hexadecimal digits, a line end, that many bytes, and a line end"
_CODINGS = "send Transfer-Encoding: chunked or a Content-Length; a compressed body needs Content-Encoding"
_LENGTH = "send the length of the body in bytes, in decimal digits"
#: By a part of the parser's message: the error's message and hint.
_FAULTS = {
    "Invalid HTTP version": ("the version of HTTP is not 1.0 or 1.1", "send HTTP/1.1, or put a proxy before the gateway"),
    "Lowercase letters not allowed": ("the method is not in capital letters", "write GET, POST, PUT, PATCH or DELETE"),
    "in header name": ("the name of a header has a character that is not allowed", "write Name: value, no blank before :"),
    "in header value": ("the value of a header has a control character", "remove it, or encode it"),
    "Obsolete line folding": ("a header goes on in a second line", "write each header in one line"),
    "Invalid Content-Length": ("Content-Length is not a number of bytes", _LENGTH),
    "Duplicate Content-Length": ("Content-Length is there twice", _LENGTH + ", once"),
    "Content-Length with Transfer-Encoding": ("Content-Length and Transfer-Encoding are both there", "send one of them"),
    "Stacked chunked": ("Transfer-Encoding says chunked twice", _CODINGS),
    "Unsupported Transfer-Encoding": ("the Transfer-Encoding is not chunked", _CODINGS),
    "Unsupported transfer coding": ("the Transfer-Encoding is not chunked", _CODINGS),
    "not allowed in HTTP/1.0": ("Transfer-Encoding is for HTTP/1.1", "send HTTP/1.1, or a Content-Length"),
    "chunk": ("a chunk of the body is malformed", _CHUNKS),
    "Bare LF": ("a line of the request ends in LF alone", "end the lines of the request and its headers in CR LF"),
}  # fmt: skip


def error_for(said: str, received: bytes) -> GatewayError:
    """Return the error for a request that the parser rejected with a message, while it read these bytes."""
    known = next((fault for words, fault in _FAULTS.items() if words in said), None)
    if known is None:
        known = _fault_of_line(received)
    message, hint = known or (
        f"the request is not valid HTTP: {said}",
        "send a request that is valid by RFC 9112",
    )
    return GatewayError(Code.REQUEST_MALFORMED, message, hint=hint)


def _fault_of_line(received: bytes) -> tuple[str, str] | None:
    """Return the message and hint for a request line, or None."""
    found = _LINE.match(received)
    if found and b" " in found[2] and found[3]:
        return "the URL has a blank in it", "percent-encode blanks in a URL: a blank is %20"
    return None
