"""The length of the longest text in a dictionary page of Parquet, before any place of it is replaced by its text.

PERF: pyarrow reads texts as places in a dictionary, which cannot grow, at less than half of the speed of plain texts. So
it is asked for that only where a dictionary has a long text.
"""

import struct
from collections.abc import Mapping

import pyarrow as pa

from gateway.ingest.arrow.parquet_sizes import ColumnPage

#: Compressions by their numbers in a footer. Others are not unpacked here.
_CODECS: Mapping[int, str] = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4_raw"}
_NOT_COMPRESSED = 0
#: The largest page that is searched; writers begin another encoding at 1 MiB.
_BYTES_MAX = 4 * 2**20
_LENGTH = struct.Struct("<I")


def longest_text(page: ColumnPage, codec: int) -> int:
    """Return at least the bytes of the longest text in a dictionary page: the size of the page if it is not known."""
    if page.size > _BYTES_MAX or codec not in (_NOT_COMPRESSED, *_CODECS):
        return page.size
    try:
        text = page.content
        if codec != _NOT_COMPRESSED:
            text = memoryview(pa.Codec(_CODECS[codec]).decompress(text, page.size))
        longest = place = 0
        for _ in range(page.num_values):
            (length,) = _LENGTH.unpack_from(text, place)
            place += _LENGTH.size + length
            longest = max(longest, length)
    except (pa.ArrowException, OSError, struct.error):
        return page.size
    return longest
