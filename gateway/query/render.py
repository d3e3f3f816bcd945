"""A Reading to the body of a response, without the event loop ever waiting for the database."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gateway.errors import Code, GatewayError
from gateway.query.statement import Statement
from gateway.store.reading import Reading
from gateway.store.store import Store

_T = TypeVar("_T")

#: Results up to this size are sent whole, with their length, and their reader is free before the first byte.
WHOLE_BYTES = 1024 * 1024
#: How many results may be open for each thread that reads them; an open one waits for its client mostly.
OPEN_PER_THREAD = 16


class Readers:
    """The bounded pool of threads that run queries. Belongs to the event loop."""

    def __init__(self, store: Store, *, threads: int, seconds: float) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="reader")
        self._most = threads * OPEN_PER_THREAD
        self._seconds = seconds
        self._open = 0

    async def open(self, statement: Statement) -> "Rendering":
        """Run a statement up to its first rows.

        Raises:
            GatewayError: Where it fails; nothing has been sent then.
        """
        if self._open >= self._most:
            raise GatewayError(
                Code.READERS_BUSY, hint="send again a little later", headers={"Retry-After": "1"}
            )
        self._open += 1
        rendering = Rendering(self, self._store.read(statement.sql, statement.parameters), statement)
        try:
            await rendering.start()
        except BaseException:
            await rendering.close()
            raise
        return rendering

    async def call(self, function: Callable[[], _T]) -> _T:
        """Run something short that reads the store in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    async def run(self, reading: Reading, step: Callable[[], _T]) -> _T:
        """Run one step of a reading, interrupting it at the deadline or when the client has left."""
        loop = asyncio.get_running_loop()
        deadline = loop.call_later(self._seconds, reading.interrupt)
        step_done = loop.run_in_executor(self._threads, step)
        try:
            return await asyncio.shield(step_done)
        except asyncio.CancelledError:
            reading.interrupt()
            await asyncio.wait([step_done])
            raise
        finally:
            deadline.cancel()

    def done(self) -> None:
        """Note that a rendering has been closed."""
        self._open -= 1

    def stop(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)


class Rendering:
    """A result on its way out: complete in `whole`, or to be iterated once and then closed."""

    def __init__(self, readers: Readers, reading: Reading, statement: Statement) -> None:
        self.whole: bytes | None = None
        self._readers = readers
        self._reading = reading
        self._statement = statement
        self._begun = b""
        self._closed = False

    async def start(self) -> None:
        """Read the first rows, and all of them if they are few."""
        pieces = await self._readers.run(self._reading, self._first_pieces)
        ended = pieces[-1] is None
        text = b"".join(piece for piece in pieces if piece is not None)
        self._begun = self._statement.head + text[self._statement.skip :]
        if ended:
            self.whole = self._begun + self._statement.tail
            await self.close()

    def _first_pieces(self) -> list[bytes | None]:
        pieces = [self._reading.read()]
        size = len(pieces[0] or b"")
        while pieces[-1] is not None and size < WHOLE_BYTES:
            pieces.append(piece := self._reading.read())
            size += len(piece or b"")
        return pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the pieces of the body. An error breaks the connection: a body cut short must not look whole."""
        yield self._begun
        self._begun = b""
        while (piece := await self._readers.run(self._reading, self._reading.read)) is not None:
            yield piece
        if self._statement.tail:
            yield self._statement.tail

    async def close(self) -> None:
        """Give the reader back. Falcon calls it when the response has ended, however it has."""
        if not self._closed:
            self._closed = True
            self._readers.done()
            self._reading.close()
