"""Reasons why a load waits or has stopped, in the words of one who loads a whole file.

The response to a batch speaks of that batch alone: its rows have other numbers, and that nothing of it was stored says
nothing about the file.
"""

from collections.abc import Mapping
from typing import Any

from gateway.errors import Code
from gateway.rowfile.batch_cutter import LoadBatch
from gateway.rowfile.batches import line_of, place_of
from gateway.rowfile.earlier_load import OverlapError
from gateway.uploads.load_status import LoadProblem
from gateway.uploads.reading import in_words_of_form
from gateway.uploads.row_poster import PostedBatch

#: The number of bad rows of a batch that are shown.
_SHOWN_ROWS_MAX = 20
#: What responses say about the batch.
_OF_BATCH = "nothing was stored"
_CORRECT = "correct the connector and continue; or correct the file and upload it again"
_WAIT = "continue the load later"
_HINTS = {
    Code.FIELD_UNKNOWN.code: "leave the columns out, or add fields for them to the connector; then continue",
}


def refused(answer: PostedBatch, batch: LoadBatch) -> LoadProblem:
    """Return why a batch was refused, with the places of its bad rows in the file."""
    body = answer.body
    listed = body.get("errors", ())
    errors = tuple(
        {
            "row": batch.before + error["row"] if error["row"] is not None else None,
            "line": line_of(error, batch.body),
            "field": error["field"],
            "code": error["code"],
            "message": error["message"],
        }
        for error in listed[:_SHOWN_ROWS_MAX]
    )
    count = body.get("error_count", 0)
    return LoadProblem(body["code"], _message(body, batch), _hint(answer), errors, count)


def overlapping(error: OverlapError) -> LoadProblem:
    """Return the problem of rows that may be stored already."""
    choices = ("rest", "again") if error.can_rest else ("again",)
    return LoadProblem("", in_words_of_form(error.message), error.advice, choices=choices)


def reason_to_wait(answer: PostedBatch) -> str:
    """Return why a batch is sent again later."""
    return str(answer.body["message"]).removesuffix(f"; {_OF_BATCH}")


def _message(body: Mapping[str, Any], batch: LoadBatch) -> str:
    first = next((each for each in body.get("errors", ()) if each["row"] is not None), None)
    if first is None:
        return str(body["message"]).removesuffix(f"; {_OF_BATCH}")
    more = f" (and {body['error_count'] - 1:,} more)" if body["error_count"] > 1 else ""
    return f"{place_of(first, batch.body, batch.before)}: {first['message']}{more}"


def _hint(answer: PostedBatch) -> str:
    """Return the next action. That of a response is often to send the batch again, which the user cannot."""
    body = answer.body
    if "retry-after" in answer.headers:
        return _WAIT
    is_conflict = body["code"] == Code.KEY_CONFLICT.code
    own = body["hint"] if is_conflict or "errors" not in body else None
    return _HINTS.get(body["code"]) or (own or "").removeprefix(f"{_OF_BATCH}; ") or _CORRECT
