"""A body of Parquet or Arrow IPC to an Arrow table. Its sizes are checked before anything is unpacked."""

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq

from gateway.errors import Code, GatewayError

#: How a Parquet file and an Arrow file begin and end.
PARQUET_MAGIC, ARROW_FILE_MAGIC = b"PAR1", b"ARROW1"


def read_table(data: bytes, max_bytes: int) -> pa.Table:
    """Return the table in a body; its first bytes tell the format.

    Args:
        data: The body.
        max_bytes: The most bytes that it may have when it is unpacked.

    Raises:
        GatewayError: The body is malformed, or too large when it is unpacked.
    """
    name = "Parquet" if data.startswith(PARQUET_MAGIC) else "Arrow"
    try:
        table = _parquet(data, max_bytes) if name == "Parquet" else _arrow(data, max_bytes)
        # Neither reader checks the buffers that a file describes, and compute functions trust them.
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        message = f"the {name} body cannot be read: {_first_line(error)}"
        raise GatewayError(Code.BODY_INVALID, message, hint="send it again, whole") from error
    return table


def _parquet(data: bytes, max_bytes: int) -> pa.Table:
    file = pq.ParquetFile(pa.BufferReader(data))
    metadata = file.metadata
    size = sum(metadata.row_group(place).total_byte_size for place in range(metadata.num_row_groups))
    if max(size, metadata.num_rows * max(metadata.num_columns, 1)) > max_bytes:
        raise unpacked_too_large(max_bytes)
    return file.read(use_threads=False)


def _arrow(data: bytes, max_bytes: int) -> pa.Table:
    source = pa.BufferReader(data)
    options = pyarrow.ipc.IpcReadOptions(use_threads=False)
    if data.startswith(ARROW_FILE_MAGIC):
        return pyarrow.ipc.open_file(source, options=options).read_all()
    return pyarrow.ipc.open_stream(source, options=options).read_all()


def unpacked_too_large(max_bytes: int) -> GatewayError:
    """Return the error of a body that has more bytes than the limit when it is unpacked."""
    return GatewayError(
        Code.BODY_TOO_LARGE,
        f"the body is larger than {max_bytes} bytes when it is unpacked",
        hint="send smaller batches, or raise GATEWAY_MAX_BODY",
    )


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:200]
