"""The live snapshot that requests see, and retries for requests whose connector changes."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from gateway.connectors.finding import Finding
from gateway.connectors.plan import Outcome
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.removed import MovedConnector, RemovedConnector
from gateway.errors import not_ready
from gateway.ingest import loop_futures
from gateway.ingest.loop_futures import LoopFuture
from gateway.store.errors import ConnectorChanged

_T = TypeVar("_T")

#: Seconds that a request waits for the next version of its connector, or for its tables to be at rest.
NEXT_VERSION_SECONDS = 20.0
#: Seconds after which a read is tried again although no new snapshot has been shown.
_SETTLE_SECONDS = 1.0


@dataclass(frozen=True)
class Snapshot:
    """Everything that requests see; replaced whole, never edited.

    Attributes:
        generation: Counts the snapshots of this process.
        endpoints: By connector name.
        gone: Removed connectors whose rows are kept, by name.
        moved: The resources at former paths of connectors.
        outcomes: The outcome of each file, and of each removed connector.
        source: The directory the files were read from.
        source_problem: Why it cannot be read now, or None.
        passed_over: Warnings about files in it that are not read.
    """

    generation: int = 0
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    gone: Mapping[str, RemovedConnector] = field(default_factory=dict)
    moved: tuple[MovedConnector | RemovedConnector, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    source: str = ""
    source_problem: str | None = None
    passed_over: tuple[Finding, ...] = ()


class Live:
    """Holds the live snapshot. Any thread may call `show`; everything else belongs to the event loop.

    A request that has been routed keeps the Endpoint it was given, until `retrying` finds that its connector changed.
    """

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        # The lock guards this set and the replacement of the snapshot, so that no waiter misses a new one.
        self._lock = threading.Lock()
        self._waiting: set[LoopFuture] = set()

    def show(self, snapshot: Snapshot) -> None:
        """Set the snapshot that new requests see, and wake the requests that wait for it. Any thread may call it."""
        with self._lock:
            self.snapshot = snapshot
            waiting, self._waiting = self._waiting, set()
        loop_futures.resolve_all((waiter, None) for waiter in waiting)

    async def next_version(self, endpoint: Endpoint) -> Endpoint:
        """Wait for the endpoint that replaces another: the change that superseded it is about to be shown.

        Raises:
            GatewayError: The connector was removed, or nothing is shown in time.
        """
        name = endpoint.connector.name
        deadline = asyncio.get_running_loop().time() + NEXT_VERSION_SECONDS
        while True:
            snapshot = self.snapshot
            found = snapshot.endpoints.get(name)
            if found is None:
                raise snapshot.gone[name].error() if name in snapshot.gone else not_ready()
            if found is not endpoint:
                return found
            if not await self._replaced(snapshot, deadline):
                raise not_ready()

    async def retrying(self, endpoint: Endpoint, act: Callable[[Endpoint], Awaitable[_T]]) -> _T:
        """Run `act` on the present version of an endpoint; if its connector changes, run it again on the next version.

        `act` must be repeatable: it has sent nothing, and the body it needs is in memory. If the connector was removed
        since the request was routed, `act` runs on the routed endpoint, and the store refuses it.

        Raises:
            GatewayError: What `act` raises, or the connector was removed, or the next version is not shown in time.
        """
        endpoint = self.snapshot.endpoints.get(endpoint.connector.name, endpoint)
        while True:
            try:
                return await act(endpoint)
            except ConnectorChanged:
                endpoint = await self.next_version(endpoint)

    async def settled(self, read: Callable[[], Awaitable[_T]]) -> _T:
        """Run a read over the tables of several connectors; run it again if one of them changes.

        Raises:
            GatewayError: The tables change for longer than a request waits.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + NEXT_VERSION_SECONDS
        while now() < deadline:
            snapshot = self.snapshot
            try:
                return await read()
            except ConnectorChanged:
                await self._replaced(snapshot, min(deadline, now() + _SETTLE_SECONDS))
        raise not_ready()

    async def _replaced(self, snapshot: Snapshot, deadline: float) -> bool:
        """Wait until another snapshot is live; False if the deadline, in seconds of the loop's clock, passes first."""
        shown = LoopFuture()
        with self._lock:
            if self.snapshot is not snapshot:
                return True
            self._waiting.add(shown)
        try:
            async with asyncio.timeout_at(deadline):
                await shown.future
        except TimeoutError:
            return False
        finally:
            with self._lock:
                self._waiting.discard(shown)
        return True
