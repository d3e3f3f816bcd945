"""The sizes that a Parquet file names: those of its columns in the footer, and those of its pages in their headers.

pyarrow does not show the headers of pages, and the process ends where it shows a damaged column of a footer (seen in
26.0.1). https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.ingest.arrow.thrift import InvalidThriftError, ThriftReader, integer, structs, substruct

#: The most bytes of a page header, which may have the least and the greatest value of its page.
_HEADER_BYTES_MAX = 2**20
#: Types of columns by their numbers: the bytes of a value in memory. A text has the end of its bytes, which are in its page.
_WIDTHS = {0: 1, 1: 4, 2: 8, 3: 12, 4: 4, 5: 8, 6: 4}
_TEXT, _FIXED = 6, 7
#: The field of a page header that has the header of its type, by the type of the page; and that of its encoding there.
_OF_TYPE, _ENCODINGS = {0: 5, 2: 7, 3: 8}, {0: 2, 2: 2, 3: 4}
_DICTIONARY = 2


@dataclass(frozen=True, slots=True)
class ParquetColumn:
    """The values of one column in one row group.

    Attributes:
        path: The names of the column, from the outermost, with points between them.
        num_values: The number of its values, nulls included.
        width: The bytes that a value takes in memory, besides those of a text.
        is_text: Whether its values are texts.
        codec: The number of its compression.
        size: Its size when it is unpacked, as the footer says.
        start: Where its first page begins.
    """

    path: str
    num_values: int
    width: int
    is_text: bool
    codec: int
    size: int
    start: int


@dataclass(frozen=True, slots=True)
class ColumnPage:
    """A page of a column chunk.

    Attributes:
        is_dictionary: Whether it has the values that the indexes of other pages refer to.
        size: Its size when it is unpacked.
        num_values: The number of its values.
        encoding: The number of its encoding.
        content: Its compressed bytes.
    """

    is_dictionary: bool
    size: int
    num_values: int
    encoding: int
    content: memoryview


def read_footer(data: memoryview, start: int, end: int) -> tuple[int, Sequence[ParquetColumn]]:
    """Return the number of rows and the column chunks of a file.

    Args:
        data: The file.
        start: Where its footer begins.
        end: Where its footer ends.

    Raises:
        InvalidThriftError: The footer is malformed.
    """
    footer = ThriftReader(data, start, end).struct()
    leaves = [element for element in structs(footer, 2)[1:] if not element.get(5)]
    chunks = []
    for group in structs(footer, 4):
        columns = structs(group, 1)
        if len(columns) != len(leaves):
            raise InvalidThriftError
        chunks += [_chunk(column, leaf.get(2)) for column, leaf in zip(columns, leaves, strict=True)]
    return _natural(integer(footer, 3)), chunks


def _chunk(column: dict[int, object], type_length: object) -> ParquetColumn:
    if column.get(1):
        raise InvalidThriftError  # Its values are in another file.
    found = substruct(column, 3)
    kind, path = integer(found, 1), found.get(3)
    width = _WIDTHS.get(kind)
    if kind == _FIXED and isinstance(type_length, int):
        width = max(type_length, 1)
    if width is None or not isinstance(path, list) or not all(isinstance(name, bytes) for name in path):
        raise InvalidThriftError
    start = _natural(integer(found, 9))
    dictionary = found.get(11)
    if isinstance(dictionary, int):
        start = min(start, _natural(dictionary))
    return ParquetColumn(
        path=b".".join(path).decode(errors="replace"),
        num_values=_natural(integer(found, 5)),
        width=width,
        is_text=kind == _TEXT,
        codec=integer(found, 4),
        size=_natural(integer(found, 6)),
        start=start,
    )


def read_pages(data: memoryview, chunk: ParquetColumn) -> Iterator[ColumnPage]:
    """Yield the pages of a column chunk: all until they have its values.

    Raises:
        InvalidThriftError: One is malformed.
    """
    found, start = 0, chunk.start
    while found < chunk.num_values:
        reader = ThriftReader(data, start, start + _HEADER_BYTES_MAX)
        header = reader.struct()
        kind, size, packed = (_natural(integer(header, number)) for number in (1, 2, 3))
        start = reader.place + packed
        if start > len(data):
            raise InvalidThriftError
        if kind not in _OF_TYPE:
            continue
        own = substruct(header, _OF_TYPE[kind])
        count = _natural(integer(own, 1))
        found += 0 if kind == _DICTIONARY else count
        content = data[reader.place : start]
        yield ColumnPage(kind == _DICTIONARY, size, count, integer(own, _ENCODINGS[kind]), content)


def _natural(value: int) -> int:
    if value < 0:
        raise InvalidThriftError
    return value
