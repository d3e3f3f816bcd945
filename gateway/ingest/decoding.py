"""The decoding of a body, as JSON; a rejected row is decoded again in the same way."""

from collections.abc import Sequence

from gateway import strictjson
from gateway.connectors.connector import Field
from gateway.ingest import csv_rows
from gateway.media_types import Media

#: The decoding of a row that is not UTF-8, and cannot be decoded again.
UNDECODABLE = '{"media": null}'


def without_end(text: str) -> str:
    """Return a text without its line end."""
    return text.removesuffix("\n").removesuffix("\r")


def encode(
    data: bytes,
    media: Media,
    columns: Sequence[Field] | None,
    *,
    absent_is_null: bool,
    resolution: str | None = None,
) -> str:
    """Return as JSON how the rows of a body are decoded, so that a single one can be decoded again later."""
    header = without_end(csv_rows.header_of(data).decode(errors="replace")) if media is Media.CSV else None
    names = None if columns is None else [field.name for field in columns]
    decoding = {
        "media": media.media_type,
        "header": header,
        "columns": names,
        "absent_is_null": absent_is_null,
    }
    return strictjson.write({**decoding, "resolution": resolution}).decode()
