"""The bounded pool of threads that run queries, and the places for open results."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, TypeVar

from gateway.errors import Code, GatewayError
from gateway.metrics import SECONDS, Histogram
from gateway.query.result_sizes import ResultSizes
from gateway.query.statement import Statement
from gateway.store.interface import ReadTransaction, StoreReader, Version
from gateway.threads import ContextThreadPool

_T = TypeVar("_T")

#: How many results may be open for each thread of the pool, by GATEWAY_STORE; an open one mostly waits for its client.
#: On a lake each holds a connection to PostgreSQL.
OPEN_PER_THREAD = {"file": 16, "lake": 4}
#: How long an open result may wait for its client while others need its place.
STALLED_SECONDS = 2.0


class OpenResult(Protocol):
    """A result that holds a place in the pool."""

    def end(self) -> None:
        """Close the result, and release its place."""


class ReadPool:
    """The bounded pool of threads that run queries. Belongs to the event loop.

    Attributes:
        open_results: How many results are open.
        max_open: How many may be open.
        waits: The seconds that steps of queries waited for a thread.
        timeouts: How many steps were interrupted at the deadline.
    """

    def __init__(self, store: StoreReader, *, threads: int, seconds: float, open_per_thread: int) -> None:
        """Create the pool; threads start when they are needed.

        Args:
            store: The store that is read.
            threads: The number of threads.
            seconds: The time limit of each step of a query.
            open_per_thread: How many results may be open for each thread.
        """
        self._store = store
        self._threads = ContextThreadPool(threads, thread_name_prefix="reader")
        self.max_open = threads * open_per_thread
        self._seconds = seconds
        self.open_results = self.timeouts = 0
        self.waits = Histogram(SECONDS)
        self.result_sizes = ResultSizes()
        self._waiting: OrderedDict[OpenResult, float] = OrderedDict()

    def reserve(self) -> None:
        """Reserve the place of one open result, until `release`.

        If all places are taken, the result that has waited longest for a stalled client loses its own.

        Raises:
            GatewayError: Too many results are open.
        """
        if self.open_results >= self.max_open:
            self._end_stalled()
        if self.open_results >= self.max_open:
            raise GatewayError(
                Code.READERS_BUSY, hint="send again a little later", headers={"Retry-After": "1"}
            )
        self.open_results += 1

    def release(self) -> None:
        """Release the place of an open result."""
        self.open_results -= 1

    def transaction(self) -> ReadTransaction:
        """Return a new transaction that reads the store."""
        return self._store.read()

    def version_seen(self, transaction: ReadTransaction, statement: Statement) -> Version:
        """Return the version of the rows that a transaction reads. Any thread may ask."""
        return self._store.version_in(transaction, statement.connector.name)

    async def call(self, function: Callable[[], _T]) -> _T:
        """Run a short call that reads the store in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    async def run(self, transaction: ReadTransaction, step: Callable[[], _T]) -> _T:
        """Run one step of a transaction; interrupt it at the deadline, or when the client has left."""
        loop = asyncio.get_running_loop()
        queued = time.monotonic()
        started = queued

        def timed_step() -> _T:
            nonlocal started
            started = time.monotonic()
            return step()

        deadline = loop.call_later(self._seconds, self._time_out, transaction)
        step_done = loop.run_in_executor(self._threads, timed_step)
        try:
            return await asyncio.shield(step_done)
        except asyncio.CancelledError:
            transaction.interrupt()
            await asyncio.wait([step_done])
            raise
        finally:
            deadline.cancel()
            self.waits.observe(started - queued)

    def _time_out(self, transaction: ReadTransaction) -> None:
        self.timeouts += 1
        transaction.interrupt()

    def note_waiting(self, result: OpenResult) -> None:
        """Record that a result begins to wait for its client."""
        self._waiting[result] = time.monotonic()

    def note_running(self, result: OpenResult) -> None:
        """Record that a result no longer waits for its client."""
        self._waiting.pop(result, None)

    def _end_stalled(self) -> None:
        result, since = next(iter(self._waiting.items()), (None, 0.0))
        if result is not None and time.monotonic() - since > STALLED_SECONDS:
            result.end()

    def stop(self) -> None:
        """Stop the threads."""
        self._threads.shutdown(cancel_futures=True)
