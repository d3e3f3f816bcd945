"""Formats that are told by their first bytes: what each is called, and how its rows can be sent."""

import re
from dataclasses import dataclass

#: Bytes that no text has.
_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Kind:
    """A format that is not read as rows.

    Attributes:
        name: What it is called, with its article.
        fix: What to do.
        coding: The Content-Encoding that says so, where there is one.
    """

    name: str
    fix: str
    coding: str | None = None


_UNPACK = "unpack it, or send gzip, zstd or deflate"
_SAVE = "save the sheet as CSV (UTF-8) and send that"
_GZIP = Kind(
    "gzip", "send it with Content-Encoding: gzip; where that is sent, it is compressed twice", "gzip"
)
_ZSTD = Kind(
    "zstd", "send it with Content-Encoding: zstd; where that is sent, it is compressed twice", "zstd"
)
_ZLIB = Kind(
    "zlib", "send it with Content-Encoding: deflate; where that is sent, it is compressed twice", "deflate"
)
_PARQUET = Kind("a Parquet file", "load it with gateway load, or send its rows as NDJSON or CSV")
_ARROW = Kind("Arrow", "send its rows as NDJSON or CSV, or write a Parquet file for gateway load")
_EXCEL = Kind("an Excel workbook", _SAVE)
_DATABASE = Kind("a database file", "export its rows as CSV or NDJSON")
_KINDS = {
    b"\x1f\x8b": _GZIP,
    b"\x28\xb5\x2f\xfd": _ZSTD,
    b"\x78\x01": _ZLIB,
    b"\x78\x5e": _ZLIB,
    b"\x78\x9c": _ZLIB,
    b"\x78\xda": _ZLIB,
    b"BZh": Kind("bzip2", _UNPACK),
    b"\xfd7zXZ\x00": Kind("xz", _UNPACK),
    b"\x04\x22\x4d\x18": Kind("lz4", _UNPACK),
    b"7z\xbc\xaf": Kind("a 7z archive", _UNPACK),
    b"Rar!": Kind("a RAR archive", _UNPACK),
    b"PAR1": _PARQUET,
    b"ARROW1": _ARROW,
    b"\xff\xff\xff\xff": _ARROW,
    b"\xd0\xcf\x11\xe0": _EXCEL,
    b"%PDF": Kind("a PDF", "send its rows as CSV or JSON"),
    b"\x89PNG": Kind("an image", "send rows as JSON, NDJSON or CSV"),
    b"\xff\xd8\xff": Kind("an image", "send rows as JSON, NDJSON or CSV"),
    b"SQLite format 3": _DATABASE,
    b"Obj\x01": Kind("an Avro file", "send its rows as NDJSON or CSV"),
    b"ORC": Kind("an ORC file", "send its rows as NDJSON or CSV, or write a Parquet file for gateway load"),
    b"\x80\x04\x95": Kind("a Python pickle", "send the rows as JSON: json.dumps(rows)"),
    b"\x80\x05\x95": Kind("a Python pickle", "send the rows as JSON: json.dumps(rows)"),
    b"\x93NUMPY": Kind("a NumPy file", "send the rows as CSV or JSON"),
    b"HDF": Kind("an HDF file", "send its rows as CSV or JSON"),
}
#: Names of files inside of a zip archive that tell what it is, and what it is then.
_ZIPPED = {
    b"xl/": _EXCEL,
    b"[Content_Types].xml": _EXCEL,
    b"opendocument.spreadsheet": Kind("an OpenDocument spreadsheet", _SAVE),
}
#: How many bytes are looked at in a zip archive.
_LOOKED_AT = 4096


def kind_of(data: bytes) -> Kind | None:
    """Return the format that the first bytes of a body are of; None for text, and for what is not known."""
    if data.startswith(b"PK\x03\x04"):
        named = (kind for name, kind in _ZIPPED.items() if name in data[:_LOOKED_AT])
        return next(named, Kind("a zip archive", _UNPACK))
    found = next((kind for magic, kind in _KINDS.items() if data.startswith(magic)), None)
    return None if found and _is_word(data) else found


def _is_word(data: bytes) -> bool:
    """Whether the first bytes may be the beginning of a text: `HDF,id` is a header of CSV."""
    return is_text(data[:64])


def is_text(data: bytes) -> bool:
    """Whether bytes may be the beginning of a text in UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        if error.end < len(data) or error.reason != "unexpected end of data":
            return False
    return _NO_TEXT.search(data) is None
