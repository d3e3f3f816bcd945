"""The blocks of a closed DuckDB file: which of them hold metadata, and their checksums.

A checkpoint writes metadata into free parts of its blocks, and then a new header that points there. The parts that
the old header points to stay unchanged, but the whole block is written, and has one checksum.
https://duckdb.org/docs/stable/internals/storage, and single_file_block_manager.cpp and metadata_manager.cpp of DuckDB.
"""

import os
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: The positions of the two headers of the database; the one with the higher iteration is current.
_HEADERS = (4096, 8192)
_HEADER_BYTES = 4096
#: Follows the checksum of the main header.
_MAGIC = b"DUCK"
#: The position of the first block.
_FIRST = 12288
_CHECKSUM_BYTES = 8
#: The number of parts of a metadata block; each part begins with a pointer to the next.
_PARTS = 64
_NO_POINTER = 2**64 - 1
_MOST_BLOCK_BYTES = 2**24
_MULTIPLIER = 0xBF58476D1CE4E5B9
_SEED = 5381
_MASK = 2**64 - 1


class Unreadable(Exception):  # noqa: N818  # a state of a file
    """The file does not have the known layout."""


@dataclass(frozen=True, slots=True)
class Header:
    """The current header.

    Attributes:
        iteration: The number of the checkpoint that wrote it.
        free_list: A pointer to the list of free blocks; the list of metadata blocks follows it.
        block_count: The number of blocks of the file.
        block_bytes: The size of a block, its checksum included.
    """

    iteration: int
    free_list: int
    block_count: int
    block_bytes: int


def is_database(file: Path) -> bool:
    """Return whether a file begins as DuckDB files do."""
    with file.open("rb", buffering=0) as opened:
        return os.pread(opened.fileno(), len(_MAGIC), _CHECKSUM_BYTES) == _MAGIC


def metadata(file: Path) -> frozenset[int]:
    """Return the positions of the metadata blocks, as the file itself lists them; checksums are not checked.

    Raises:
        Unreadable: The file does not have the known layout.
        OSError: It cannot be read.
    """
    with file.open("rb", buffering=0) as opened:
        header = _header(opened.fileno())
        numbers = _Words(opened.fileno(), header)
        for _ in range(numbers.next(8, header.block_count)):
            numbers.next(8)  # A free block.
        for _ in range(numbers.next(8, header.block_count)):
            numbers.next(8 + 4)  # A block that several tables use, and their number.
        found = []
        for _ in range(numbers.next(8, header.block_count)):
            found.append(numbers.next(8, header.block_count))
            numbers.next(8)  # The parts of it that are free.
    return frozenset(_FIRST + number * header.block_bytes for number in found)


def checksum(block: bytes) -> int:
    """Compute the checksum that a block should begin with."""
    words = array("Q", block[_CHECKSUM_BYTES:])
    if struct.pack("=H", 1) != struct.pack("<H", 1):
        words.byteswap()
    total = _SEED
    for word in words:
        total ^= word * _MULTIPLIER & _MASK
    return total


def checksum_of(block: bytes) -> int:
    """Return the checksum at the start of a block."""
    return int.from_bytes(block[:_CHECKSUM_BYTES], "little")


def read(file: Path, place: int) -> bytes:
    """Read the block at a position.

    Raises:
        Unreadable: The file ends before the end of the block.
        OSError: It cannot be read.
    """
    with file.open("rb", buffering=0) as opened:
        size = _header(opened.fileno()).block_bytes
        return _read(opened.fileno(), place, size)


def write_checksum(file: Path, place: int, value: int) -> None:
    """Write the checksum of the block at a position; return when it is on the disk."""
    with file.open("r+b", buffering=0) as opened:
        os.pwrite(opened.fileno(), value.to_bytes(_CHECKSUM_BYTES, "little"), place)
        os.fsync(opened.fileno())


def _header(descriptor: int) -> Header:
    found = []
    for place in _HEADERS:
        raw = _read(descriptor, place, _HEADER_BYTES)
        iteration, _, free_list, count, size = struct.unpack_from("<5Q", raw, _CHECKSUM_BYTES)
        if checksum(raw) == checksum_of(raw):
            found.append(Header(iteration, free_list, count, size))
    if not found:
        raise Unreadable("neither of its headers is whole")
    header = max(found, key=lambda each: each.iteration)
    if not 4096 <= header.block_bytes <= _MOST_BLOCK_BYTES or header.free_list == _NO_POINTER:
        raise Unreadable("its header does not tell where its metadata is")
    return header


class _Words:
    """The numbers in a chain of metadata parts, one after another."""

    def __init__(self, descriptor: int, header: Header) -> None:
        self._descriptor = descriptor
        self._header = header
        self._bytes = bytearray()
        self._parts = self._chain(header.free_list)

    def next(self, size: int, most: int | None = None) -> int:
        """Return the next number of `size` bytes; a number above `most` is unreadable."""
        while len(self._bytes) < size:
            part = next(self._parts, None)
            if part is None:
                raise Unreadable("its list of blocks ends too early")
            self._bytes += part
        number = int.from_bytes(self._bytes[:size], "little")
        del self._bytes[:size]
        if most is not None and number > most:
            raise Unreadable("its list of blocks is none")
        return number

    def _chain(self, pointer: int) -> Iterator[bytes]:
        part_bytes = (self._header.block_bytes - _CHECKSUM_BYTES) // _PARTS // 8 * 8
        for _ in range(self._header.block_count * _PARTS):
            if pointer == _NO_POINTER:
                return
            block, part = pointer & 2**56 - 1, pointer >> 56
            place = _FIRST + block * self._header.block_bytes + _CHECKSUM_BYTES + part * part_bytes
            raw = _read(self._descriptor, place, part_bytes)
            pointer = int.from_bytes(raw[:8], "little")
            yield raw[8:]


def _read(descriptor: int, place: int, size: int) -> bytes:
    raw = os.pread(descriptor, size, place)
    if len(raw) != size:
        raise Unreadable(f"it ends before the {size} bytes at {place}")
    return raw
