"""Target: the store and connector that rows are loaded into, as the running gateway names them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import click
import httpx

from gateway.commands.support.client import GatewayClient, error_text
from gateway.connectors.connector_file import NAME
from gateway.rowfile.progress import LoadProgress

#: How many batches are asked for at a time.
_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class LoadState:
    """What the gateway has of a load.

    Attributes:
        rows: So many first rows of the file were stored by batches that it has.
        stored: How many rows those batches stored, all together.
        left: How many of these are still as they were stored.
    """

    rows: int = 0
    stored: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class LoadTarget:
    """A connector of a store.

    Attributes:
        store: The id of the store.
        connector: The name of the connector.
        path: Where its rows are posted.
    """

    gateway: GatewayClient
    store: str
    connector: str
    path: str

    @classmethod
    def find(cls, gateway: GatewayClient, wanted: str) -> "LoadTarget":
        """Find the connector of a name or a path.

        Raises:
            click.ClickException: Where there is none that the token may write to, saying what leads on.
        """
        name = wanted if wanted.startswith("/") and not wanted.startswith("/-/") else wanted.strip("/")
        if not name or ("/" in name and not name.startswith("/")):
            raise click.ClickException(f"{wanted!r} is neither the name of a connector nor the path of one")
        answer = gateway.request("GET", "/-/resolve", params={"connector": name})
        found = _body(answer, gateway, wanted)
        return cls(gateway, str(uuid.UUID(found["store"])), found["connector"], found["path"])

    def request_batches(self, batches: Sequence[int]) -> httpx.Response:
        """Ask for batches."""
        query = {"connector": self.connector, "batch": ",".join(map(str, batches))}
        return self.gateway.client.get("/-/resolve", params=query)

    def load_state(self, load: LoadProgress) -> LoadState:
        """Ask how much of a load is there: a batch is the same if its number and its time are."""
        batches = [part.batch for part in load.parts if part.batch is not None]
        found: dict[int, dict[str, Any]] = {}
        for place in range(0, len(batches), _AT_A_TIME):
            some = batches[place : place + _AT_A_TIME]
            query = {"connector": self.connector, "batch": ",".join(map(str, some))}
            answer = self.gateway.request("GET", "/-/resolve", params=query)
            found |= {each["batch"]: each for each in _body(answer, self.gateway, self.connector)["batches"]}
        there = list(
            takewhile(
                lambda part: (
                    part.batch is None or found.get(part.batch, {}).get("committed_at") == part.committed_at
                ),
                load.parts,
            )
        )
        counted = [found[part.batch] for part in there if part.batch is not None]
        rows = there[-1].until if there else 0
        return LoadState(rows, sum(each["rows"] for each in counted), sum(each["left"] for each in counted))


def _body(answer: httpx.Response, gateway: GatewayClient, wanted: str) -> dict[str, Any]:
    if answer.status_code == 404 and "'/-/resolve'" in answer.text:
        message = f"the gateway at {gateway.url} is older than this command and cannot say which store it has"
        raise click.ClickException(f"{message}; upgrade it, or load with the gateway command of its version")
    if answer.status_code == 403:
        message = f"the token may not write to a connector {wanted!r}, if there is one"
        raise click.ClickException(
            f"{message}; look at the name, and add the token's name to access.ingest in the connector's file"
        )
    try:
        found: dict[str, Any] = answer.json()
        if answer.is_success and uuid.UUID(found["store"]) and NAME.fullmatch(found["connector"]):
            return found
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise click.ClickException(error_text(answer))
