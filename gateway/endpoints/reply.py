"""Receipts, rows and errors to responses: the only place where a body is written."""

from collections.abc import Mapping
from typing import Any

import falcon
from falcon.asgi import Request, Response
from falcon.constants import COMBINED_METHODS

from gateway import strictjson
from gateway.auth.authorization_header import without_basic
from gateway.endpoints.edit_request import EditRequest
from gateway.endpoints.etag_cache import TaggedResponse
from gateway.endpoints.ranges import ByteRange
from gateway.endpoints.spooled_body import FileSlice, SpooledBody
from gateway.endpoints.write_request import WriteRequest
from gateway.errors import Code, GatewayError
from gateway.query.render import Rendering
from gateway.request_context import note
from gateway.server import error_response
from gateway.server.error_response import JSON
from gateway.store.batch import Receipt
from gateway.strictjson import Json


def json(resp: Response, value: Json, *, status: int = 200, content_type: str = JSON) -> None:
    """Answer with a JSON value."""
    resp.status = status
    resp.content_type = content_type
    resp.data = strictjson.write(value)


def receipt(resp: Response, value: Receipt, write: WriteRequest) -> None:
    """Answer a POST whose rows are committed, with the receipt or without a body."""
    note_receipt(value)
    resp.set_headers(dict(write.headers(value)))
    if write.head.prefers.return_ in ("minimal", "headers-only"):
        resp.status = value.status
    else:
        json(resp, value.body(), status=value.status)


def stored_rows(resp: Response, value: Receipt, write: WriteRequest, shown: Rendering) -> None:
    """Answer a POST whose rows are committed with the rows themselves."""
    assert write.head.output is not None
    note_receipt(value)
    headers = {"Content-Type": write.head.output.content_type, **write.headers(value, has_rows=True)}
    if shown.coding:
        headers["Content-Encoding"] = shown.coding
    rows(resp, TaggedResponse(value.status, headers, shown.whole or b""), shown)


def seen_rows(resp: Response, value: Receipt, write: WriteRequest, seen: bytes | None) -> None:
    """Answer a write with its rows as they were inside its transaction; with the receipt where none were asked for.

    The status of a receipt of what was only rehearsed is 200, for nothing was created.
    """
    if write.head.output is None or seen is None:
        receipt(resp, value, write)
        return
    note_receipt(value)
    resp.set_headers(dict(write.headers(value, has_rows=True)))
    resp.content_type = write.head.output.content_type
    resp.data = seen
    resp.status = value.status


def note_receipt(value: Receipt) -> None:
    """Note a receipt for the log."""
    note(batch=value.batch, received=value.received, stored=value.stored, rejected=value.rejected)


def edited(resp: Response, value: Receipt, filtered: EditRequest, shown: bytes | None) -> None:
    """Answer a PATCH or DELETE with the rows as they are now, or were; or with how many they were."""
    note_receipt(value)
    resp.set_headers(dict(filtered.headers(value)))
    resp.status = 204
    if filtered.head.output is not None and shown is not None:
        resp.status = 200
        resp.content_type = filtered.head.output.content_type
        resp.data = shown


def minimal(resp: Response, status: int, headers: Mapping[str, str]) -> None:
    """Answer without a body."""
    resp.status = status
    resp.set_headers(dict(headers))


def whole(resp: Response, kept: TaggedResponse) -> None:
    """Answer with what is whole."""
    resp.status = kept.status
    resp.set_headers(dict(kept.headers))
    resp.data = kept.body


def rows(resp: Response, answer: TaggedResponse, rendering: Rendering) -> None:
    """Answer with rows: whole where they are few, else as a stream."""
    whole(resp, answer)
    if rendering.whole is None:
        resp.data = None
        resp.stream = rendering  # type: ignore[assignment]  # any async iterable with close() is iterated


def kept(resp: Response, kept: SpooledBody, *, has_body: bool = True) -> None:
    """Answer with a whole body from its file, or with its headers alone."""
    resp.status = kept.status
    resp.set_headers(dict(kept.headers))
    resp.content_length = kept.size
    if has_body:
        resp.stream = FileSlice(kept.path.open("rb"), 0, kept.size)  # type: ignore[assignment]  # as in `rows`


def part(resp: Response, kept: SpooledBody, wanted: ByteRange) -> None:
    """Answer with some bytes of a kept body."""
    place, length = wanted.of(kept.size)
    resp.status = 206
    resp.set_headers({**kept.headers, "Content-Range": f"bytes {place}-{place + length - 1}/{kept.size}"})
    resp.content_length = length
    resp.stream = FileSlice(kept.path.open("rb"), place, length)  # type: ignore[assignment]  # as in `rows`


async def gateway_error(
    req: Request, resp: Response, error: GatewayError, params: dict[str, Any], **_: Any
) -> None:
    """Answer with an error that a stage raised."""
    if error.code is Code.INTERNAL:
        error = error_response.unexpected_error(error)
    resp.status = error.status
    resp.stream = None
    resp.data = error_response.body(error)
    for name, value in error_response.headers(error).items():
        resp.set_header(name, _challenge_to(req, value) if name == "WWW-Authenticate" else value)


async def falcon_error(
    req: Request, resp: Response, error: falcon.HTTPError, params: dict[str, Any], **_: Any
) -> None:
    """Answer with an error that Falcon raised."""
    await gateway_error(req, resp, _meaning(req, error), params)


def _meaning(req: Request, error: falcon.HTTPError) -> GatewayError:
    """Return the error that one of Falcon's means."""
    if isinstance(error, falcon.HTTPInvalidParam):
        return GatewayError(Code.QUERY_INVALID, error.description)
    if isinstance(error, falcon.HTTPMethodNotAllowed):
        allowed = dict(error.headers or {}).get("Allow", "")
        message = f"{req.method} is not one of {allowed}"
        return GatewayError(
            Code.METHOD_NOT_ALLOWED, message, hint=f"send {allowed}", headers={"Allow": allowed}
        )
    if req.method not in COMBINED_METHODS:
        message = f"{req.method[:50]} is no method that HTTP has"
        hint = "send GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS"
        return GatewayError(Code.REQUEST_MALFORMED, message, hint=hint)
    return error_response.error_of_status(error.status_code)


async def any_error(req: Request, resp: Response, error: Exception, params: dict[str, Any], **_: Any) -> None:
    """Answer with an error nobody foresaw; only the log learns what it was."""
    failure = GatewayError(Code.INTERNAL)
    failure.__cause__ = error
    await gateway_error(req, resp, failure, params)


def _challenge_to(req: Request, challenge: str) -> str:
    """Give the challenge of an answer to a request: a page's script is not offered Basic.

    The browser would ask its user for a password in between.
    """
    is_script = (
        req.get_header("Sec-Fetch-Dest") == "empty" or req.get_header("X-Requested-With") == "XMLHttpRequest"
    )
    return without_basic(challenge) if is_script else challenge
