"""The OpenAPI documents of the live snapshot, written in a thread once for each set of rights."""

import asyncio
import functools
import hashlib
import time
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

from gateway import strictjson
from gateway.auth.permissions import Verb
from gateway.connectors.connector import Connector
from gateway.endpoints.live import Live, Snapshot
from gateway.openapi import document
from gateway.openapi.connector_part import ConnectorPart
from gateway.query.compression import compressor_of

#: Documents that are kept: of the connectors of one snapshot, for different rights.
MAX_DOCUMENTS = 64
#: Parts that are kept: of connectors, also of earlier snapshots, for different rights. One takes some 40 kB.
MAX_PARTS = 1024
#: How deep a document is written member by member: to each schema and each parameter.
_CHUNKED_DEPTH = 3
#: How long a document is written without a pause, and how long a pause is.
_WORK_SECONDS, _PAUSE_SECONDS = 0.001, 0.0005
#: The connectors in a document by name, each with the verbs of its asker.
Seen: TypeAlias = tuple[tuple[str, frozenset[Verb]], ...]


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """Everything that a document depends on, besides the snapshot.

    Attributes:
        seen: The connectors in it.
        server: The URL of the gateway, relative to the document.
        title: Its title.
    """

    seen: Seen
    server: str
    title: str = "gateway"


@dataclass(frozen=True, slots=True)
class WrittenDocument:
    """A document as bytes.

    Attributes:
        digest: Identifies its contents.
        compressed: Its JSON, compressed with gzip, which is the form that nearly all clients take.
    """

    digest: str
    compressed: bytes

    def plain(self) -> bytes:
        """Return its JSON."""
        return zlib.decompress(self.compressed, wbits=31)


class OpenApiDocuments:
    """Builds documents, and keeps them until the snapshot changes. Belongs to the event loop.

    One thread builds them, so that they never take more than one processor from requests.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._snapshot: Snapshot | None = None
        self._documents: OrderedDict[DocumentKey, asyncio.Future[WrittenDocument]] = OrderedDict()
        self._pool = ThreadPoolExecutor(1, "openapi")
        self._writer = DocumentWriter()

    async def find(self, key: DocumentKey) -> WrittenDocument:
        """Return the document of the live snapshot; all who ask for it meanwhile wait for the same one."""
        snapshot = self._live.snapshot
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._documents.clear()
        if key not in self._documents:
            connectors = [(snapshot.endpoints[name].connector, verbs) for name, verbs in key.seen]
            loop = asyncio.get_running_loop()
            written = loop.run_in_executor(self._pool, self._writer.write, connectors, key)
            self._documents[key] = written
            written.add_done_callback(functools.partial(self._drop_failed, key))
            if len(self._documents) > MAX_DOCUMENTS:
                self._documents.popitem(last=False)
        self._documents.move_to_end(key)
        # A client that disconnects must not cancel the build for the others.
        return await asyncio.shield(self._documents[key])

    def _drop_failed(self, key: DocumentKey, written: "asyncio.Future[WrittenDocument]") -> None:
        """Forget a document that could not be built, so that the next request tries again."""
        has_failed = written.cancelled() or written.exception() is not None
        if has_failed and self._documents.get(key) is written:
            del self._documents[key]

    async def plain(self, written: WrittenDocument) -> bytes:
        """Return the JSON of a document."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, written.plain)


class _Pauses:
    """Pauses of a thread, which give the GIL to the threads that wait for it.

    PERF: a thread that only releases the GIL takes it again at once, and each step of a POST then waits up to 5 ms.
    """

    def __init__(self) -> None:
        self._due = time.perf_counter() + _WORK_SECONDS

    def take(self) -> None:
        """Pause if the thread has worked for long enough since the last pause."""
        if time.perf_counter() >= self._due:
            time.sleep(_PAUSE_SECONDS)
            self._due = time.perf_counter() + _WORK_SECONDS


class DocumentWriter:
    """Writes documents, and keeps the parts of connectors that have not changed. Belongs to one thread."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, frozenset[Verb], str], tuple[Connector, ConnectorPart]] = {}

    def write(
        self, connectors: Sequence[tuple[Connector, frozenset[Verb]]], key: DocumentKey
    ) -> WrittenDocument:
        """Write the document of connectors."""
        suffixes = document.operation_suffixes(connector.name for connector, _ in connectors)
        parts, pauses = [], _Pauses()
        for connector, verbs in connectors:
            parts.append(self._part(connector, verbs, suffixes[connector.name]))
            pauses.take()
        digest, compressor, compressed = hashlib.sha256(), compressor_of("gzip"), []
        for chunk in strictjson.chunks(document.of_parts(parts, key.server, key.title), _CHUNKED_DEPTH):
            digest.update(chunk)
            compressed.append(compressor.compress(chunk))
            pauses.take()
        compressed.append(compressor.flush())
        return WrittenDocument(digest.hexdigest()[:32], b"".join(compressed))

    def _part(self, connector: Connector, verbs: frozenset[Verb], suffix: str) -> ConnectorPart:
        key = (connector.name, verbs, suffix)
        found = self._parts.get(key)
        if found is None or found[0] is not connector:
            if len(self._parts) >= MAX_PARTS:
                self._parts.clear()
            found = self._parts[key] = (connector, ConnectorPart.of(connector, verbs, suffix).written())
        return found[1]
