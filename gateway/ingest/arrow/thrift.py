"""Structs in Thrift's compact protocol, by the numbers of their fields.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from typing import Any, TypeAlias

#: A struct: its integers, byte strings, lists, and structs by the numbers of their fields. Other values are None.
Struct: TypeAlias = dict[int, Any]

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_VARINTS = frozenset((4, 5, 6))
#: The deepest nesting; a footer of Parquet has six levels.
_DEPTH_MAX = 12
#: A length of a list in its first byte that says that the length follows.
_LONG_LIST = 15


class InvalidThriftError(ValueError):
    """Bytes are not a struct of Thrift, or end too early."""


class ThriftReader:
    """Reads structs from a part of a buffer. One thread at a time.

    Attributes:
        place: Behind what was read.
    """

    def __init__(self, data: memoryview, place: int, end: int) -> None:
        self._data = data
        self._end = min(len(data), end)
        self.place = place

    def struct(self, depth: int = 0) -> Struct:
        """Read a struct.

        Raises:
            InvalidThriftError: It is malformed.
        """
        if depth > _DEPTH_MAX:
            raise InvalidThriftError
        fields: Struct = {}
        number = 0
        while head := self._byte():
            delta, kind = head >> 4, head & 15
            number = number + delta if delta else self._zigzag()
            fields[number] = None if kind in (_TRUE, _FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in _VARINTS:
            return self._zigzag()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind == _BINARY:
            size = self._varint()
            self._skip(size)
            return bytes(self._data[self.place - size : self.place])
        if kind in (_LIST, _SET):
            return self._list(depth + 1)
        if kind == _DOUBLE:
            self._skip(8)
        elif kind in (_TRUE, _FALSE, _BYTE):
            self._skip(1)
        else:
            raise InvalidThriftError  # Parquet has no map.
        return None

    def _list(self, depth: int) -> list[Any]:
        if depth > _DEPTH_MAX:
            raise InvalidThriftError
        head = self._byte()
        count, kind = head >> 4, head & 15
        if count == _LONG_LIST:
            count = self._varint()
        if count > self._end - self.place:
            raise InvalidThriftError
        return [self._value(kind, depth) for _ in range(count)]

    def _byte(self) -> int:
        if not 0 <= self.place < self._end:
            raise InvalidThriftError
        self.place += 1
        return self._data[self.place - 1]

    def _skip(self, size: int) -> None:
        if size > self._end - self.place:
            raise InvalidThriftError
        self.place += size

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise InvalidThriftError

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)


def integer(struct: Struct, number: int) -> int:
    """Return a field that must be an integer.

    Raises:
        InvalidThriftError: It is none.
    """
    value = struct.get(number)
    if not isinstance(value, int):
        raise InvalidThriftError
    return value


def substruct(struct: Any, number: int) -> Struct:
    """Return a field that must be a struct.

    Raises:
        InvalidThriftError: It is none.
    """
    value = struct.get(number) if isinstance(struct, dict) else None
    if not isinstance(value, dict):
        raise InvalidThriftError
    return value


def structs(struct: Struct, number: int) -> list[Struct]:
    """Return a field that must be a list of structs.

    Raises:
        InvalidThriftError: It is none.
    """
    values = struct.get(number)
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise InvalidThriftError
    return values
