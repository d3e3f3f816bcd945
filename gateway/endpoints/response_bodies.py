"""Response bodies of a connector's reads: rendered from the current rows, cached in memory or spooled in files."""

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
    """The response bodies of one connector. Belongs to the event loop."""

    def __init__(
        self, name: str, store: StoreReader, readers: ReadPool, cache: EtagCache, spool: Spool
    ) -> None:
        """Bind the connector's name to the services that read and cache its rows."""
        self._name = name
        self._store = store
        self._readers = readers
        self._cache = cache
        self.spool = spool

    @property
    def version(self) -> Version | None:
        """The version of the rows, None while one is being committed."""
        return self._store.version(self._name)

    def find_in_memory(self, read: ReadRequest, version: Version | None) -> TaggedResponse | None:
        """Return the cached response over a version of the rows, or None."""
        return self._cache.find_counted(read.etag(version))

    async def rendered(self, read: ReadRequest, version: Version | None) -> tuple[TaggedResponse, Rendering]:
        """Read rows, and cache the response in memory if it is small and its version is known.

        PERF: the version is read with the rows only if the caller knows none, because that is a transaction of three
        statements. Otherwise it is enough that the version is still the same after the rows were read.
        """
        needs_count = read.prefers.count is not None
        rendering = await Rendering.open(
            self._readers,
            read.statement,
            needs_count=needs_count,
            coding=read.coding,
            needs_version=version is None,
        )
        seen = rendering.version if version is None else self._unchanged_since(version)
        etag = read.etag(seen)
        headers = read.headers(rendering, etag)
        response = TaggedResponse(
            read.status(rendering),
            headers,
            rendering.whole or b"",
            read.fingerprint,
            seen,
            0 if rendering.whole is None else rendering.encoded_rows,
        )
        if etag and rendering.whole is not None:
            self._cache.store(etag, response)
        return response, rendering

    def find_spooled(self, read: ReadRequest, version: Version | None) -> SpooledBody | None:
        """Return the spooled uncompressed body over a version of the rows, or None."""
        etags = (read.etag(version, is_plain=is_plain) for is_plain in (False, True))
        return next((body for etag in etags if (body := self.spool.find(etag, read.fingerprint))), None)

    async def spooled(self, read: ReadRequest) -> SpooledBody:
        """Return the current uncompressed body in a file, and build it if necessary.

        Raises:
            GatewayError: The body is larger than the spool, or the disk is full.
        """
        version = self.version
        if body := self.find_spooled(read, version):
            return body
        # During a commit, two requests may read different rows, so they cannot share a build.
        key = (read.fingerprint, read.coding, version) if version is not None else object()
        return await self.spool.build_once(key, lambda: self._render_to_spool(read))

    async def spooled_if_fits(self, read: ReadRequest) -> SpooledBody | None:
        """Return the body as `spooled` does; None if it is too large or the disk is full."""
        if self.spool.was_too_large(read.fingerprint):
            return None
        try:
            return await self.spooled(read)
        except GatewayError as error:
            if error.code in (Code.SPOOL_FULL, Code.DISK_FULL):
                return None
            raise

    async def find_etag(self, read: ReadRequest, etag: str | None) -> SpooledBody | None:
        """Return the body with an ETag in a file; None if it is not cached and the rows have changed."""
        if body := self.spool.find(etag, read.fingerprint):
            return body
        response = self._cache.find(etag)
        if response and response.fingerprint == read.fingerprint and not response.is_compressed:
            return await self.store_in_spool(read, response)
        if not self.is_current(read, etag):
            return None
        body = await self.spooled(read)
        return body if body.etag == etag else None

    def is_current(self, read: ReadRequest, etag: str | None) -> bool:
        """Return whether an ETag names the current rows."""
        version = self.version
        return etag is not None and etag in (read.etag(version), read.etag(version, is_plain=True))

    async def store_in_spool(self, read: ReadRequest, response: TaggedResponse) -> SpooledBody:
        """Write a whole uncompressed response to a file."""
        return await self.spool.store(
            read.fingerprint,
            response.status,
            response.headers,
            _single_chunk(response.body),
            lambda: response.rows,
        )

    async def _render_to_spool(self, read: ReadRequest) -> SpooledBody:
        """Render a new body to a file, under the ETag of the rows it contains, also during a commit."""
        response, rendering = await self.rendered(read.plain, None)
        try:
            assert response.version is not None
            size = None if rendering.whole is None else len(rendering.whole)
            headers = {**response.headers, "ETag": read.plain_etag(response.version, size)}
            chunks = rendering if rendering.whole is None else _single_chunk(rendering.whole)
            return await self.spool.store(
                read.fingerprint, response.status, headers, chunks, lambda: rendering.encoded_rows
            )
        finally:
            await rendering.close()

    def _unchanged_since(self, version: Version) -> Version | None:
        """Return the version of the rows just read, None if rows were stored in the meantime."""
        return version if self.version == version else None


async def _single_chunk(body: bytes) -> AsyncIterator[bytes]:
    yield body
