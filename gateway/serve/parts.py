"""Parts of a body (`Range: bytes=…`, RFC 9110 section 14), for readers that seek, such as those of Parquet.

Such a reader comes several times, and must find the same bytes each time: what it reads is kept in a file,
and whoever has begun one goes on in it, whatever has been stored in between.
"""

import asyncio
import contextlib
import os
import re
import tempfile
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gateway.errors import Code, GatewayError
from gateway.machine import Disk
from gateway.query.render import Rendering

_BYTES = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})")
_CHUNK = 256 * 1024
#: How many readers are remembered between their requests.
_MAX_READERS = 1000

#: How long after one part a reader that asks for another is taken to go on with the same body.
READING_SECONDS = 20.0
#: The free space of the disk, in reserves, below which no more results are put on it: rows go first.
SPARED = 1.25

#: Who reads what: the client's address and name for itself, and what it asks for.
Reader = tuple[str, str | None, bytes]


@dataclass(frozen=True, slots=True)
class Part:
    """One range of bytes: `first` to `last`, or where `first` is None the `last` bytes there are."""

    first: int | None
    last: int | None

    @property
    def is_beginning(self) -> bool:
        """Whether it is what a reader of Parquet asks for first: the end of the file, where its index is."""
        return self.first is None

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


def parse(header: str | None) -> Part | None:
    """Read a Range header; None where it names no bytes, or several ranges, which nobody has to serve."""
    found = _BYTES.fullmatch((header or "").strip())
    if not found or found.groups() == ("", ""):
        return None
    first, last = (int(each) if each else None for each in found.groups())
    return None if first is not None and last is not None and last < first else Part(first, last)


@dataclass(frozen=True, slots=True)
class Kept:
    """A whole body in a file, with the headers it is sent with."""

    path: Path
    size: int
    headers: Mapping[str, str]

    @property
    def cost(self) -> int:
        """How many bytes it takes to keep, an empty one too."""
        return self.size + 4096

    @property
    def etag(self) -> str:
        """Which representation it is."""
        return self.headers["ETag"]


class Spool:
    """The bodies that are kept in files, the latest of them, bounded in bytes. Belongs to the event loop."""

    def __init__(self, directory: Path, most_bytes: int, disk: Disk) -> None:
        """Empty the directory: nobody goes on with what another process began."""
        self._disk = disk
        self._directory = directory
        self._most = most_bytes
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._readers: OrderedDict[Reader, tuple[str, float]] = OrderedDict()
        self._writing = 0
        self._bytes = 0
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in directory.iterdir():
            path.unlink()

    def find(self, etag: str | None) -> Kept | None:
        """Give the body of an ETag."""
        kept = self._kept.get(etag) if etag else None
        if kept:
            self._kept.move_to_end(kept.etag)
        return kept

    def begun(self, reader: Reader) -> Kept | None:
        """Give the body that a reader has begun and was reading just now."""
        etag, moment = self._readers.get(reader, (None, 0.0))
        return self.find(etag) if time.monotonic() - moment < READING_SECONDS else None

    def reads(self, reader: Reader, kept: Kept) -> None:
        """Remember what a reader reads."""
        self._readers[reader] = (kept.etag, time.monotonic())
        self._readers.move_to_end(reader)
        while len(self._readers) > _MAX_READERS:
            self._readers.popitem(last=False)

    def give_way(self) -> None:
        """Forget what nobody is reading now: the space is needed for rows."""
        now = time.monotonic()
        read = {etag for etag, moment in self._readers.values() if now - moment < READING_SECONDS}
        for etag in [etag for etag in self._kept if etag not in read]:
            forgotten = self._kept.pop(etag)
            self._bytes -= forgotten.cost
            _remove(forgotten.path)

    async def keep(self, rendering: Rendering, headers: Mapping[str, str]) -> Kept:
        """Write a whole body into a file and forget the oldest, closing the rendering.

        Raises:
            GatewayError: Where it is larger than all that may be kept, or the disk is full.
        """
        descriptor, name = tempfile.mkstemp(dir=self._directory)
        size = 0
        try:
            with os.fdopen(descriptor, "wb") as file:
                async for piece in _pieces(rendering):
                    size += len(piece)
                    self._take(len(piece))
                    await asyncio.to_thread(file.write, piece)
        except BaseException as error:
            _remove(name)
            if isinstance(error, OSError):
                raise GatewayError(Code.DISK_FULL, hint="ask without Range") from error
            raise
        finally:
            self._writing -= size
            await rendering.close()
        return self._add(Kept(Path(name), size, headers))

    def _take(self, size: int) -> None:
        """Take room for what is about to be written, by as many requests as there are."""
        self._writing += size
        if self._disk.free - self._writing < self._disk.reserve * SPARED:
            self.give_way()
            message = "the disk has too little space for results that are read in parts"
            raise GatewayError(Code.SPOOL_FULL, message, hint="ask for it whole, without Range")
        if self._writing > self._most:
            hint = "ask for it whole, without Range; filter more; or raise GATEWAY_SPOOL"
            message = f"the result is larger than the {self._most} bytes that are kept for reading in parts"
            raise GatewayError(Code.SPOOL_FULL, message, hint=hint)

    def _add(self, kept: Kept) -> Kept:
        if twin := self._kept.pop(kept.etag, None):
            _remove(twin.path)
            self._bytes -= twin.cost
        self._kept[kept.etag] = kept
        self._bytes += kept.cost
        while self._bytes > self._most and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.cost
            _remove(oldest.path)
        return kept


async def _pieces(rendering: Rendering) -> AsyncIterator[bytes]:
    if rendering.whole is not None:
        yield rendering.whole
        return
    async for piece in rendering:
        yield piece


def _remove(path: Path | str) -> None:
    """Remove a file; whoever is reading it has it open."""
    Path(path).unlink(missing_ok=True)


class Slice:
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
