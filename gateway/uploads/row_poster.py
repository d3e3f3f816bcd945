"""Posts the batches of a load inside the process, as the client with the token would over HTTP.

The request goes through the whole application: rights, rate limits, memory budget, idempotency, validation, counters, and
the access log are those of any POST, because they are the same code. Only the socket is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlencode

import msgspec

from gateway.auth.credentials import Credentials
from gateway.media_types import Media
from gateway.server.scope import Asgi, Event


@dataclass(frozen=True, slots=True)
class PostedBatch:
    """The response to a batch.

    Attributes:
        status: The status.
        headers: The headers, by name in lower case.
        body: The receipt, or the error.
    """

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @classmethod
    def replayed(cls) -> Self:
        """Return the response to rows that are stored, in a batch that is not known."""
        return cls(200, {"idempotent-replayed": "true"}, {"batch": None})

    @property
    def is_stored(self) -> bool:
        """True if the body is a receipt."""
        return self.status < 400

    @property
    def names_rows(self) -> bool:
        """True if it is an error of rows, so that these were read and not stored."""
        return "errors" in self.body

    @property
    def is_replayed(self) -> bool:
        """True if an earlier request had stored it."""
        return self.headers.get("idempotent-replayed") == "true"


@dataclass(frozen=True, slots=True)
class OutgoingBatch:
    """A batch to post.

    Attributes:
        path: The path of the endpoint.
        media: The format of the rows.
        data: The rows.
        key: The idempotency key.
        parameters: The parameters of the query.
        preferences: The preferences.
    """

    path: str
    media: Media
    data: bytes
    key: str
    parameters: Mapping[str, str]
    preferences: tuple[str, ...]


class RowPoster:
    """Posts batches to the application, with the rights of a token. Belongs to the event loop."""

    def __init__(self, app: Asgi, credentials: Credentials) -> None:
        self._app = app
        self._credentials = credentials

    async def post(self, batch: OutgoingBatch, token: str) -> PostedBatch:
        """Post a batch, and return the response."""
        with self._credentials.lend(token) as secret:
            return await self._post(batch, secret)

    async def _post(self, batch: OutgoingBatch, secret: str) -> PostedBatch:
        headers = {
            "host": "localhost",
            "authorization": f"Bearer {secret}",
            "content-type": batch.media.media_type,
            "content-length": str(len(batch.data)),
            "idempotency-key": batch.key,
            "accept": "application/json",
        }
        if batch.preferences:
            headers["prefer"] = ", ".join(batch.preferences)
        incoming: list[Event] = [  # Falcon takes the first event for itself.
            {"type": "http.request", "body": b"", "more_body": True},
            {"type": "http.request", "body": batch.data, "more_body": False},
        ]
        sent: list[Event] = []

        async def receive() -> Event:
            return incoming.pop(0) if incoming else {"type": "http.disconnect"}

        async def send(event: Event) -> None:
            sent.append(event)

        await self._app(_scope(batch, headers), receive, send)
        found = {
            bytes(name).decode("latin-1").lower(): bytes(value).decode("latin-1")
            for name, value in sent[0]["headers"]
        }
        body = b"".join(event.get("body", b"") for event in sent[1:])
        return PostedBatch(sent[0]["status"], found, msgspec.json.decode(body))


def _scope(batch: OutgoingBatch, headers: Mapping[str, str]) -> Event:
    """Return the ASGI scope of the request; it has no client address."""
    query = urlencode(batch.parameters)
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": batch.path,
        "raw_path": quote(batch.path).encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": None,
        "server": None,
    }
