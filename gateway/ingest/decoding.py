"""How the rows of a body were decoded, as JSON, so that a rejected row can be decoded again in the same way."""

from collections.abc import Sequence

from gateway import strictjson
from gateway.connectors.connector import Field
from gateway.ingest import csv_rows
from gateway.media_types import Media

#: How a row is read that is no text.
UNREADABLE = '{"media": null}'


def without_end(text: str) -> str:
    """Take the end of its line from a text, and no more."""
    return text.removesuffix("\n").removesuffix("\r")


def reading(
    data: bytes,
    media: Media,
    columns: Sequence[Field] | None,
    *,
    absent_is_null: bool,
    resolution: str | None = None,
) -> str:
    """Say as JSON how the rows of a body are taken, for single ones to be taken again in the same way."""
    header = without_end(csv_rows.header_of(data).decode(errors="replace")) if media is Media.CSV else None
    names = None if columns is None else [field.name for field in columns]
    told = {"media": media.media_type, "header": header, "columns": names, "absent_is_null": absent_is_null}
    return strictjson.write({**told, "resolution": resolution}).decode()
