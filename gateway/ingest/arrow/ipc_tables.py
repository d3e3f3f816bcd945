"""A body of Arrow IPC, a stream or a file, to an Arrow table. Every size is checked before anything is unpacked.

A message names the length of each of its buffers, and a compressed buffer begins with its length when it is unpacked:
https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
"""

import struct
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.ipc

from gateway.ingest.arrow.end_marker import END_BYTES_MAX, is_end
from gateway.ingest.arrow.flatbuffer import FlatTable, root_at
from gateway.ingest.arrow.malformed import malformed
from gateway.ingest.arrow.unpacked_size import UnpackedSize
from gateway.ingest.binary_formats import ARROW_FILE_MAGIC

#: The most bytes of a schema, and the most columns of all batches: in memory each column takes hundreds of bytes.
_SCHEMA_BYTES_MAX, _NODES_MAX = 4 * 2**20, 2**18
#: The numbers of messages by what they are, and those of the fields that are read, as in Message.fbs and File.fbs.
_DICTIONARY, _RECORDS = 2, 3
_LENGTH, _NODES, _BUFFERS, _COMPRESSION = range(4)
#: The length of a buffer that is not compressed, in place of its length when it is unpacked.
_NOT_COMPRESSED = -1


def read_ipc(data: bytes, size: UnpackedSize) -> pa.Table:
    """Return the table in a body of Arrow IPC.

    Raises:
        GatewayError: The body is malformed, or too large when it is unpacked.
        pa.ArrowException: It is malformed; as do OSError and struct.error.
    """
    source = pa.py_buffer(data)
    is_file = data.startswith(ARROW_FILE_MAGIC)
    sizes = _Sizes(size)
    for message in _file_messages(data, source) if is_file else _stream_messages(source):
        sizes.add(message)
    options = pyarrow.ipc.IpcReadOptions(use_threads=False)
    opened = pyarrow.ipc.open_file if is_file else pyarrow.ipc.open_stream
    return opened(source, options=options).read_all()


def _stream_messages(source: pa.Buffer) -> Iterator[pyarrow.ipc.Message]:
    file, end = pa.BufferReader(source), 0
    for number, message in enumerate(pyarrow.ipc.MessageReader.open_stream(file)):
        if number == 0:
            _require_small_schema(message.metadata.size)
        yield message
        end = file.tell()
    if not is_end(source[end : end + END_BYTES_MAX].to_pybytes()):
        raise malformed("Arrow", "the stream has no end marker, so it is cut off", "send it again, whole")


def _file_messages(data: bytes, source: pa.Buffer) -> Iterator[pyarrow.ipc.Message]:
    """Yield the messages that the footer of a file refers to."""
    tail = len(ARROW_FILE_MAGIC) + 4
    if not data.endswith(ARROW_FILE_MAGIC) or len(data) < 2 * tail:
        raise malformed(
            "Arrow", "the file does not end with ARROW1, so it is cut off", "send it again, whole"
        )
    length = int.from_bytes(data[-tail : 4 - tail], "little")
    if length > len(data) - tail:
        raise malformed("Arrow", f"its footer has {length} bytes, and the body {len(data)}")
    _require_small_schema(length)
    footer = root_at(memoryview(data)[-tail - length : -tail])
    for number in (2, 3):
        for offset, metadata_bytes, body_bytes in footer.structs(number, "<qi4xq"):
            end = offset + metadata_bytes + body_bytes
            if min(offset, metadata_bytes, body_bytes) < 0 or end > len(data):
                raise malformed(
                    "Arrow", "its footer refers to more bytes than it has", "send it again, whole"
                )
            yield pyarrow.ipc.read_message(source.slice(offset, metadata_bytes + body_bytes))


def _require_small_schema(size: int) -> None:
    if size > _SCHEMA_BYTES_MAX:
        problem = f"its schema has {size} bytes; at most {_SCHEMA_BYTES_MAX} are allowed"
        raise malformed("Arrow", problem, "write fewer columns, or less metadata")


class _Sizes:
    """Adds the sizes of messages."""

    def __init__(self, size: UnpackedSize) -> None:
        self._size = size
        self._nodes = 0
        #: The size of each dictionary by its number.
        self._dictionaries: dict[int, int] = {}

    def add(self, message: pyarrow.ipc.Message) -> None:
        """Add the size of a message when it is unpacked."""
        table = root_at(memoryview(message.metadata))
        kind, header = table.byte(1), table.table(2)
        if header is None or kind not in (_DICTIONARY, _RECORDS):
            return
        body = memoryview(message.body) if message.body is not None else memoryview(b"")
        if kind == _RECORDS:
            self._size.add(self._unpacked(header, body))
            return
        records, id = header.table(1), header.long(0)
        if records is None:
            raise struct.error
        size = self._unpacked(records, body)
        # A delta makes a new array of the whole dictionary.
        size += self._dictionaries.get(id, 0) if header.byte(2) else 0
        self._dictionaries[id] = size
        self._size.add(size)

    def _unpacked(self, records: FlatTable, body: memoryview) -> int:
        lengths = [length for length, _ in records.structs(_NODES, "<qq")]
        self._nodes += len(lengths)
        if self._nodes > _NODES_MAX:
            problem = f"its batches have more than {_NODES_MAX} columns in all"
            raise malformed("Arrow", problem, "write fewer batches with more rows each")
        # A column of nulls has no buffer, however long it is.
        rows = max([records.long(_LENGTH), *lengths])
        if min([records.long(_LENGTH), *lengths]) < 0:
            raise malformed("Arrow", "a batch has fewer than no rows")
        is_packed = records.table(_COMPRESSION) is not None
        return rows + sum(
            _buffer_bytes(body, offset, length, is_packed=is_packed)
            for offset, length in records.structs(_BUFFERS, "<qq")
        )


def _buffer_bytes(body: memoryview, offset: int, length: int, *, is_packed: bool) -> int:
    if min(offset, length) < 0 or offset + length > len(body):
        raise malformed("Arrow", "a batch refers to more bytes than it has", "send it again, whole")
    if not is_packed or not length:
        return length
    (size,) = struct.unpack_from("<q", body, offset)
    if size < _NOT_COMPRESSED:
        raise malformed("Arrow", "a buffer says that it has fewer than no bytes")
    return length if size == _NOT_COMPRESSED else max(size, length)
