"""Content negotiation: the format, the compression, and the schema of a response (RFC 9110 section 12)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import falcon
from falcon import mediatypes
from falcon.asgi import Request

from gateway.errors import Code, GatewayError
from gateway.media_types import FORMATS, MEDIA_TYPES, SERVED, Media
from gateway.query.compression import CODINGS
from gateway.query.preferences import Preferences
from gateway.query.query import Query
from gateway.query.row_formats import Output

#: The only schema; clients of PostgREST name it.
PROFILE = "public"

_VENDOR_ARRAY = ("application/vnd.pgrst.array+json", "application/vnd.pgrst.array")
_VENDOR_OBJECT = ("application/vnd.pgrst.object+json", "application/vnd.pgrst.object")
_OFFERED: Mapping[str, Media] = {
    **MEDIA_TYPES,
    **dict.fromkeys((*_VENDOR_ARRAY, *_VENDOR_OBJECT), Media.JSON),
}
_NAMED = ", ".join([*(media.media_type for media in SERVED), _VENDOR_OBJECT[0]])


class RequestHeaders(NamedTuple):
    """Everything in a request that selects its response, except its body and idempotency key.

    Equal values have equal meanings, so parsed requests are cached by them. `profile` is `Content-Profile` on a write,
    and `Accept-Profile` on a read. A read leaves out `if_match`, which its cached response is compared with.
    """

    method: str
    query_string: str
    accept: str
    accept_encoding: str | None = None
    prefer: str | None = None
    range: str | None = None
    profile: str | None = None
    if_match: str | None = None

    @classmethod
    def of_read(cls, req: Request) -> "RequestHeaders":
        """Return the headers of a GET or HEAD."""
        return cls._of(req, req.get_header("Accept-Profile"), range=req.get_header("Range"))

    @classmethod
    def of_write(cls, req: Request) -> "RequestHeaders":
        """Return the headers of any other method."""
        return cls._of(req, req.get_header("Content-Profile"), if_match=req.get_header("If-Match"))

    @classmethod
    def _of(
        cls, req: Request, profile: str | None, *, range: str | None = None, if_match: str | None = None
    ) -> "RequestHeaders":
        encoding, prefer = req.get_header("Accept-Encoding"), req.get_header("Prefer")
        return cls(req.method, req.query_string, req.accept, encoding, prefer, range, profile, if_match)


def representation_of(
    headers: RequestHeaders, prefers: Preferences, query: Query
) -> tuple[Output | None, str | None]:
    """Choose the format and the compression of the rows in a write's response; None if it has no rows.

    Raises:
        GatewayError: `output_of` raises it.
    """
    if prefers.return_ != "representation":
        return None, None
    output = output_of(headers.accept, query.format)
    return output, coding_of(headers.accept_encoding, output.media)


def output_of(accept: str, format: str | None) -> Output:
    """Choose the format of rows: `?format=` decides, else the accepted format of the highest quality.

    If several have the same quality, the first one in the header counts, as in PostgREST.

    Raises:
        GatewayError: 406, no accepted format is available.
    """
    if format is not None:
        return Output(FORMATS[format], FORMATS[format].content_type)
    accept = accept.lower()
    try:
        best = max(_OFFERED, key=lambda name: (mediatypes.quality(name, accept), -_place(name, accept)))
        quality = mediatypes.quality(best, accept)
    except (falcon.InvalidMediaType, falcon.InvalidMediaRange):
        quality = 0.0
    if quality <= 0:
        message = f"'{accept[:200]}' accepts nothing of {_NAMED}"
        raise GatewayError(Code.NOT_ACCEPTABLE, message, hint="send Accept: */*")
    if best not in _VENDOR_ARRAY + _VENDOR_OBJECT:
        return Output(_OFFERED[best], _OFFERED[best].content_type)
    stripped = _is_stripped(best, accept)
    name = f"{best.removesuffix('+json')}+json" + ("; nulls=stripped" if stripped else "")
    return Output(Media.JSON, f"{name}; charset=utf-8", best in _VENDOR_OBJECT, stripped)


def _place(name: str, accept: str) -> int:
    place = accept.find(name)
    return place if place >= 0 else len(accept)


def _is_stripped(name: str, accept: str) -> bool:
    for part in accept.split(","):
        type, parameters = mediatypes.parse_header(part.strip())
        if type == name and parameters.get("nulls") == "stripped":
            return True
    return False


def wants_single(accept: str) -> bool:
    """Return whether a single object is among the accepted formats."""
    return any(name in accept.lower() for name in _VENDOR_OBJECT)


def coding_of(accept_encoding: str | None, media: Media, codings: Sequence[str] = CODINGS) -> str | None:
    """Choose the compression of a response, None for none.

    Parquet is not compressed again, because it compresses its own pages.
    """
    if not accept_encoding or media is Media.PARQUET:
        return None
    qualities: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        name, _, parameters = part.partition(";")
        weight = parameters.strip().removeprefix("q=")
        try:
            qualities[name.strip()] = float(weight) if weight else 1.0
        except ValueError:
            qualities[name.strip()] = 0.0
    best = max(codings, key=lambda name: qualities.get(name, qualities.get("*", 0.0)))
    quality = qualities.get(best, qualities.get("*", 0.0))
    return best if quality > 0 and quality >= qualities.get("identity", 0.0) else None


def require_profile(profile: str | None) -> None:
    """Check that a request names no schema but the only one.

    Raises:
        GatewayError: 406, it names another schema.
    """
    if profile not in (None, "", PROFILE):
        message = f"Invalid schema: {profile[:100]}"
        raise GatewayError(Code.PROFILE_UNKNOWN, message, hint=f"the one schema is {PROFILE}")
