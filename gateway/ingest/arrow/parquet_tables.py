"""A Parquet body to an Arrow table. Every size is checked before anything is unpacked.

The footer of a file may lie, a page may unpack to a thousand times its size, a dictionary may repeat a long text, and a
run of nulls takes no space at all. So the sizes come from the headers of the pages, and from what their values take in
memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.ingest.arrow.malformed import malformed
from gateway.ingest.arrow.parquet_dictionary import longest_text
from gateway.ingest.arrow.parquet_sizes import ColumnPage, ParquetColumn, read_footer, read_pages
from gateway.ingest.arrow.thrift import InvalidThriftError
from gateway.ingest.arrow.unpacked_size import UnpackedSize
from gateway.ingest.binary_formats import ENCRYPTED_MAGIC, PARQUET_MAGIC

#: The length of a footer, and the magic at the end.
_TAIL_BYTES = 8
#: The most bytes of a footer, and the most items of one of its lists: in memory they take two hundred times as much.
_FOOTER_BYTES_MAX, _ITEMS_MAX = 2 * 2**20, 50_000
#: The bytes of a value of a dictionary while it is read.
_ENTRY_BYTES = 16
#: The number of an encoding whose values may each repeat the one before.
_DELTA_BYTE_ARRAY = 7
#: The most rows that are read at a time.
_ROWS_MAX = 2**20


@dataclass(slots=True)
class _Texts:
    """The texts of a file that may grow.

    Attributes:
        repeated: The paths of columns whose dictionary may repeat long texts.
        longest: The most bytes of a text in a page that may repeat the text before it.
    """

    repeated: set[str] = field(default_factory=set)
    longest: int = 0


def read_parquet(data: bytes, size: UnpackedSize) -> pa.Table:
    """Return the table in a Parquet body.

    Raises:
        GatewayError: The body is malformed, encrypted, or too large when it is unpacked.
        pa.ArrowException: It is malformed; as does OSError.
    """
    texts = _require_small(data, _footer_length(data), size)
    file = _open(data, sorted(texts.repeated))
    rows = min(max(size.max_bytes // max(texts.longest, 1), 1), _ROWS_MAX)
    batches = list(_batches(file, rows, size.max_bytes))
    return pa.Table.from_batches(batches, batches[0].schema if batches else file.schema_arrow)


def _footer_length(data: bytes) -> int:
    tail = data[-_TAIL_BYTES:]
    if data.startswith(ENCRYPTED_MAGIC) or tail.endswith(ENCRYPTED_MAGIC):
        raise malformed("Parquet", "it is encrypted", "write it without encryption")
    if not tail.endswith(PARQUET_MAGIC) or len(data) < _TAIL_BYTES + len(PARQUET_MAGIC):
        raise malformed("Parquet", "it does not end with PAR1, so it is cut off", "send it again, whole")
    length = int.from_bytes(tail[:4], "little")
    if length > len(data) - _TAIL_BYTES:
        raise malformed("Parquet", f"its footer has {length} bytes, and the body {len(data)}")
    if length > _FOOTER_BYTES_MAX:
        problem = f"its footer has {length} bytes; at most {_FOOTER_BYTES_MAX} are allowed"
        raise malformed("Parquet", problem, "write fewer columns, and larger row groups")
    return length


def _open(data: bytes, dictionaries: list[str]) -> pq.ParquetFile:
    return pq.ParquetFile(
        pa.BufferReader(data),
        read_dictionary=dictionaries,
        thrift_string_size_limit=_FOOTER_BYTES_MAX,
        thrift_container_size_limit=_ITEMS_MAX,
        # In nanoseconds, years before 1678 and after 2262 would become other years.
        coerce_int96_timestamp_unit="us",
    )


def _require_small(data: bytes, footer_length: int, size: UnpackedSize) -> _Texts:
    """Check the size of all pages and values; return what the texts may grow to."""
    view, end = memoryview(data), len(data) - _TAIL_BYTES
    try:
        rows, chunks = read_footer(view, end - footer_length, end)
    except InvalidThriftError as error:
        raise malformed("Parquet", "its footer is damaged") from error
    size.add(rows)  # A row may have no column that takes space.
    found = _Texts()
    for chunk in chunks:
        try:
            _add_chunk(view, chunk, size, found)
        except InvalidThriftError as error:
            raise malformed("Parquet", f"the pages of {chunk.path!r} are damaged, or encrypted") from error
    return found


def _add_chunk(data: memoryview, chunk: ParquetColumn, size: UnpackedSize, found: _Texts) -> None:
    size.add(chunk.num_values * chunk.width)
    dictionary: ColumnPage | None = None
    for page in read_pages(data, chunk):
        size.add(page.size + (page.num_values * _ENTRY_BYTES if page.is_dictionary else 0))
        if page.is_dictionary:
            dictionary = page
        elif chunk.is_text and page.encoding == _DELTA_BYTE_ARRAY and page.size * page.num_values > size.left:
            found.longest = max(found.longest, page.size)
            _require_flat(chunk)
    if (
        chunk.is_text
        and dictionary is not None
        and dictionary.size * chunk.num_values > size.left
        and longest_text(dictionary, chunk.codec) * chunk.num_values > size.left
    ):
        found.repeated.add(chunk.path)


def _require_flat(chunk: ParquetColumn) -> None:
    """Refuse lists of texts that may repeat each other: a single row may have any number of them."""
    if "." in chunk.path:
        problem = f"the texts of {chunk.path!r} are encoded as DELTA_BYTE_ARRAY inside a list"
        raise malformed("Parquet", problem, "write the column with another encoding")


def _batches(file: pq.ParquetFile, rows: int, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a file, and check that texts that repeat each other do not become too large."""
    size = UnpackedSize(2 * max_bytes)
    # Where row groups have dictionaries of their own, pyarrow does not read lists of texts across them.
    for group in range(file.num_row_groups):
        for batch in file.iter_batches(rows, row_groups=[group], use_threads=False):
            size.add(batch.nbytes)
            yield batch
