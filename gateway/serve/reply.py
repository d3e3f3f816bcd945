"""Receipts, rows and errors to responses: the only place where a body is written."""

import logging
import uuid
from collections.abc import AsyncIterator
from typing import Any

import falcon
from falcon import mediatypes
from falcon.asgi import Request, Response

from gateway import strictjson
from gateway.errors import Code, GatewayError, trace
from gateway.ingest.payload import Media
from gateway.query.render import Rendering
from gateway.serve import refusal
from gateway.serve.refusal import JSON
from gateway.store.batch import Receipt
from gateway.strictjson import Json

_log = logging.getLogger(__name__)

_CONTENT_TYPES = {
    Media.JSON: JSON,
    Media.NDJSON: "application/x-ndjson; charset=utf-8",
    Media.CSV: "text/csv; charset=utf-8; header=present",
}
_ACCEPTED = {
    "application/json": Media.JSON,
    "application/x-ndjson": Media.NDJSON,
    "application/ndjson": Media.NDJSON,
    "application/jsonl": Media.NDJSON,
    "text/csv": Media.CSV,
}


def negotiate(accept: str) -> Media:
    """Choose the media type of rows by the Accept header (RFC 9110 section 12.5.1)."""
    try:
        chosen = mediatypes.best_match(_ACCEPTED, accept.lower())
    except (falcon.InvalidMediaType, falcon.InvalidMediaRange):
        chosen = ""
    if not chosen:
        offered = ", ".join(media.value for media in Media)
        raise GatewayError(
            Code.NOT_ACCEPTABLE, f"'{accept[:200]}' accepts nothing of {offered}", hint="send Accept: */*"
        )
    return _ACCEPTED[chosen]


def json(resp: Response, value: Json, *, status: int = 200, content_type: str = JSON) -> None:
    """Answer with a JSON value."""
    resp.status = status
    resp.content_type = content_type
    resp.data = strictjson.write(value)


def receipt(resp: Response, value: Receipt) -> None:
    """Answer a POST whose rows are committed."""
    json(resp, value.body(), status=201 if not value.rejected else 207)


def head(resp: Response, media: Media) -> None:
    """Answer with what is known of rows before they are read."""
    resp.content_type = _CONTENT_TYPES[media]
    resp.append_header("Vary", "Accept")


def without_length(resp: Response) -> None:
    """Leave the length of a HEAD's answer unsaid; Falcon would call it 0."""
    resp.stream = _nothing()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""  # It makes this a generator, which Falcon does not iterate for HEAD.


def rows(resp: Response, media: Media, rendering: Rendering) -> None:
    """Answer a GET: whole where it is small, else as a stream."""
    head(resp, media)
    if rendering.whole is not None:
        resp.data = rendering.whole
    else:
        resp.stream = rendering  # type: ignore[assignment]  # any async iterable with close() is iterated


async def gateway_error(
    req: Request, resp: Response, error: GatewayError, params: dict[str, Any], **_: Any
) -> None:
    """Answer with an error that a stage raised."""
    if error.code is Code.INTERNAL:
        error = _internal(error)
    resp.status = error.code.status
    resp.stream = None
    resp.data = refusal.body(error)
    for name, value in refusal.head(error).items():
        resp.set_header(name, value)


async def falcon_error(
    req: Request, resp: Response, error: falcon.HTTPError, params: dict[str, Any], **_: Any
) -> None:
    """Answer with an error that Falcon raised."""
    refused = refusal.of_status(error.status_code)
    if isinstance(error, falcon.HTTPInvalidParam):
        refused = GatewayError(Code.QUERY_INVALID, error.description)
    await gateway_error(req, resp, refused, params)


async def any_error(req: Request, resp: Response, error: Exception, params: dict[str, Any], **_: Any) -> None:
    """Answer with an error nobody foresaw; only the log learns what it was."""
    await gateway_error(req, resp, _internal(error), params)


def _internal(error: Exception) -> GatewayError:
    mark = uuid.uuid4().hex[:12]
    _log.error("error %s: %s", mark, trace(error))
    return GatewayError(Code.INTERNAL, details={"id": mark}, hint="give the id to whoever runs the gateway")
