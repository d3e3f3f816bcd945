"""The target of a load: a connector of a store, as the running gateway names them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
import httpx

from gateway.commands.support.client import GatewayClient, error_text
from gateway.connectors.name_patterns import NAME
from gateway.rowfile.earlier_load import PresentBatch, StoredRows, stored_rows
from gateway.rowfile.progress import LoadProgress

#: The number of batches in one request; its URL has some 50 bytes for each.
_AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class LoadTarget:
    """A connector of a store.

    Attributes:
        gateway: The client of the running gateway.
        store: The id of the store.
        connector: The name of the connector.
        path: The path of its endpoint.
        in_flight: How many batches the gateway takes at a time, and stores in their order.
        token: The name of the token that the batches are sent with; empty if it is unknown.
    """

    gateway: GatewayClient
    store: str
    connector: str
    path: str
    in_flight: int = 1
    token: str = ""

    @classmethod
    def find(cls, gateway: GatewayClient, wanted: str) -> "LoadTarget":
        """Find a connector by name or path.

        Raises:
            click.ClickException: The token may not write to it, or it does not exist.
        """
        name = wanted if wanted.startswith("/") and not wanted.startswith("/-/") else wanted.strip("/")
        if not name or ("/" in name and not name.startswith("/")):
            raise click.ClickException(f"{wanted!r} is neither the name nor the path of a connector")
        # Only a gateway that the header reaches keeps the order of two batches.
        headers = {"Idempotency-After": "any"}
        answer = gateway.request("GET", "/-/resolve", params={"connector": name}, headers=headers)
        found = _body(answer, gateway, wanted)
        store = str(uuid.UUID(found["store"]))
        told = (found.get("in_flight", 1), found.get("token", ""))  # An earlier gateway does not say them.
        return cls(gateway, store, found["connector"], found["path"], *told)

    def request_batches(self, batches: Sequence[int]) -> httpx.Response:
        """Request what the gateway knows about batches."""
        query = {"connector": self.connector, "batch": ",".join(map(str, batches))}
        return self.gateway.client.get("/-/resolve", params=query)

    def find_stored(self, load: LoadProgress) -> StoredRows:
        """Return what the gateway still has of a load."""
        # With the instant the gateway also resolves a batch that another token has sent.
        known = [f"{part.batch}@{part.committed_at or ''}" for part in load.parts if part.batch is not None]
        batches: dict[int, PresentBatch] = {}
        for place in range(0, len(known), _AT_A_TIME):
            wanted = ",".join(known[place : place + _AT_A_TIME])
            query = {"connector": self.connector, "batch": wanted}
            answer = self.gateway.request("GET", "/-/resolve", params=query)
            body = _body(answer, self.gateway, self.connector)
            batches |= {
                each["batch"]: PresentBatch(each["committed_at"], each["rows"], each["left"])
                for each in body["batches"]
            }
        return stored_rows(load, batches)


def _body(answer: httpx.Response, gateway: GatewayClient, wanted: str) -> dict[str, Any]:
    if answer.status_code == 404 and "'/-/resolve'" in answer.text:
        message = f"the gateway at {gateway.url} is older than this command and cannot name its store"
        raise click.ClickException(f"{message}; upgrade it, or load with the gateway command of its version")
    if answer.status_code == 403:
        message = f"the token may not write to a connector {wanted!r}, if there is one"
        raise click.ClickException(
            f"{message}; check the name, and add the token's name to access.ingest in the connector file"
        )
    try:
        found: dict[str, Any] = answer.json()
        if answer.is_success and uuid.UUID(found["store"]) and NAME.fullmatch(found["connector"]):
            return found
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise click.ClickException(error_text(answer))
