"""The sender of batches: repeats each request until the gateway answers, in a thread of its own."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import httpx

from gateway.commands.support.client import error_of, error_text
from gateway.commands.support.load_target import LoadTarget
from gateway.errors import Code
from gateway.rowfile.batch_cutter import LoadBatch
from gateway.rowfile.compression import compressed
from gateway.rowfile.repeats import RETRY_SECONDS_MAX, retry_seconds

#: Statuses after which nothing was stored and a retry may succeed; a 409 with Retry-After is retried too.
_RETRIED_STATUSES = (408, 429, 502, 503, 504, 507)


class UnansweredError(Exception):
    """The gateway did not answer, in time or in full. Its text is the trouble.

    Attributes:
        is_refusal: Whether no request has stored the batch, and none is under way that may store it.
    """

    def __init__(self, trouble: str, *, is_refusal: bool = False) -> None:
        super().__init__(trouble)
        self.is_refusal = is_refusal


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a batch.

    Attributes:
        response: The response to its last request.
        committed_at: When its batch was committed; None if it is unknown.
        is_only: Whether no request before the last one can have stored it.
    """

    response: httpx.Response
    committed_at: str | None
    is_only: bool

    @property
    def is_refusal(self) -> bool:
        """True if the gateway has declined the batch, and no request of this sender can have stored it."""
        return self.is_only and error_of(self.response) is not None


@dataclass(frozen=True, slots=True)
class SentBatch:
    """A batch that is being sent, and its answer; `answer.result()` may raise `UnansweredError`."""

    batch: LoadBatch
    answer: "Future[Answer]"

    def is_refused(self, seconds: float) -> bool:
        """Wait for the end of its requests; return whether no request can have stored it, or may still store it."""
        try:
            return self.answer.result(seconds).is_refusal
        except UnansweredError as error:
            return error.is_refusal
        except TimeoutError:
            return False


class BatchSender:
    """Posts batches, and repeats requests. Its threads end with the process."""

    def __init__(self, target: LoadTarget) -> None:
        self._target = target
        self._is_over = threading.Event()

    def send(self, batch: LoadBatch, columns: Mapping[str, str], previous: SentBatch | None) -> SentBatch:
        """Post a batch in a thread.

        Args:
            batch: The batch.
            columns: The query parameter that leaves columns out; empty if it is not needed.
            previous: The batch that must be stored first, None if it is stored.
        """
        answer: Future[Answer] = Future()

        def run() -> None:
            try:
                answer.set_result(self._answer(batch, columns, previous))
            except BaseException as error:  # noqa: BLE001  # the thread that waits raises it
                answer.set_exception(error)

        threading.Thread(target=run, name="batch-sender", daemon=True).start()
        return SentBatch(batch, answer)

    def stop(self) -> None:
        """Repeat no request from now on."""
        self._is_over.set()

    def _answer(self, batch: LoadBatch, columns: Mapping[str, str], previous: SentBatch | None) -> Answer:
        client, path = self._target.gateway.client, self._target.path
        headers = {"Content-Type": batch.body.media.media_type, "Idempotency-Key": batch.key}
        if previous is not None:
            headers["Idempotency-After"] = previous.batch.key
        if columns:
            headers["Prefer"] = "missing=default"
        data = batch.body.data
        if not self._target.gateway.is_local:
            data = compressed(data)
            headers["Content-Encoding"] = "zstd"
        response, is_only = self._repeat(
            lambda: client.post(path, content=data, headers=headers, params=columns), previous
        )
        committed_at = self._committed_at(response) if response.is_success else None
        return Answer(response, committed_at, is_only)

    def _committed_at(self, receipt: httpx.Response) -> str | None:
        """Return when the batch of a receipt was committed; None if it has no number, or is not in the store.

        Without this instant a later load would not find the batch, and store its rows once more.

        Raises:
            UnansweredError: The receipt or the answer about it is not a gateway's.
        """
        number = _value_of(receipt, "batch")
        if number is None:
            return None
        answer, _ = self._repeat(lambda: self._target.request_batches([number]))
        found = _value_of(answer, "batches")
        return str(found[0]["committed_at"]) if found else None

    def _repeat(
        self, send: Callable[[], httpx.Response], previous: SentBatch | None = None
    ) -> tuple[httpx.Response, bool]:
        """Repeat a request until the gateway is reachable and has capacity, or until `stop`.

        Returns:
            The response, and whether no request before it can have stored rows.
        """
        deadline, is_only = time.monotonic() + RETRY_SECONDS_MAX, True
        while True:
            # Until the one before is answered, this one cannot be.
            if previous is not None and not previous.answer.done():
                deadline = time.monotonic() + RETRY_SECONDS_MAX
            try:
                answer = send()
            except httpx.TransportError as error:
                trouble, wait = self._target.gateway.unreachable_text(error), 1.0
                is_only = is_only and isinstance(error, httpx.ConnectError)
            else:
                is_running = answer.status_code == 409 and "Retry-After" in answer.headers
                if answer.status_code not in _RETRIED_STATUSES and not is_running:
                    return answer, is_only
                trouble, wait = error_text(answer), retry_seconds(answer.headers.get("Retry-After"))
                is_only = is_only and _is_refused(answer)
            if time.monotonic() + wait > deadline:
                raise UnansweredError(trouble)
            if self._is_over.wait(wait * random.uniform(0.8, 1.2)):  # noqa: S311  # it spreads the retries of many clients
                raise UnansweredError(trouble, is_refusal=is_only)


def _is_refused(answer: httpx.Response) -> bool:
    """Return whether a batch is not stored after an error that passes.

    A proxy may answer although it has passed the request on, and an earlier request may be under way with the key.
    """
    error = error_of(answer)
    return error is not None and error["code"] != Code.KEY_RUNNING.code


def _value_of(answer: httpx.Response, name: str) -> Any:
    """Return a value of a response's JSON.

    Raises:
        UnansweredError: The response has no such value, so it is an error, or not a gateway's.
    """
    try:
        return answer.json()[name]
    except (ValueError, KeyError, TypeError) as error:
        raise UnansweredError(error_text(answer)) from error
