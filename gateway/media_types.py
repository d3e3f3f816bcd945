"""The formats of rows in requests and responses, each with its names."""

from collections.abc import Mapping
from enum import Enum


class Media(Enum):
    """A format of rows: its media type, its name in `?format=`, and its aliases.

    Attributes:
        content_type: The Content-Type of a response.
        format: Its short name, which is also the suffix of its files.
        aliases: Other media types for it.
    """

    def __init__(self, name: str, format: str, parameters: str, *aliases: str) -> None:
        self.media_type = name
        self.format = format
        self.content_type = name + parameters
        self.aliases = aliases

    JSON = ("application/json", "json", "; charset=utf-8")
    NDJSON = (
        "application/x-ndjson",
        "ndjson",
        "; charset=utf-8",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/json-lines",
    )
    CSV = ("text/csv", "csv", "; charset=utf-8; header=present")
    PARQUET = (
        "application/vnd.apache.parquet",
        "parquet",
        "",
        "application/x-parquet",
        "application/parquet",
    )
    FORM = ("application/x-www-form-urlencoded", "form", "")
    ARROW = ("application/vnd.apache.arrow.stream", "arrow", "")


#: The formats of a POST.
RECEIVED = (Media.JSON, Media.NDJSON, Media.CSV, Media.PARQUET, Media.ARROW, Media.FORM)
#: The formats of a POST whose bodies are columns, and not text.
BINARY = frozenset((Media.PARQUET, Media.ARROW))
#: The media type of Arrow files (Feather V2), which are received and not served.
ARROW_FILE = "application/vnd.apache.arrow.file"
#: The formats of the response to a GET.
SERVED = (Media.JSON, Media.NDJSON, Media.CSV, Media.PARQUET, Media.ARROW)
#: The formats of request bodies, and of responses, by every media type.
RECEIVED_TYPES: Mapping[str, Media] = {
    name: media for media in RECEIVED for name in (media.media_type, *media.aliases)
} | {ARROW_FILE: Media.ARROW}
MEDIA_TYPES: Mapping[str, Media] = {
    name: media for media in SERVED for name in (media.media_type, *media.aliases)
}
#: The formats by the names that `?format=` takes.
FORMATS: Mapping[str, Media] = {media.format: media for media in SERVED}
