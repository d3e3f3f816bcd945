"""Spooled body: a whole response body in a file, from which byte ranges are sent."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq

from gateway.media_types import Media

_CHUNK_BYTES = 256 * 1024
#: The end of a Parquet file after its metadata: the length of the metadata and the magic number.
_PARQUET_TRAILER_BYTES = 8
#: If a Parquet file has more column chunks, only the offset of its metadata is a boundary.
_MAX_PARQUET_CHUNKS = 10_000


@dataclass(frozen=True, slots=True)
class SpooledBody:
    """A whole body in a file, with the status and the headers it is sent with.

    Attributes:
        fingerprint: The fingerprint of its query.
        boundaries: Offsets at which the column chunks of a Parquet file begin and end, and that of its metadata; empty
            in other formats.
        rows: The number of rows in it.
    """

    path: Path
    size: int
    fingerprint: bytes
    status: int
    headers: Mapping[str, str]
    boundaries: frozenset[int] = frozenset()
    rows: int = 0

    @property
    def cost(self) -> int:
        """The bytes that it occupies in the spool, also if the body is empty."""
        return self.size + 4096

    @property
    def etag(self) -> str:
        """The ETag of the representation."""
        return self.headers["ETag"]


def boundaries_of(path: Path, content_type: str) -> frozenset[int]:
    """Return the offsets at which clients split a Parquet file: between its column chunks, and before its metadata."""
    if content_type != Media.PARQUET.content_type:
        return frozenset()
    with pq.ParquetFile(path) as file:
        metadata = file.metadata
    offsets = {path.stat().st_size - _PARQUET_TRAILER_BYTES - metadata.serialized_size}
    if metadata.num_row_groups * metadata.num_columns <= _MAX_PARQUET_CHUNKS:
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            for chunk in map(group.column, range(metadata.num_columns)):
                first = chunk.dictionary_page_offset or chunk.data_page_offset
                offsets |= {first, first + chunk.total_compressed_size}
    return frozenset(offsets)


class FileSlice:
    """A byte range of a file as an async iterable with `close`, which Falcon requires of a stream."""

    def __init__(self, file: BinaryIO, offset: int, length: int) -> None:
        self._file = file
        self._place = offset
        self._length = length

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the bytes in chunks."""
        offset, end = self._place, self._place + self._length
        while offset < end:
            chunk = await asyncio.to_thread(
                os.pread, self._file.fileno(), min(_CHUNK_BYTES, end - offset), offset
            )
            offset += len(chunk)
            yield chunk

    async def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            self._file.close()
