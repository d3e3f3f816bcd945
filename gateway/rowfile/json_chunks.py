"""JSON in chunks: the elements of an array as they are written, not parsed."""

import contextlib
import re
from collections.abc import Iterator, Sequence

import msgspec

from gateway.media_types import Media
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.read_buffer import READ_BYTES, ReadBuffer
from gateway.rowfile.source_reader import SourceReader

#: Complete strings and other characters, then the next bracket or comma outside strings.
_MARK = re.compile(rb'(?:[^"{}\[\],]++|"(?:[^"\\]++|\\.)*+")*+([{}\[\],])', re.DOTALL)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
#: How many ends of objects, from the end of the buffer, are tried as the end of an element.
_TRIES_MAX = 8


def json_chunks(reader: SourceReader, size: int) -> Iterator[Chunk]:
    """Yield the elements of a JSON array in chunks; any other JSON value is one chunk."""
    buffer = ReadBuffer(reader)
    buffer.fill(size)
    start = len(buffer.data) - len(buffer.data.lstrip())
    buffer.take(start)
    if not buffer.data.startswith(b"["):
        buffer.fill(2**62)
        if buffer.data.strip():
            yield Chunk(buffer.data, Media.JSON, None, buffer.bytes_read, elements=(buffer.data.strip(),))
        return
    buffer.take(1)
    waiting: list[bytes] = []
    held = 0
    for element in _ArrayElements(buffer, size):
        if waiting and held + len(element) > size:
            yield _array(waiting, buffer)
            waiting, held = [], 0
        waiting.append(element)
        held += len(element) + 1
    if waiting:
        yield _array(waiting, buffer)


def _array(elements: list[bytes], buffer: ReadBuffer) -> Chunk:
    data = b"[" + b",".join(elements) + b"]"
    return Chunk(data, Media.JSON, None, buffer.bytes_read, elements=tuple(elements))


class _ArrayElements:
    """The elements of an array as they are written, not parsed. The buffer starts after the opening bracket."""

    def __init__(self, buffer: ReadBuffer, size: int) -> None:
        self._buffer = buffer
        self._more = max(READ_BYTES, size)
        #: Offsets in the buffer: the start of the element, and the end of what was scanned.
        self._begin = self._place = 0
        #: Whether the buffer was not searched for many elements at once since it was filled.
        self._is_filled = True

    def __iter__(self) -> Iterator[bytes]:
        depth = 0
        yield from self._many()
        while (mark := self._next_mark()) != b"]" or depth:
            if mark in b"{[":
                depth += 1
            elif mark in b"}]":
                depth -= 1
            elif not depth:
                yield self._element()
                yield from self._many()
        last = self._element()
        if last:
            yield last
        self._buffer.fill(READ_BYTES)
        if self._buffer.data[self._begin :].strip():
            what = (
                "data follows the end of the JSON array; a file with one value per line must be named .ndjson"
            )
            raise ValueError(f"{self._buffer.shown}: {what}")

    def _many(self) -> Sequence[bytes]:
        """Return the elements that are whole in a filled buffer, but the last of them, if all are valid JSON.

        PERF: msgspec is ten times as fast as a search for marks. Text that it parses has the same elements.
        """
        if not self._is_filled:
            return ()
        self._is_filled = False
        data, end = self._buffer.data, len(self._buffer.data)
        for _ in range(_TRIES_MAX):
            end = data.rfind(b"}", self._begin, end)
            if end < 0:
                break
            with contextlib.suppress(msgspec.DecodeError, RecursionError):
                # The last } may be one inside an element. Then this text ends too early, and is refused.
                text = b"".join((b"[", memoryview(data)[self._begin : end + 1], b"]"))
                *elements, last = map(bytes, _ARRAY.decode(text))
                self._begin = self._place = end + 1 - len(last)
                return elements
        return ()

    def _next_mark(self) -> bytes:
        """Find the next bracket or comma outside strings."""
        while not (found := _MARK.match(self._buffer.data, self._place)):
            if self._buffer.is_at_end:
                what = "the JSON array ends without its ], so the file was probably cut off; write it again"
                raise ValueError(f"{self._buffer.shown}: {what}")
            self._buffer.take(self._begin)
            self._begin, self._place = 0, self._place - self._begin
            self._buffer.fill(len(self._buffer.data) + self._more)
            self._is_filled = True
        self._place = found.end()
        return found[1]

    def _element(self) -> bytes:
        element = self._buffer.data[self._begin : self._place - 1].strip()
        self._begin = self._place
        return element
