"""The batches that the rows of a file are posted in: their keys, their columns, and the places of their rows."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.errors import Code, suggest
from gateway.media_types import Media
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.column_chunk import ColumnChunk

#: The size of a batch in bytes.
BATCH_BYTES = 4 * 2**20


def key_of(seed: str, before: str, content: bytes) -> str:
    """Return the idempotency key of a batch: a digest of its rows and of the rows before it.

    Args:
        seed: Another one stores the same rows once more.
        before: The digest of the rows before.
        content: The identity of its rows.
    """
    digest = hashlib.sha256(f"{seed} {before} ".encode())
    digest.update(content)
    return f"load-{digest.hexdigest()[:40]}"


def is_known(chunk: Chunk | ColumnChunk, code: str) -> bool:
    """Return whether the error of a batch says that its rows are stored already, sent with other bytes."""
    return not chunk.is_bytes and code == Code.KEY_REUSED.code


def columns_without(chunk: Chunk | ColumnChunk, without: Sequence[str]) -> dict[str, str]:
    """Return the query parameter that leaves columns out, by name or number; empty if it is not needed.

    Raises:
        ValueError: The file has no such column.
    """
    if not without:
        return {}
    names = chunk.column_names()
    by_number = {column for column in without if column not in names and column.isdecimal()}
    for column in without if chunk.media in (Media.CSV, Media.ARROW) else ():
        if column not in names and not (column in by_number and 0 < int(column) <= len(names)):
            hint = suggest(column, [name for name in names if name], "its columns are")
            raise ValueError(f"the file has no column {column!r} to leave out; {hint}")
    columns = [
        name
        for place, name in enumerate(names, 1)
        if name.strip() and name not in without and str(place) not in by_number
    ]
    return {"columns": ",".join(map(_quoted, columns))}


def place_of(error: Mapping[str, Any], chunk: Chunk | ColumnChunk, rows_before: int) -> str:
    """Return the place in the file of the error of a row, which is counted from the begin of its batch."""
    place = f"row {rows_before + error['row']:,}"
    if (line := line_of(error, chunk)) is not None:
        place += f", line {line:,}"
    return place + (f", field '{error['field']}'" if error["field"] else "")


def line_of(error: Mapping[str, Any], chunk: Chunk | ColumnChunk) -> int | None:
    """Return the line of the file that the error of a row is in, None if it has no lines."""
    if error["line"] is None or chunk.line is None:
        return None
    line: int = chunk.line + error["line"] - 1 - chunk.header.count(b"\n")
    return line


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
