"""The media type of a body, by its Content-Type and its first bytes."""

import functools
import re

from gateway import strictjson
from gateway.errors import Code, GatewayError
from gateway.ingest import form_rows, recognition
from gateway.ingest.binary_formats import binary_format
from gateway.ingest.body_text import after_blanks, first_of
from gateway.media_types import BINARY, RECEIVED, RECEIVED_TYPES, Media

#: The type of forms, which curl also sends if no other is given. No form starts with a bracket.
_FORM = Media.FORM.media_type
_ACCEPTED = ", ".join(media.media_type for media in RECEIVED)
_CURL = "; curl adds this type by itself, so say -H 'Content-Type: text/csv' --data-binary @FILE: -d removes line ends"
#: The type of any file.
_ANY = "application/octet-stream"
#: Other types that clients send, and what to do instead.
_HINTS = {
    "multipart/form-data": "send the file itself, as curl --data-binary @FILE does; -F makes a form with parts",
    "application/csv": "write text/csv",
    "text/x-csv": "write text/csv",
    "application/vnd.ms-excel": "save the sheet as CSV (UTF-8), and send it as text/csv",
    "text/json": "write application/json",
    "text/tab-separated-values": "write the cells with commas between them, and send them as text/csv",
    "application/gzip": "say Content-Encoding: gzip, and with Content-Type what is inside",
    "application/x-gzip": "say Content-Encoding: gzip, and with Content-Type what is inside",
    "application/zstd": "say Content-Encoding: zstd, and with Content-Type what is inside",
}
#: The parameter of text/csv for a body without a header (RFC 4180, section 3).
_WITHOUT_HEADER = re.compile(r"(?:^|;)\s*header\s*=\s*\"?absent\"?\s*(?:;|$)", re.IGNORECASE)


def media_of(content_type: str | None, data: bytes) -> Media:
    """Return the media type of a body by its Content-Type, or by its first byte if there is none.

    Raises:
        GatewayError: The gateway does not accept the type.
    """
    name = _declared(content_type or "")
    media = RECEIVED_TYPES.get(name)
    binary = binary_format(data)
    if media in BINARY and not binary:
        raise recognition.not_binary(data, media)
    if binary and name in ("", _FORM, _ANY):
        return binary
    if media is not None and media is not Media.FORM:
        return media
    return _of_text(name, data)


def _of_text(name: str, data: bytes) -> Media:
    """Return the type of a body that was sent as a form, as a type that is not supported, or without a type."""
    media = RECEIVED_TYPES.get(name)
    start = first_of(data)
    is_bracket = data[start : start + 1] in (b"{", b"[")
    if not name or (media is Media.FORM and is_bracket):
        return _sniff(data, start)
    if media is Media.FORM and form_rows.is_form(data):
        return Media.FORM
    if media is Media.FORM and start == len(data):
        raise recognition.empty()
    if (media is Media.FORM or name == _ANY) and (other := recognition.of_bytes(data, Media.FORM)):
        raise other
    message = f"the Content-Type '{name}' is not supported"
    if media is Media.FORM:
        message = f"the Content-Type is '{name}', but the body is not a form: a=1&b=2"
    hint = f"{_HINTS[name]}; or use" if name in _HINTS else "use"
    raise GatewayError(
        Code.MEDIA_TYPE_UNSUPPORTED,
        message,
        hint=f"{hint} one of {_ACCEPTED}{_CURL if media is Media.FORM else ''}",
        headers={"Accept": _ACCEPTED},
    )


@functools.lru_cache(32)  # Clients send few different types; errors are not cached.
def _declared(content_type: str) -> str:
    """Return the name of a Content-Type without its parameters.

    Raises:
        GatewayError: Its charset is not UTF-8, or it says that CSV has no header.
    """
    name, _, parameters = content_type.partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\";\s]+)", parameters, re.IGNORECASE)
    if charset and charset[1].lower().replace("-", "") not in ("utf8", "usascii"):
        raise GatewayError(
            Code.MEDIA_TYPE_UNSUPPORTED, f"the charset '{charset[1]}' is not supported", hint="send UTF-8"
        )
    if name.strip().lower() == Media.CSV.media_type and _WITHOUT_HEADER.search(parameters):
        message = "the Content-Type says header=absent, but line 1 of CSV names the columns here"
        hint = "put a line with the names of the columns before the rows, and omit header=absent"
        raise GatewayError(Code.MEDIA_TYPE_UNSUPPORTED, message, hint=hint)
    return name.strip().lower()


def _sniff(data: bytes, start: int) -> Media:
    """Return the type by the first byte. A body whose first line alone is an object, and that goes on, is NDJSON."""
    first = data[start : start + 1]
    if first == b"[":
        return Media.JSON
    if first != b"{":
        return Media.CSV
    end = data.find(b"\n", start)
    if end < 0 or after_blanks(data, end) == len(data):
        return Media.JSON
    try:
        strictjson.read(data[start:end])
    except ValueError:
        return Media.JSON
    return Media.NDJSON
