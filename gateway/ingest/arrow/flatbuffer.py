"""Tables of FlatBuffers, read without a schema: https://flatbuffers.dev/internals/ ."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_INT16, _UINT16, _INT32, _UINT32, _INT64 = (struct.Struct(f"<{code}") for code in "hHiIq")


@dataclass(frozen=True, slots=True)
class FlatTable:
    """A table in a buffer. Its methods raise struct.error where the buffer ends too early.

    Attributes:
        buffer: The buffer.
        place: Where the table begins.
    """

    buffer: memoryview
    place: int

    def byte(self, number: int) -> int:
        """Return a field of one byte; an absent field is 0."""
        place = self._field(number)
        return 0 if place is None else struct.unpack_from("<B", self.buffer, place)[0]

    def long(self, number: int) -> int:
        """Return a field of eight bytes; an absent field is 0."""
        place = self._field(number)
        return 0 if place is None else _INT64.unpack_from(self.buffer, place)[0]

    def table(self, number: int) -> "FlatTable | None":
        """Return a field that is a table, or None if it is absent."""
        place = self._field(number)
        return None if place is None else root_at(self.buffer, place)

    def structs(self, number: int, form: str) -> Iterator[tuple[int, ...]]:
        """Yield the structs of a list; `form` is that of `struct`. An absent list has none."""
        place = self._field(number)
        if place is None:
            return iter(())
        start = place + _UINT32.unpack_from(self.buffer, place)[0]
        count = _UINT32.unpack_from(self.buffer, start)[0]
        each = struct.Struct(form)
        part = self.buffer[start + 4 : start + 4 + count * each.size]
        if len(part) != count * each.size:
            raise struct.error
        return each.iter_unpack(part)

    def _field(self, number: int) -> int | None:
        table = self.place - _INT32.unpack_from(self.buffer, self.place)[0]
        if table < 0:
            raise struct.error
        if 4 + 2 * number >= _UINT16.unpack_from(self.buffer, table)[0]:
            return None
        offset = _UINT16.unpack_from(self.buffer, table + 4 + 2 * number)[0]
        return self.place + offset if offset else None


def root_at(buffer: memoryview, place: int = 0) -> FlatTable:
    """Return the table that the offset at a place refers to."""
    return FlatTable(buffer, place + _UINT32.unpack_from(buffer, place)[0])
