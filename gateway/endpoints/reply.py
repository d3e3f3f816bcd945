"""Receipts, rows, and errors to responses: the only module that writes a response body."""

from collections.abc import Mapping
from typing import Any

import falcon
from falcon.asgi import Request, Response
from falcon.constants import COMBINED_METHODS

from gateway import strictjson
from gateway.auth.authorization_header import without_basic
from gateway.endpoints.edit_request import EditRequest
from gateway.endpoints.etag_cache import TaggedResponse
from gateway.endpoints.range_header import ByteRange
from gateway.endpoints.spooled_body import FileSlice, SpooledBody
from gateway.endpoints.write_request import WriteRequest
from gateway.errors import Code, GatewayError
from gateway.query.render import Rendering
from gateway.request_context import current, note
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
    """Answer a POST whose rows are committed with the receipt, or without a body."""
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


def seen_rows(resp: Response, value: Receipt, write: WriteRequest, shown: bytes | None) -> None:
    """Answer a write with its rows as its transaction read them; with the receipt if no rows are requested.

    The receipt of a rehearsal has status 200, because nothing was created.
    """
    if write.head.output is None or shown is None:
        receipt(resp, value, write)
        return
    note_receipt(value)
    resp.set_headers(dict(write.headers(value, has_rows=True)))
    resp.content_type = write.head.output.content_type
    resp.data = shown
    resp.status = value.status


def note_receipt(value: Receipt) -> None:
    """Add the numbers of a receipt to the access log."""
    note(batch=value.batch, received=value.received, stored=value.stored, rejected=value.rejected)


def edited(resp: Response, value: Receipt, edit: EditRequest, shown: bytes | None) -> None:
    """Answer a PATCH with the changed rows or a DELETE with the deleted rows; or with their number only."""
    note_receipt(value)
    resp.set_headers(dict(edit.headers(value)))
    resp.status = 204
    if edit.head.output is not None and shown is not None:
        resp.status = 200
        resp.content_type = edit.head.output.content_type
        resp.data = shown


def minimal(resp: Response, status: int, headers: Mapping[str, str]) -> None:
    """Answer without a body."""
    resp.status = status
    resp.set_headers(dict(headers))


def whole(resp: Response, body: TaggedResponse) -> None:
    """Answer with a whole response."""
    current.get().served_rows = body.rows
    resp.status = body.status
    resp.set_headers(dict(body.headers))
    resp.data = body.body


def rows(resp: Response, tagged: TaggedResponse, rendering: Rendering) -> None:
    """Answer with rows: a small body whole, a large one as a stream."""
    whole(resp, tagged)
    if rendering.whole is None:
        resp.data = None
        resp.stream = rendering  # type: ignore[assignment]  # any async iterable with close() is iterated


def spooled(resp: Response, body: SpooledBody, *, has_body: bool = True) -> None:
    """Answer with a whole spooled body, or with its headers only."""
    resp.status = body.status
    resp.set_headers(dict(body.headers))
    resp.content_length = body.size
    if has_body:
        current.get().served_rows = body.rows
        resp.stream = FileSlice(body.path.open("rb"), 0, body.size)  # type: ignore[assignment]  # as in `rows`


def part(resp: Response, body: SpooledBody, byte_range: ByteRange) -> None:
    """Answer with a byte range of a spooled body.

    A range counts its share of the rows, so a client that fetches all ranges counts them once.
    """
    offset, length = byte_range.of(body.size)
    before, until = (body.rows * place // body.size for place in (offset, offset + length))
    current.get().served_rows = until - before
    resp.status = 206
    resp.set_headers({**body.headers, "Content-Range": f"bytes {offset}-{offset + length - 1}/{body.size}"})
    resp.content_length = length
    resp.stream = FileSlice(body.path.open("rb"), offset, length)  # type: ignore[assignment]  # as in `rows`


async def gateway_error(
    req: Request, resp: Response, error: GatewayError, params: dict[str, Any], **_: Any
) -> None:
    """Answer with a `GatewayError`."""
    refusal(req, resp, visible_error(error))


def visible_error(error: GatewayError) -> GatewayError:
    """Return the error that the client may see; the cause of an unexpected one is only logged."""
    return error_response.unexpected_error(error) if error.code is Code.INTERNAL else error


def refusal(req: Request, resp: Response, error: GatewayError) -> None:
    """Answer with an error that the client may see."""
    resp.status = error.status
    resp.stream = None
    resp.data = error_response.body(error)
    for name, value in error_response.headers(error).items():
        resp.set_header(name, _challenge_to(req, value) if name == "WWW-Authenticate" else value)


async def falcon_error(
    req: Request, resp: Response, error: falcon.HTTPError, params: dict[str, Any], **_: Any
) -> None:
    """Answer with an error that Falcon raised."""
    await gateway_error(req, resp, gateway_error_of(req, error), params)


def gateway_error_of(req: Request, error: falcon.HTTPError) -> GatewayError:
    """Return the gateway's error for an error of Falcon."""
    if isinstance(error, falcon.HTTPInvalidParam):
        return GatewayError(Code.QUERY_INVALID, error.description)
    if isinstance(error, falcon.HTTPMethodNotAllowed):
        allowed = dict(error.headers or {}).get("Allow", "")
        message = f"{req.method} is not one of {allowed}"
        return GatewayError(
            Code.METHOD_NOT_ALLOWED, message, hint=f"send {allowed}", headers={"Allow": allowed}
        )
    if req.method not in COMBINED_METHODS:
        message = f"{req.method[:50]} is not an HTTP method"
        hint = "send GET, HEAD, POST, PUT, PATCH, DELETE, or OPTIONS"
        return GatewayError(Code.REQUEST_MALFORMED, message, hint=hint)
    return error_response.error_of_status(error.status_code)


async def any_error(req: Request, resp: Response, error: Exception, params: dict[str, Any], **_: Any) -> None:
    """Answer with 500 for an unexpected error; only the log contains its cause."""
    await gateway_error(req, resp, internal_error(error), params)


def internal_error(cause: Exception) -> GatewayError:
    """Return the gateway's error for an unexpected one."""
    failure = GatewayError(Code.INTERNAL)
    failure.__cause__ = cause
    return failure


def _challenge_to(req: Request, challenge: str) -> str:
    """Return the authentication challenge for a request, without Basic for the script of a web page.

    With Basic, the browser would ask its user for a password.
    """
    is_script = (
        req.get_header("Sec-Fetch-Dest") == "empty" or req.get_header("X-Requested-With") == "XMLHttpRequest"
    )
    return without_basic(challenge) if is_script else challenge
