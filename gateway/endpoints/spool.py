"""The spool: whole bodies in files, for those who read them in parts or ask for their length."""

import asyncio
import os
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterable, Awaitable, Callable, Hashable, Mapping
from pathlib import Path

from gateway.endpoints.range_sessions import RangeSessions
from gateway.endpoints.spooled_body import SpooledBody, borders_of
from gateway.errors import Code, GatewayError
from gateway.resources import Disk

#: The free space of the disk, in reserves, below which no more results are put on it: rows go first.
SPARED = 1.25
#: How many questions are remembered whose bodies are too large.
_MAX_TOO_LARGE = 1000


class Spool:
    """The bodies that are kept in files, the latest of them, bounded in bytes. Belongs to the event loop.

    Attributes:
        readings: Who reads them.
    """

    def __init__(self, directory: Path, most_bytes: int, disk: Disk) -> None:
        """Empty the directory: nobody goes on with what another process began."""
        self.range_sessions = RangeSessions()
        self._disk = disk
        self._directory = directory
        self._most = most_bytes
        self._kept: OrderedDict[str, SpooledBody] = OrderedDict()
        self._too_large: OrderedDict[bytes, None] = OrderedDict()
        self._making: dict[Hashable, _Making] = {}
        self._writing = 0
        self._bytes = 0
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in directory.iterdir():
            path.unlink()

    def find(self, etag: str | None, question: bytes) -> SpooledBody | None:
        """Give the body of an ETag, where it is one of a question."""
        kept = self._kept.get(etag) if etag else None
        if kept is None or kept.question != question:
            return None
        self._kept.move_to_end(kept.etag)
        return kept

    def was_too_large(self, question: bytes) -> bool:
        """Tell whether the last body of a question was larger than all that may be kept."""
        return question in self._too_large

    def give_way(self) -> None:
        """Forget what nobody is reading now: the space is needed for rows."""
        in_use = self.range_sessions.in_use()
        for etag in [etag for etag in self._kept if etag not in in_use]:
            forgotten = self._kept.pop(etag)
            self._bytes -= forgotten.cost
            _remove(forgotten.path)

    async def once(self, key: Hashable, make: Callable[[], Awaitable[SpooledBody]]) -> SpooledBody:
        """Make a body, or wait for the one that is being made under the same key. It ends with the last who waits."""
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = _Making(asyncio.ensure_future(make()))
        making.waiting += 1
        try:
            return await asyncio.shield(making.task)
        finally:
            making.waiting -= 1
            if not making.waiting:
                del self._making[key]
                making.task.cancel()

    async def keep(
        self, question: bytes, status: int, headers: Mapping[str, str], pieces: AsyncIterable[bytes]
    ) -> SpooledBody:
        """Write a whole body into a file and forget the oldest.

        Raises:
            GatewayError: Where it is larger than all that may be kept, or the disk is full.
        """
        descriptor, name = tempfile.mkstemp(dir=self._directory)
        size = 0
        try:
            with os.fdopen(descriptor, "wb") as file:
                async for piece in pieces:
                    size += len(piece)
                    self._take(len(piece), question)
                    await asyncio.to_thread(file.write, piece)
        except BaseException as error:
            _remove(name)
            if isinstance(error, OSError):
                raise GatewayError(Code.DISK_FULL, hint="ask without Range") from error
            raise
        finally:
            self._writing -= size
        self._too_large.pop(question, None)
        borders = await asyncio.to_thread(borders_of, Path(name), headers["Content-Type"])
        return self._add(SpooledBody(Path(name), size, question, status, headers, borders))

    def _take(self, size: int, question: bytes) -> None:
        """Take room for what is about to be written, by as many requests as there are."""
        self._writing += size
        if self._disk.free - self._writing < self._disk.reserve * SPARED:
            self.give_way()
            message = "the disk has too little space for results that are read in parts"
            raise GatewayError(Code.SPOOL_FULL, message, hint="ask for it whole, without Range")
        if self._writing > self._most:
            self._too_large[question] = None
            while len(self._too_large) > _MAX_TOO_LARGE:
                self._too_large.popitem(last=False)
            hint = "ask for it whole, without Range; filter more; or raise GATEWAY_SPOOL"
            message = f"the result is larger than the {self._most} bytes that are kept for reading in parts"
            raise GatewayError(Code.SPOOL_FULL, message, hint=hint)

    def _add(self, kept: SpooledBody) -> SpooledBody:
        if twin := self._kept.get(kept.etag):  # Its bytes are the same, and readers go on in them.
            self._kept.move_to_end(twin.etag)
            _remove(kept.path)
            return twin
        self._kept[kept.etag] = kept
        self._bytes += kept.cost
        while self._bytes > self._most and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.cost
            _remove(oldest.path)
        return kept


class _Making:
    """A body that is being made, and how many wait for it."""

    def __init__(self, task: asyncio.Future[SpooledBody]) -> None:
        self.task = task
        self.waiting = 0


def _remove(path: Path | str) -> None:
    """Remove a file; whoever is reading it has it open."""
    Path(path).unlink(missing_ok=True)
