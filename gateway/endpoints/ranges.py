"""Parts of a body (`Range: bytes=…`, RFC 9110 section 14), for readers that seek, such as those of Parquet."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pyarrow.parquet as pq

from gateway.errors import Code, GatewayError
from gateway.media_types import Media

_BYTES = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})")
_CHUNK = 256 * 1024
#: What ends a Parquet file, behind its metadata: how long these are, and a mark.
_PARQUET_TRAILER = 8
#: Of a Parquet file with more chunks only the place of the metadata is looked up.
_MAX_CHUNKS = 10_000


@dataclass(frozen=True, slots=True)
class ByteRange:
    """One range of bytes: `first` to `last`, or where `first` is None the `last` bytes there are."""

    first: int | None
    last: int | None

    def of(self, size: int) -> tuple[int, int]:
        """Give the place and the length of it in a body.

        Raises:
            GatewayError: Where the body has no such bytes.
        """
        if self.first is None:
            length = min(self.last or 0, size)
            start, stop = size - length, size
        else:
            start, stop = self.first, size if self.last is None else min(self.last + 1, size)
        if start >= stop:
            message = f"the body has {size} bytes, and none in that range"
            raise GatewayError(Code.RANGE_INVALID, message, headers={"Content-Range": f"bytes */{size}"})
        return start, stop - start


def parse(header: str | None) -> ByteRange | None:
    """Read a Range header; None where it names no bytes, or several ranges, which nobody has to serve."""
    found = _BYTES.fullmatch((header or "").strip())
    if not found or found.groups() == ("", ""):
        return None
    first, last = (int(each) if each else None for each in found.groups())
    return None if first is not None and last is not None and last < first else ByteRange(first, last)


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
