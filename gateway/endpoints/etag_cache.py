"""ETags, and the responses that are cached under them.

An ETag identifies one query over one version of a connector's rows. A request with a known ETag needs no database.
A response that is cached under it is never stale, because each commit makes another ETag.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from gateway import __version__
from gateway.query.statement import Statement
from gateway.store.interface import Version


@dataclass(frozen=True, slots=True)
class TaggedResponse:
    """A whole response.

    Attributes:
        fingerprint: The fingerprint of its query.
        version: The version of its rows, None if it is unknown.
        rows: The number of rows in the body; 0 if the rows are streamed, because the stream counts them.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    fingerprint: bytes = b""
    version: Version | None = None
    rows: int = 0

    @property
    def is_compressed(self) -> bool:
        """True if the body is compressed."""
        return "Content-Encoding" in self.headers

    @property
    def size(self) -> int:
        """The bytes that it occupies in memory; the overhead of the objects is an estimate."""
        return len(self.body) + sum(len(name) + len(value) for name, value in self.headers.items()) + 1024


def fingerprint(statement: Statement, *variants: str | bool | None) -> bytes:
    """Return a fingerprint of the query, independent of the rows.

    Args:
        statement: The query; two query strings with the same meaning make the same statement.
        variants: Everything else that distinguishes two representations.
    """
    connector, sql = statement.connector, statement.page
    names = [column.name for column in statement.query.select]
    identity = (
        __version__,
        connector.name,
        connector.text,
        connector.revision,
        sql.text,
        sql.parameters,
        names,
        statement.output,
        variants,
    )
    return hashlib.sha256(repr(identity).encode("utf-8", "surrogatepass")).digest()


def etag_of(fingerprint: bytes, version: Version, coding: str | None) -> str:
    """Return the strong ETag (RFC 9110 section 8.8.3) of a query's response over one version of the rows."""
    identity = fingerprint + repr((version, coding)).encode()
    return f'"{hashlib.sha256(identity).hexdigest()[:32]}"'


class EtagCache:
    """The most recently used whole responses, bounded in bytes. Belongs to the event loop.

    Attributes:
        bytes: The bytes that the responses occupy.
        hits: How many parsed requests were answered from the cache.
        misses: How many were not.
        repeats: How many requests were answered before they were parsed.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._responses: OrderedDict[str, TaggedResponse] = OrderedDict()
        self.bytes = self.hits = self.misses = self.repeats = 0

    def find(self, etag: str | None) -> TaggedResponse | None:
        """Return the response under an ETag, or None."""
        response = self._responses.get(etag) if etag else None
        if etag and response:
            self._responses.move_to_end(etag)
        return response

    def find_counted(self, etag: str | None) -> TaggedResponse | None:
        """Return the response as `find` does, and count a hit or a miss."""
        response = self.find(etag)
        if response is None:
            self.misses += 1
        else:
            self.hits += 1
        return response

    def store(self, etag: str, response: TaggedResponse) -> None:
        """Cache a response, and evict the least recently used ones."""
        if etag in self._responses or response.size > self._max_bytes:
            return
        self._responses[etag] = response
        self.bytes += response.size
        while self.bytes > self._max_bytes:
            _, evicted = self._responses.popitem(last=False)
            self.bytes -= evicted.size
