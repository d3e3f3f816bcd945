"""The sender of batches: repeats a request until the gateway answers, and explains bad rows by their place in the file."""

import functools
import random
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import httpx

from gateway.commands.support.client import error_text
from gateway.commands.support.load_target import LoadTarget
from gateway.rowfile.batches import is_known, place_of
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.column_chunk import ColumnChunk
from gateway.rowfile.compression import compressed
from gateway.rowfile.load_options import LoadOptions

#: For how long a request is repeated while the gateway is unreachable or overloaded.
RETRY_SECONDS_MAX = 300.0
#: Statuses after which nothing was stored and a retry may succeed; a 409 with Retry-After is retried too.
_RETRIED_STATUSES = (408, 429, 502, 503, 504, 507)
#: The number of bad rows of a batch that are shown.
_SHOWN_ROWS_MAX = 10


class DeclinedError(click.ClickException):
    """The gateway rejected a batch and stored none of its rows."""


class BatchSender:
    """Posts the batches of one file.

    Attributes:
        rows: The number of first rows of the file that are stored.
        stored: The number of rows that these batches stored.
        rejected: The number of bad rows that were kept as rejected rows.
        duplicates: The number of rows that were ignored, because their primary keys already existed.
    """

    def __init__(self, target: LoadTarget, file: Path, options: LoadOptions) -> None:
        self.target = target
        self.rows = self.stored = self.rejected = self.duplicates = 0
        self._file = file
        self._options = options

    def committed_at(self, batch: int | None) -> str | None:
        """Return when a batch was committed; None if the gateway does not know it."""
        if batch is None:
            return None
        answer = self._send(lambda: self.target.request_batches([batch]))
        found = answer.json()["batches"] if answer.is_success else []
        return str(found[0]["committed_at"]) if found else None

    def post(self, chunk: Chunk | ColumnChunk, key: str) -> dict[str, Any]:
        """Post a batch until the gateway answers, and return its receipt with `is_known`, whether it was replayed.

        Raises:
            DeclinedError: The gateway rejected the batch.
            click.ClickException: The gateway did not answer in time.
        """
        client, path = self.target.gateway.client, self.target.path
        columns = self._options.columns(chunk)
        headers = {"Content-Type": chunk.media.media_type, "Idempotency-Key": key}
        if columns:
            headers["Prefer"] = "missing=default"
        data = chunk.data
        if not self.target.gateway.is_local:
            data = compressed(data)
            headers["Content-Encoding"] = "zstd"
        send = functools.partial(client.post, path, content=data, headers=headers, params=columns)
        return self._receipt(chunk, self._send(send))

    def _send(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        """Repeat a request until the gateway is reachable and has capacity."""
        deadline = time.monotonic() + RETRY_SECONDS_MAX
        while True:
            try:
                answer = send()
            except httpx.TransportError as error:
                trouble = self.target.gateway.unreachable_text(error)
                wait = 1.0
            else:
                is_running = answer.status_code == 409 and "Retry-After" in answer.headers
                if answer.status_code not in _RETRIED_STATUSES and not is_running:
                    return answer
                trouble, wait = error_text(answer), _retry_after(answer)
            if time.monotonic() + wait > deadline:
                raise click.ClickException(f"{trouble}; {self.how_far()}")
            time.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311  # it spreads the retries of many clients

    def _receipt(self, chunk: Chunk | ColumnChunk, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code == 422 and is_known(chunk, answer.json().get("code", "")):
            return {"batch": None, "is_known": True}
        if answer.status_code in (409, 422) and "errors" in answer.json():
            raise DeclinedError(self._bad_rows(chunk, answer.json()))
        if not answer.is_success:
            raise DeclinedError(f"{error_text(answer)}; {self.how_far()}{_leaving_out(chunk, answer)}")
        receipt: dict[str, Any] = answer.json()
        receipt["is_known"] = answer.headers.get("Idempotent-Replayed") == "true"
        if not receipt["is_known"]:
            self.stored += receipt["stored"]
            self.rejected += receipt["rejected"]
            self.duplicates += receipt["duplicates"]
        return receipt

    def _bad_rows(self, chunk: Chunk | ColumnChunk, answer: dict[str, Any]) -> str:
        """Return the message about bad rows, with their places in the file."""
        lines = [
            f"  {place_of(error, chunk, self.rows)}: {error['message']}"
            for error in answer["errors"][:_SHOWN_ROWS_MAX]
        ]
        more = answer["error_count"] - len(lines)
        if more > 0:
            lines.append(f"  and {more:,} more in the same batch")
        return "\n".join([f"{self._file} has bad rows; {self.how_far()}", *lines])

    def how_far(self) -> str:
        """Return how much of the file is stored, as a part of a message."""
        if not self.rows:
            return "nothing of it is stored"
        return f"the first {self.rows:,} rows are stored, and the same command continues after them"


def _leaving_out(chunk: Chunk | ColumnChunk, answer: httpx.Response) -> str:
    """Return the options that leave out unknown columns; empty if the error is a different one."""
    if '"PGRST204"' not in answer.text:
        return ""
    names = chunk.column_names()
    errors = answer.json().get("errors", ())
    unknown = [str(error["field"]) for error in errors if error["code"] == "PGRST204"]
    nameless = [str(place) for place, name in enumerate(names, 1) if not name.strip()]
    columns = [column for column in unknown if column in names] or nameless
    if len(columns) == len(names):
        return ". If its first line is a row, --header names the columns, as in --header a,b,c"
    if not columns or len(columns) > _SHOWN_ROWS_MAX:
        return ". --without NAME leaves a column out"
    options = shlex.join([word for column in columns for word in ("--without", column)])
    return f". Without {'this column' if len(columns) == 1 else 'these columns'}: {options}"


def _retry_after(answer: httpx.Response) -> float:
    """Return the seconds to wait that a response asks for, between 0.1 and 30."""
    try:
        return min(max(float(answer.headers["Retry-After"]), 0.1), 30.0)
    except (KeyError, ValueError):
        return 1.0
