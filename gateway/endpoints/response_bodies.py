"""Bodies: the answers to what a connector's readers ask for, as they are now, in memory or in files."""

from collections.abc import AsyncIterator

from gateway.endpoints.etag_cache import EtagCache, TaggedResponse
from gateway.endpoints.read_request import ReadRequest
from gateway.endpoints.spool import Spool
from gateway.endpoints.spooled_body import SpooledBody
from gateway.errors import Code, GatewayError
from gateway.query.read_pool import ReadPool
from gateway.query.render import Rendering
from gateway.store.interface import StoreReader, Version


class ResponseBodies:
    """Those of one connector. Belongs to the event loop."""

    def __init__(
        self, name: str, store: StoreReader, readers: ReadPool, cache: EtagCache, spool: Spool
    ) -> None:
        """Take the connector's name, and where bodies are made and kept."""
        self._name = name
        self._store = store
        self._readers = readers
        self._cache = cache
        self.spool = spool

    @property
    def version(self) -> Version | None:
        """The version of the rows, None while one is being committed."""
        return self._store.version(self._name)

    def known(self, read: ReadRequest, version: Version | None) -> TaggedResponse | None:
        """Give the answer over a version of the rows that is kept in memory."""
        return self._cache.find(read.etag(version))

    async def rendered(self, read: ReadRequest, version: Version | None) -> tuple[TaggedResponse, Rendering]:
        """Read rows, and keep the answer in memory where it is small and of a known version.

        PERF: the version is read with the rows only where the caller knows none, for that is a transaction of three
        statements. Otherwise it is enough that the version is still the same after the rows were read.
        """
        counted = read.prefers.count is not None
        rendering = await Rendering.open(
            self._readers,
            read.statement,
            needs_count=counted,
            coding=read.coding,
            needs_version=version is None,
        )
        seen = rendering.version if version is None else self._settled(version)
        etag = read.etag(seen)
        headers = read.headers(rendering, etag)
        answer = TaggedResponse(read.status(rendering), headers, rendering.whole or b"", read.question, seen)
        if etag and rendering.whole is not None:
            self._cache.keep(etag, answer)
        return answer, rendering

    def find_in_file(self, read: ReadRequest, version: Version | None) -> SpooledBody | None:
        """Give the body over a version of the rows, not compressed, where it is in a file."""
        etags = (read.etag(version, is_plain=is_plain) for is_plain in (False, True))
        return next((kept for etag in etags if (kept := self.spool.find(etag, read.question))), None)

    async def in_file(self, read: ReadRequest) -> SpooledBody:
        """Give the body as it is now, not compressed, in a file.

        Raises:
            GatewayError: Where it is larger than all that may be kept, or the disk is full.
        """
        version = self.version
        if kept := self.find_in_file(read, version):
            return kept
        # While a batch is being committed nobody can say which rows another request is about to read.
        key = (read.question, read.coding, version) if version is not None else object()
        return await self.spool.once(key, lambda: self._filed(read))

    async def in_file_if_small_enough(self, read: ReadRequest) -> SpooledBody | None:
        """Give the body as `in_file` does, None where it is too large to be kept."""
        if self.spool.was_too_large(read.question):
            return None
        try:
            return await self.in_file(read)
        except GatewayError as error:
            if error.code in (Code.SPOOL_FULL, Code.DISK_FULL):
                return None
            raise

    async def of_etag(self, read: ReadRequest, etag: str | None) -> SpooledBody | None:
        """Give the body of an ETag in a file, where there is one or it can still be made."""
        if kept := self.spool.find(etag, read.question):
            return kept
        answer = self._cache.find(etag)
        if answer and answer.question == read.question and not answer.is_compressed:
            return await self.filed(read, answer)
        if not self.is_present(read, etag):
            return None
        kept = await self.in_file(read)
        return kept if kept.etag == etag else None

    def is_present(self, read: ReadRequest, etag: str | None) -> bool:
        """Tell whether an ETag names what there is to read now."""
        version = self.version
        return etag is not None and etag in (read.etag(version), read.etag(version, is_plain=True))

    async def filed(self, read: ReadRequest, answer: TaggedResponse) -> SpooledBody:
        """Put an answer that is whole and not compressed into a file."""
        return await self.spool.keep(read.question, answer.status, answer.headers, _once(answer.body))

    async def _filed(self, read: ReadRequest) -> SpooledBody:
        """Put a new body into a file, under the ETag of the rows that it has, also amid a commit."""
        answer, rendering = await self.rendered(read.plain, None)
        try:
            assert answer.version is not None
            size = None if rendering.whole is None else len(rendering.whole)
            headers = {**answer.headers, "ETag": read.plain_etag(answer.version, size)}
            pieces = rendering if rendering.whole is None else _once(rendering.whole)
            return await self.spool.keep(read.question, answer.status, headers, pieces)
        finally:
            await rendering.close()

    def _settled(self, version: Version) -> Version | None:
        """Return the version of what has just been read, None where rows came meanwhile."""
        return version if self.version == version else None


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
