"""Example bodies of a POST, one for each format that an endpoint receives."""

import csv
import io
from collections.abc import Mapping

from gateway import strictjson
from gateway.media_types import Media
from gateway.strictjson import Json


def example_body(media: Media, row: Mapping[str, Json]) -> Json:
    """Return a body with one row, as the value of an example: JSON as it is, other formats as text."""
    if media is Media.NDJSON:
        return strictjson.write(row).decode() + "\n"
    if media is Media.CSV:
        return _csv(row)
    return [row] if media is Media.JSON else row


def _csv(row: Mapping[str, Json]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(row)
    writer.writerow(map(_cell, row.values()))
    return text.getvalue()


def _cell(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else strictjson.write(value).decode()
