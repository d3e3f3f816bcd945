"""A body of Parquet or Arrow IPC to a valid Arrow table of bounded size."""

import struct

import pyarrow as pa

from gateway.ingest.arrow.ipc_tables import read_ipc
from gateway.ingest.arrow.malformed import malformed
from gateway.ingest.arrow.parquet_tables import read_parquet
from gateway.ingest.arrow.unpacked_size import UnpackedSize
from gateway.ingest.binary_formats import BINARY_NAMES, binary_format
from gateway.media_types import Media


def read_table(data: bytes, max_bytes: int) -> pa.Table:
    """Return the table in a body; its first bytes tell the format.

    Args:
        data: The body.
        max_bytes: The most bytes that it may have when it is unpacked.

    Raises:
        GatewayError: The body is malformed, or too large when it is unpacked.
    """
    is_parquet = binary_format(data) is Media.PARQUET
    name = BINARY_NAMES[Media.PARQUET if is_parquet else Media.ARROW]
    size = UnpackedSize(max_bytes)
    try:
        table = read_parquet(data, size) if is_parquet else read_ipc(data, size)
        # Neither reader checks the buffers that a body describes, and compute functions trust them.
        table.validate(full=True)
        table.schema.names  # noqa: B018  # It raises where a name is not UTF-8.
    except struct.error as error:
        raise malformed(name, "a message is cut off") from error
    except (pa.ArrowException, OSError, ValueError, OverflowError, StopIteration, EOFError) as error:
        raise malformed(name, error) from error
    return table
