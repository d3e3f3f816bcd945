"""What a file of rows is by its name, and what to do with a file that is called otherwise."""

import re
import shlex
from contextlib import suppress
from pathlib import Path

from gateway.media_types import Media
from gateway.rowfile.compression import COMPRESSED

#: Suffixes of files, as they are called out there.
SUFFIXES = {
    ".csv": Media.CSV,
    ".tsv": Media.CSV,
    ".json": Media.JSON,
    ".ndjson": Media.NDJSON,
    ".jsonl": Media.NDJSON,
    ".parquet": Media.PARQUET,
}
#: What to do with files of other kinds.
_OTHERS = {
    ".xlsx": "is an Excel workbook; save the sheet as CSV UTF-8 in Excel, and name that file",
    ".xls": "is an Excel workbook; save the sheet as CSV UTF-8 in Excel, and name that file",
    ".ods": "is a spreadsheet; save the sheet as CSV, and name that file",
    ".zip": "is a ZIP archive; unzip it, and name a file of it",
    ".html": "is an HTML page; save its rows as CSV or JSON, and name that file",
    ".xml": "is XML; write its rows as CSV or JSON, and name that file",
    ".arrow": "is Arrow; write it as Parquet, and name that file",
    ".feather": "is Arrow; write it as Parquet, and name that file",
    ".duckdb": "is a database; write a table of it by COPY … TO 'rows.parquet', and name that file",
    ".sqlite": "is a database; write a table of it as CSV, and name that file",
}
_OTHERS |= {".htm": _OTHERS[".html"], ".db": _OTHERS[".sqlite"]}


def suffix_of(path: Path) -> str:
    """Return the suffix that says what the rows of a file are written in, in lower case.

    Raises:
        ValueError: Where the name does not tell, or no such file is there.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    _require_on_disk(path)
    if path.is_dir():
        raise ValueError(f"{path} is a directory; name a file of rows")
    if suffix in _OTHERS:
        raise ValueError(f"{path} {_OTHERS[suffix]}")
    if not path.exists():
        raise ValueError(f"{path} is not there; look at the name, and at the directory you are in")
    if suffix not in SUFFIXES:
        known = ", ".join([*SUFFIXES, *(f"those with {each} behind" for each in COMPRESSED)])
        raise ValueError(f"{path} is not called like a file of rows: {known}{_rather(path)}")
    if not path.is_file():
        raise ValueError(f"{path} is not a regular file")
    return suffix


def _rather(path: Path) -> str:
    """Say what a file begins like, and how it would be called then; nothing where it is no text."""
    with suppress(OSError):
        with path.open("rb") as file:
            head = file.read(2**12)
        stem, packed = path.name.partition(".")[0] or path.name.strip("."), ""
        if head.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
            packed = ".gz" if head[0] == 0x1F else ".zst"
            return f"; it is compressed: add {packed} to the name that its rows need"
        begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if head.startswith(b"PAR1"):
            return f"; it is Parquet: call it {stem}.parquet"
        if not begin or b"\0" in head:
            return ""
        is_lines = begin.startswith(b"{") and begin.partition(b"\n")[0].rstrip().endswith(b"}")
        suffix = "ndjson" if is_lines else "json" if begin[:1] in b"[{" else "csv"
        kind = "JSON" if suffix != "csv" else "CSV"
        return f"; if it is {kind}, call it {stem}.{suffix}"
    return ""


def _require_on_disk(path: Path) -> None:
    """Make sure that a path is none of a stream, which cannot be read a second time, or of a URL."""
    if str(path) == "-" or path.is_fifo() or path.is_char_device():
        name = "standard input" if str(path) == "-" else f"{path} is not a regular file: a stream"
        way = "write it to a file first, as in: cat > rows.csv, and name that file"
        raise ValueError(f"{name} cannot be read a second time, as is needed to store each row once; {way}")
    if match := re.match(r"(https?|s3|gs|ftp):/+(.*)", str(path)):
        url = shlex.quote(f"{match[1]}://{match[2]}")
        way = f"curl -fLO {url}" if match[1] in ("http", "https", "ftp") else "with the tool of its store"
        raise ValueError(f"{match[1]}://{match[2]} is a URL, not a file; download it first: {way}")
