"""Reads of a shared store wait until this gateway knows every commit that was answered before they came.

Caches compare versions in memory, and the notification of a commit may come later than its answer. So the store is asked
once for all reads that have come since it was asked before.
"""

import asyncio
from concurrent.futures import Executor

from gateway.server.scope import Asgi, Event, Receive, Send
from gateway.store.interface import StoreReader

_READS = ("GET", "HEAD")
#: How the paths begin that no rows are at; probes must be answered at once.
_OTHERS = "/-/"


class CatchingUp:
    """ASGI middleware that lets the store catch up before a read. Belongs to the event loop."""

    def __init__(self, app: Asgi, store: StoreReader, executor: Executor) -> None:
        """Wrap an application; the store is asked in a thread of `executor`."""
        self._app = app
        self._store = store
        self._executor = executor
        # The look that runs, and the one that begins after it.
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] in _READS and not scope["path"].startswith(_OTHERS):
            await self._caught_up()
        await self._app(scope, receive, send)

    async def _caught_up(self) -> None:
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._look(self._running))
        # A client that leaves ends its own wait alone.
        await asyncio.shield(self._next)

    async def _look(self, before: "asyncio.Task[None] | None") -> None:
        if before is not None and not before.done():
            await asyncio.wait([before])
        # A request that comes from here on may have seen a later answer, and needs another look.
        this, self._next = self._next, None
        self._running = this
        try:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._store.catch_up)
        finally:
            if self._running is this:
                self._running = None  # Its context refers to a request.
