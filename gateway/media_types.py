"""Media: the formats rows come and go in, each with its names."""

from collections.abc import Mapping
from enum import Enum


class Media(Enum):
    """A format of rows: its media type, the name `?format=` gives it, and what else it is called.

    Attributes:
        content_type: What a response says it is.
        format: Its short name, which is also the suffix of a file of it.
        aliases: Other media types that mean it.
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


#: What a POST may carry.
RECEIVED = (Media.JSON, Media.NDJSON, Media.CSV, Media.FORM)
#: What a GET may answer with.
SERVED = (Media.JSON, Media.NDJSON, Media.CSV, Media.PARQUET, Media.ARROW)
#: Every media type that means a format of a body, and of an answer.
RECEIVED_TYPES: Mapping[str, Media] = {
    name: media for media in RECEIVED for name in (media.media_type, *media.aliases)
}
MEDIA_TYPES: Mapping[str, Media] = {
    name: media for media in SERVED for name in (media.media_type, *media.aliases)
}
#: The formats by the names that `?format=` takes.
FORMATS: Mapping[str, Media] = {media.format: media for media in SERVED}
