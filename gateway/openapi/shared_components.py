"""The components that all connectors share: receipts, errors, their responses and headers, and the token."""

from collections.abc import Mapping

from gateway.errors import Code
from gateway.openapi.row_schemas import reference
from gateway.store.batch import MAX_LISTED
from gateway.strictjson import Json

_COUNT = {"type": "integer", "minimum": 0}
_ID = {"type": ["integer", "null"], "format": "int64"}
_TEXT_OR_NULL = {"type": ["string", "null"]}

_ROW_ERROR: Json = {
    "type": "object",
    "description": "What is wrong with one value of a row.",
    "properties": {
        "row": {
            "type": ["integer", "null"],
            "description": "The number of the row, from 1; null for a PATCH.",
        },
        "line": {"type": ["integer", "null"], "description": "The line it begins in, if the body has lines."},
        "field": _TEXT_OR_NULL,
        "code": {"type": "string"},
        "message": {"type": "string"},
        "value": {"description": "The value, cut where it is long."},
    },
    "required": ["row", "line", "field", "code", "message", "value"],
}
_ROW_ERRORS: Json = {"type": "array", "items": reference("GatewayRowError"), "maxItems": MAX_LISTED}
_ERROR: Json = {
    "type": "object",
    "description": "An error: of every 4xx and 5xx.",
    "properties": {
        # Without `enum`: a new code must not break a client.
        "code": {
            "type": "string",
            "description": "A stable code: PostgREST's or SQLSTATE's, else GW and three digits.",
            "examples": [Code.ROWS_INVALID.code, Code.QUERY_INVALID.code],
        },
        "message": {"type": "string"},
        "details": _TEXT_OR_NULL,
        "hint": {**_TEXT_OR_NULL, "description": "What to do next."},
        "errors": {**_ROW_ERRORS, "description": f"The first {MAX_LISTED} errors of rows, in a 422."},
        "error_count": {**_COUNT, "description": "The number of errors of rows."},
        "rows": {**_COUNT, "description": "The number of rows that were received."},
    },
    "required": ["code", "message", "details", "hint"],
}
_RECEIPT: Json = {
    "type": "object",
    "description": "A receipt: the rows of a batch are stored, and survive a crash.",
    "properties": {
        "batch": {**_ID, "description": "The number of the batch; null if nothing was stored."},
        "received": {**_COUNT, "description": "Rows received: stored, rejected, and duplicates together."},
        "stored": _COUNT,
        "rejected": {**_COUNT, "description": "Bad rows, which are kept for repair."},
        "duplicates": {**_COUNT, "description": "Rows left out because their primary key is stored already."},
        "first_id": {**_ID, "description": "The `_id` of the first stored row."},
        "last_id": {**_ID, "description": "The `_id` of the last stored row."},
        "deleted": {**_COUNT, "description": "Rows that a PUT replaced."},
        "errors": {**_ROW_ERRORS, "description": "The errors of the rejected rows."},
    },
    "required": ["batch", "received", "stored", "rejected", "duplicates", "first_id", "last_id"],
}
SCHEMAS: Mapping[str, Json] = {
    "GatewayError": _ERROR,
    "GatewayReceipt": _RECEIPT,
    "GatewayRowError": _ROW_ERROR,
}


def _header(text: str, type: str = "string") -> Json:
    return {"description": text, "schema": {"type": type}}


HEADERS: Mapping[str, Json] = {
    "Content-Range": _header(
        "The rows of the page, and with `Prefer: count=exact` the number of all: `0-24/57`."
    ),
    "ETag": _header("Identifies this response while the rows are the same."),
    "Idempotent-Replayed": _header("`true` if the batch was stored by an earlier request."),
    "Link": _header('The next page, with `rel="next"`.'),
    "Preference-Applied": _header("The preferences that were applied."),
    "Retry-After": _header("Seconds to wait before the request is sent again.", "integer"),
}


def header_references(*names: str) -> dict[str, Json]:
    """Return references to headers, for a response."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _error(text: str, *headers: str) -> Json:
    response: dict[str, Json] = {"description": text}
    if headers:
        response["headers"] = header_references(*headers)
    return {**response, "content": {"application/json": {"schema": reference("GatewayError")}}}


RESPONSES: Mapping[str, Json] = {
    "Error": _error("An error; its `code` says which."),
    "RowsInvalid": _error(
        "Rows do not satisfy the schema, or the Idempotency-Key had another body. Nothing was stored."
    ),
    "LimitExceeded": _error("A rate limit is exceeded. Send the request again later.", "Retry-After"),
    "Busy": _error(
        "The gateway is starting, stopping, or full. Send the request again later.", "Retry-After"
    ),
    "DiskFull": _error("The disk is full. Send the request again later.", "Retry-After"),
    "NotModified": {
        "description": "The rows are the same as for the ETag.",
        "headers": header_references("ETag"),
    },
}
#: The errors that every operation can have, with a response of their own.
COMMON_ERRORS: Mapping[str, str] = {
    str(Code.LIMIT_EXCEEDED.status): "LimitExceeded",
    str(Code.NOT_READY.status): "Busy",
    str(Code.DISK_FULL.status): "DiskFull",
    "default": "Error",
}
SECURITY_SCHEMES: Mapping[str, Json] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of the gateway. As the password of Basic it is accepted, too.",
    }
}


def response_reference(name: str) -> dict[str, Json]:
    """Return the reference to a shared response."""
    return {"$ref": f"#/components/responses/{name}"}
