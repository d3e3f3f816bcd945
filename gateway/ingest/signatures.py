"""File formats recognized by their first bytes: the name of each, and how its rows can be sent or loaded."""

import re
from dataclasses import dataclass

from gateway.media_types import Media

#: How members of gzip, and data frames of zstd, begin.
GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
#: Bytes that no text has.
_NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format that is not parsed as rows.

    Attributes:
        name: Its name, with the article.
        fix: How its rows can be sent in a body.
        file_fix: How its rows can be loaded from a file, with `{name}`, `{stem}` and `{path}` for parts of its path.
        coding: The Content-Encoding of the format, if it has one.
        has_zeros: Whether every file of the format has zero bytes.
    """

    name: str
    fix: str
    file_fix: str
    coding: str | None = None
    has_zeros: bool = False

    def lacks_zeros(self, data: bytes) -> bool:
        """Return whether a body of the format has lost its zero bytes, as `curl -d` sends it."""
        return self.has_zeros and b"\0" not in data


_UNPACK = "unpack it, or send gzip, zstd, or deflate"
_SAVE = "save the sheet as CSV (UTF-8) and send that"
_SHEET = "save the sheet as CSV"
_ROWS = "write its rows as CSV or NDJSON"
_AGAIN = "where that is sent, it is compressed twice"
_GZIP = FileFormat(
    "gzip", f"send it with Content-Encoding: gzip; {_AGAIN}", "call it {name}.gz", "gzip", has_zeros=True
)
_ZSTD = FileFormat("zstd", f"send it with Content-Encoding: zstd; {_AGAIN}", "call it {name}.zst", "zstd")
_ZLIB = FileFormat("zlib", f"send it with Content-Encoding: deflate; {_AGAIN}", "decompress it", "deflate")
_PARQUET = FileFormat(
    "a Parquet file",
    f"send it with Content-Type: {Media.PARQUET.media_type}",
    "call it {stem}.parquet",
    has_zeros=True,
)
_ARROW = FileFormat(
    "Arrow", f"send it with Content-Type: {Media.ARROW.media_type}", "write it as Parquet", has_zeros=True
)
_EXCEL = FileFormat("an Excel workbook", f"load it with gateway load, or {_SAVE}", "call it {stem}.xlsx")
_OLD_EXCEL = FileFormat("an Excel workbook", _SAVE, "open it, and save it as .xlsx without a password")
_DATABASE = FileFormat("a database file", "export its rows as CSV or NDJSON", "write a table of it as CSV")
_IMAGE = FileFormat("an image", "send rows as JSON, NDJSON, or CSV", "name a file of rows")
_PICKLE = FileFormat("a Python pickle", "send the rows as JSON: json.dumps(rows)", _ROWS)
_FORMATS = {
    GZIP_MAGIC: _GZIP,
    ZSTD_MAGIC: _ZSTD,
    b"\x78\x01": _ZLIB,
    b"\x78\x5e": _ZLIB,
    b"\x78\x9c": _ZLIB,
    b"\x78\xda": _ZLIB,
    b"BZh": FileFormat("bzip2", _UNPACK, "decompress it: bunzip2 {path}"),
    b"\xfd7zXZ\x00": FileFormat("xz", _UNPACK, "decompress it: unxz {path}"),
    b"\x04\x22\x4d\x18": FileFormat("lz4", _UNPACK, "decompress it: unlz4 {path}"),
    b"7z\xbc\xaf": FileFormat("a 7z archive", _UNPACK, "unpack it"),
    b"Rar!": FileFormat("a RAR archive", _UNPACK, "unpack it"),
    b"PAR1": _PARQUET,
    b"ARROW1": _ARROW,
    b"\xff\xff\xff\xff": _ARROW,
    b"\xd0\xcf\x11\xe0": _OLD_EXCEL,
    b"%PDF": FileFormat("a PDF", "send its rows as CSV or JSON", "save its rows as CSV"),
    b"\x89PNG": _IMAGE,
    b"\xff\xd8\xff": _IMAGE,
    b"SQLite format 3": _DATABASE,
    b"Obj\x01": FileFormat("an Avro file", "send its rows as NDJSON or CSV", _ROWS),
    b"ORC": FileFormat(
        "an ORC file",
        "send its rows as NDJSON or CSV, or write a Parquet file for gateway load",
        "write it as Parquet",
    ),
    b"\x80\x04\x95": _PICKLE,
    b"\x80\x05\x95": _PICKLE,
    b"\x93NUMPY": FileFormat("a NumPy file", "send the rows as CSV or JSON", _ROWS),
    b"HDF": FileFormat("an HDF file", "send its rows as CSV or JSON", _ROWS),
}
#: Byte order marks of encodings that are not parsed as rows.
MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
#: Names of files inside a zip archive that identify its format.
_ZIPPED = {
    b"xl/": _EXCEL,
    b"[Content_Types].xml": _EXCEL,
    b"opendocument.spreadsheet": FileFormat("an OpenDocument spreadsheet", _SAVE, _SHEET),
}
#: How many bytes of a zip archive are searched for names.
_ZIP_SAMPLE_BYTES = 4096


def format_of(data: bytes) -> FileFormat | None:
    """Return the format of a body by its first bytes; None for text and for unknown formats."""
    if data.startswith(b"PK\x03\x04"):
        named = (zipped for name, zipped in _ZIPPED.items() if name in data[:_ZIP_SAMPLE_BYTES])
        return next(named, FileFormat("a zip archive", _UNPACK, "unzip it"))
    found = next((known for magic, known in _FORMATS.items() if data.startswith(magic)), None)
    return None if found and _is_word(data) else found


def _is_word(data: bytes) -> bool:
    """Return whether the first bytes may be the beginning of a text: `HDF,id` is a header of CSV."""
    return is_text(data[:64])


def is_text(data: bytes) -> bool:
    """Return whether bytes may be the beginning of a text in UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        if error.end < len(data) or error.reason != "unexpected end of data":
            return False
    return _NO_TEXT.search(data) is None
