"""A spooled body: a whole response body in a file, from which ranges are sent."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq

from gateway.media_types import Media

_CHUNK = 256 * 1024
#: What ends a Parquet file, behind its metadata: how long these are, and a mark.
_PARQUET_TRAILER = 8
#: Of a Parquet file with more chunks only the place of the metadata is looked up.
_MAX_CHUNKS = 10_000


@dataclass(frozen=True, slots=True)
class SpooledBody:
    """A whole body in a file, with the status and the headers it is sent with.

    Attributes:
        question: What it answers.
        borders: Where the pieces of a Parquet file begin and end, and its metadata; none in other formats.
    """

    path: Path
    size: int
    question: bytes
    status: int
    headers: Mapping[str, str]
    borders: frozenset[int] = frozenset()

    @property
    def cost(self) -> int:
        """How many bytes it takes to keep, an empty one too."""
        return self.size + 4096

    @property
    def etag(self) -> str:
        """Which representation it is."""
        return self.headers["ETag"]


def borders_of(path: Path, content_type: str) -> frozenset[int]:
    """Return where readers of a Parquet file cut it: between the chunks of its columns, and before its metadata."""
    if content_type != Media.PARQUET.content_type:
        return frozenset()
    with pq.ParquetFile(path) as file:
        metadata = file.metadata
    found = {path.stat().st_size - _PARQUET_TRAILER - metadata.serialized_size}
    if metadata.num_row_groups * metadata.num_columns <= _MAX_CHUNKS:
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            for chunk in map(group.column, range(metadata.num_columns)):
                first = chunk.dictionary_page_offset or chunk.data_page_offset
                found |= {first, first + chunk.total_compressed_size}
    return frozenset(found)


class FileSlice:
    """Some bytes of a file on their way out; an async iterable with `close`, as Falcon wants its streams."""

    def __init__(self, file: BinaryIO, place: int, length: int) -> None:
        self._file = file
        self._place = place
        self._length = length

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the bytes."""
        place, end = self._place, self._place + self._length
        while place < end:
            piece = await asyncio.to_thread(os.pread, self._file.fileno(), min(_CHUNK, end - place), place)
            place += len(piece)
            yield piece

    async def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            self._file.close()
