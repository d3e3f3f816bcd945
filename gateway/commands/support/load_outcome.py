"""The outcome of a load so far: the numbers of its rows, and why a batch of it was declined."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import httpx

from gateway.commands.support.batch_sender import Answer
from gateway.commands.support.client import error_of, error_text
from gateway.rowfile.batch_cutter import LoadBatch
from gateway.rowfile.batches import is_known, place_of
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.column_chunk import ColumnChunk
from gateway.rowfile.earlier_load import LoadStart

#: The number of bad rows of a batch that are shown.
_SHOWN_ROWS_MAX = 10
#: The codes of errors that are about the columns of a batch, and so about those of the file.
_UNKNOWN, _UNFIT = "PGRST204", "42804"
#: The part of a hint that is for a request: the command has --without.
_FOR_REQUESTS = re.compile(r"(?:;|(?<=\?)) or ignore other columns with .*$", re.IGNORECASE)
#: The place in a batch of a value that does not fit.
_ROW = re.compile(r"; row (\d+): ")


class DeclinedError(click.ClickException):
    """The gateway declined a batch, and this request stored none of its rows.

    Attributes:
        names_rows: Whether its rows were checked: then no earlier request has stored them.
    """

    def __init__(self, message: str, *, names_rows: bool) -> None:
        super().__init__(message)
        self.names_rows = names_rows


class LoadOutcome:
    """The numbers of rows of one file, by the answers to its batches in their order.

    Attributes:
        rows: The number of first rows of the file that are stored.
        stored: The number of rows that these batches stored.
        rejected: The number of bad rows that were kept as rejected rows.
        duplicates: The number of rows that were ignored, because their primary keys already existed.
        before: The number of rows of the file that an earlier load had stored.
    """

    def __init__(self, file: Path) -> None:
        self.rows = self.stored = self.rejected = self.duplicates = self.before = 0
        self._file = file
        self._unanswered: frozenset[str] = frozenset()

    def begin(self, start: LoadStart) -> None:
        """Count the rows that an earlier load had stored."""
        self.rows = self.before = start.rows
        self._unanswered = start.pending_keys

    def add(self, batch: LoadBatch, answer: Answer) -> int | None:
        """Count the rows of the next batch, and return its number in the store, None if it has none.

        Raises:
            DeclinedError: The gateway declined the batch.
        """
        response = answer.response
        receipt = self._receipt(batch, response)
        is_replayed = response.headers.get("Idempotent-Replayed") == "true"
        if receipt is None or (is_replayed and (answer.is_only or batch.key in self._unanswered)):
            self.before += batch.until - self.rows
        else:
            self.stored += receipt["stored"]
            self.rejected += receipt["rejected"]
            self.duplicates += receipt["duplicates"]
        self.rows = batch.until
        return receipt["batch"] if receipt else None

    def _receipt(self, batch: LoadBatch, response: httpx.Response) -> dict[str, Any] | None:
        """Return the receipt of a batch, None if it is stored already with other bytes."""
        error = error_of(response) or {}
        if response.status_code == 422 and is_known(batch.body, error.get("code", "")):
            return None
        if response.status_code in (409, 422) and "errors" in error:
            raise DeclinedError(self._bad_rows(batch, error), names_rows=True)
        if not response.is_success:
            reason = self._reason(batch, error) or error_text(response)
            message = f"{reason}; {self.how_far()}{_leaving_out(batch.body, response)}"
            raise DeclinedError(message, names_rows=False)
        receipt: dict[str, Any] = response.json()
        return receipt

    def _reason(self, batch: LoadBatch, error: dict[str, Any]) -> str | None:
        """Return an error about the columns of a batch as one about those of the file; None for any other error."""
        message = str(error.get("message"))
        if error.get("code") not in (_UNKNOWN, _UNFIT) and not message.startswith("the Arrow schema"):
            return None
        message = message.replace("the Arrow schema", "the schema", 1)
        message = _ROW.sub(lambda found: f"; row {batch.before + int(found[1]):,}: ", message)
        hint = _FOR_REQUESTS.sub("", error["hint"] or "")
        return f"{self._file}: {error['code']}: {message}" + (f" ({hint})" if hint else "")

    def _bad_rows(self, batch: LoadBatch, answer: dict[str, Any]) -> str:
        """Return the message about bad rows, with their places in the file."""
        lines = [
            f"  {place_of(error, batch.body, batch.before)}: {error['message']}"
            for error in answer["errors"][:_SHOWN_ROWS_MAX]
        ]
        more = answer["error_count"] - len(lines)
        if more > 0:
            lines.append(f"  and {more:,} more in the same batch")
        return "\n".join([f"{self._file} has bad rows; {self.how_far()}", *lines])

    def how_far(self, *, is_answered: bool = True) -> str:
        """Return how much of the file is stored, as a part of a message; others may be without `is_answered`."""
        if not self.rows and not is_answered:
            return "nothing of it is known to be stored, and the same command goes on"
        if not self.rows:
            return "nothing of it is stored"
        least = "" if is_answered else "at least "
        return f"{least}the first {self.rows:,} rows are stored, and the same command continues after them"


def _leaving_out(chunk: Chunk | ColumnChunk, answer: httpx.Response) -> str:
    """Return the options that leave out unknown columns; empty if the error is a different one."""
    if f'"{_UNKNOWN}"' not in answer.text:
        return ""
    names = chunk.column_names()
    errors = answer.json().get("errors", ())
    unknown = [str(error["field"]) for error in errors if error["code"] == _UNKNOWN]
    nameless = [str(place) for place, name in enumerate(names, 1) if not name.strip()]
    columns = [column for column in unknown if column in names] or nameless
    if len(columns) == len(names):
        return ". If its first line is a row, --header names the columns, as in --header a,b,c"
    if not columns or len(columns) > _SHOWN_ROWS_MAX:
        return ". --without NAME leaves a column out"
    options = shlex.join([word for column in columns for word in ("--without", column)])
    return f". Without {'this column' if len(columns) == 1 else 'these columns'}: {options}"
