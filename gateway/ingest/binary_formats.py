"""Formats of bodies that are columns and not text, by their first bytes."""

from collections.abc import Mapping

from gateway.media_types import Media

#: How Parquet begins and ends, also where its footer is encrypted, and how an Arrow file (Feather V2) does.
PARQUET_MAGIC, ENCRYPTED_MAGIC, ARROW_FILE_MAGIC = b"PAR1", b"PARE", b"ARROW1"
#: How the messages of an Arrow stream begin.
_STREAM_MAGIC = b"\xff\xff\xff\xff"
_MAGICS: Mapping[bytes, Media] = {
    PARQUET_MAGIC: Media.PARQUET,
    ENCRYPTED_MAGIC: Media.PARQUET,
    ARROW_FILE_MAGIC + b"\0\0": Media.ARROW,
    _STREAM_MAGIC: Media.ARROW,
}
#: The formats as people write them.
BINARY_NAMES: Mapping[Media, str] = {Media.PARQUET: "Parquet", Media.ARROW: "Arrow"}


def binary_format(data: bytes) -> Media | None:
    """Return the format of a body of columns; None for any other body."""
    found = next((media for magic, media in _MAGICS.items() if data.startswith(magic)), None)
    # A word of four letters may begin a text, and `curl -d` removes zero bytes.
    return found if b"\0" in data[:_HEAD_BYTES] else None


#: How many first bytes of each format have a zero byte among them, which no text has.
_HEAD_BYTES = 4096
