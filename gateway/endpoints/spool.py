"""Spool: whole response bodies in files, for clients that read byte ranges or ask for the size."""

import asyncio
import os
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterable, Awaitable, Callable, Hashable, Mapping
from pathlib import Path

from gateway.endpoints.range_sessions import RangeSessions
from gateway.endpoints.spooled_body import SpooledBody, boundaries_of
from gateway.errors import Code, GatewayError
from gateway.resources import Disk

#: No body is spooled while the disk has less free space than this multiple of its reserve: rows have priority.
FREE_SPACE_RESERVES = 1.25
#: Fingerprints of queries that are remembered because their bodies are too large.
_MAX_TOO_LARGE_QUERIES = 1000


class Spool:
    """The latest spooled bodies, bounded in bytes. Belongs to the event loop.

    Attributes:
        range_sessions: The clients that read the bodies in ranges.
    """

    def __init__(self, directory: Path, max_bytes: int, disk: Disk) -> None:
        """Empty the directory: no client can continue a body of another process."""
        self.range_sessions = RangeSessions()
        self._disk = disk
        self._directory = directory
        self._max_bytes = max_bytes
        self._bodies: OrderedDict[str, SpooledBody] = OrderedDict()
        self._too_large: OrderedDict[bytes, None] = OrderedDict()
        self._builds: dict[Hashable, _Build] = {}
        self._reserved_bytes = 0
        self._bytes = 0
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in directory.iterdir():
            path.unlink()

    @property
    def used_bytes(self) -> int:
        """The bytes of all bodies, those that are being written included."""
        return self._bytes + self._reserved_bytes

    def find(self, etag: str | None, fingerprint: bytes) -> SpooledBody | None:
        """Return the body with an ETag, None if there is none for this query."""
        body = self._bodies.get(etag) if etag else None
        if body is None or body.fingerprint != fingerprint:
            return None
        self._bodies.move_to_end(body.etag)
        return body

    def was_too_large(self, fingerprint: bytes) -> bool:
        """Return whether the last body of a query was larger than the whole spool."""
        return fingerprint in self._too_large

    def evict_unused(self) -> None:
        """Delete the bodies that no session uses: rows need the disk space."""
        etags_in_use = self.range_sessions.etags_in_use()
        for etag in [etag for etag in self._bodies if etag not in etags_in_use]:
            evicted = self._bodies.pop(etag)
            self._bytes -= evicted.cost
            _remove(evicted.path)

    async def build_once(
        self, key: Hashable, build_body: Callable[[], Awaitable[SpooledBody]]
    ) -> SpooledBody:
        """Build a body, or wait for a running build with the same key.

        The build is canceled when its last waiter is.
        """
        build = self._builds.get(key)
        if build is None:
            build = self._builds[key] = _Build(asyncio.ensure_future(build_body()))
        build.waiters += 1
        try:
            return await asyncio.shield(build.task)
        finally:
            build.waiters -= 1
            if not build.waiters:
                del self._builds[key]
                build.task.cancel()

    async def store(
        self,
        fingerprint: bytes,
        status: int,
        headers: Mapping[str, str],
        chunks: AsyncIterable[bytes],
        count_rows: Callable[[], int],
    ) -> SpooledBody:
        """Write a whole body to a file, and delete the oldest bodies while the spool is over its bound.

        `count_rows` returns the number of rows in the chunks, after the last of them.

        Raises:
            GatewayError: The body is larger than the spool, or the disk is full.
        """
        descriptor, name = tempfile.mkstemp(dir=self._directory)
        size = 0
        try:
            with os.fdopen(descriptor, "wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    self._reserve(len(chunk), fingerprint)
                    await asyncio.to_thread(file.write, chunk)
        except BaseException as error:
            _remove(name)
            if isinstance(error, OSError):
                raise GatewayError(Code.DISK_FULL, hint="send the request without Range") from error
            raise
        finally:
            self._reserved_bytes -= size
        self._too_large.pop(fingerprint, None)
        boundaries = await asyncio.to_thread(boundaries_of, Path(name), headers["Content-Type"])
        body = SpooledBody(Path(name), size, fingerprint, status, headers, boundaries, count_rows())
        return self._add(body)

    def _reserve(self, size: int, fingerprint: bytes) -> None:
        """Reserve disk space for a chunk before it is written; concurrent requests share the bound."""
        self._reserved_bytes += size
        if self._disk.free - self._reserved_bytes < self._disk.reserve * FREE_SPACE_RESERVES:
            self.evict_unused()
            message = "the disk has too little free space to spool a result for byte ranges"
            raise GatewayError(Code.SPOOL_FULL, message, hint="send the request without Range")
        if self._reserved_bytes > self._max_bytes:
            self._too_large[fingerprint] = None
            while len(self._too_large) > _MAX_TOO_LARGE_QUERIES:
                self._too_large.popitem(last=False)
            hint = "send the request without Range; filter more rows out; or raise GATEWAY_SPOOL"
            message = f"the result is larger than the {self._max_bytes} bytes that the spool may hold"
            raise GatewayError(Code.SPOOL_FULL, message, hint=hint)

    def _add(self, body: SpooledBody) -> SpooledBody:
        if twin := self._bodies.get(body.etag):  # Its bytes are the same, and sessions continue in them.
            self._bodies.move_to_end(twin.etag)
            _remove(body.path)
            return twin
        self._bodies[body.etag] = body
        self._bytes += body.cost
        while self._bytes > self._max_bytes and len(self._bodies) > 1:
            _, oldest = self._bodies.popitem(last=False)
            self._bytes -= oldest.cost
            _remove(oldest.path)
        return body


class _Build:
    """A body that is being built, and the number of its waiters."""

    def __init__(self, task: asyncio.Future[SpooledBody]) -> None:
        self.task = task
        self.waiters = 0


def _remove(path: Path | str) -> None:
    """Delete a file; responses that still send it hold it open."""
    Path(path).unlink(missing_ok=True)
