"""File names: the suffixes of files of rows, and the errors for all other files."""

import re
import shlex
from contextlib import suppress
from pathlib import Path, PurePath

from gateway.media_types import Media
from gateway.rowfile.compression import COMPRESSED

#: The media type of each suffix.
SUFFIXES = {
    ".csv": Media.CSV,
    ".tsv": Media.CSV,
    ".json": Media.JSON,
    ".ndjson": Media.NDJSON,
    ".jsonl": Media.NDJSON,
    ".parquet": Media.PARQUET,
    ".arrow": Media.ARROW,
    ".feather": Media.ARROW,
    ".ipc": Media.ARROW,
    ".xlsx": Media.CSV,
    ".xlsm": Media.CSV,
}
#: The suffixes of workbooks, whose sheets are read as CSV.
WORKBOOKS = frozenset((".xlsx", ".xlsm"))
#: For suffixes of other formats: what the file is, and the next action.
_OTHER_FORMATS = {
    ".xls": "is a workbook of Excel 97; open it, save it as .xlsx, and name that file",
    ".xlsb": "is a binary workbook; open it in Excel, save it as .xlsx, and name that file",
    ".ods": "is a spreadsheet; open it, save it as .xlsx or CSV, and name that file",
    ".zip": "is a ZIP archive; unzip it, and name a file of it",
    ".html": "is an HTML page; save its rows as CSV or JSON, and name that file",
    ".xml": "is XML; write its rows as CSV or JSON, and name that file",
    ".duckdb": "is a database; write a table of it by COPY … TO 'rows.parquet', and name that file",
    ".sqlite": "is a database; write a table of it as CSV, and name that file",
}
_OTHER_FORMATS |= {".htm": _OTHER_FORMATS[".html"], ".db": _OTHER_FORMATS[".sqlite"]}


def suffix_of(path: Path) -> str:
    """Return the suffix that names the format of a file, in lower case and without that of a compression.

    Raises:
        ValueError: The suffix is not that of a file of rows, or the file does not exist.
    """
    _check_is_on_disk(path)
    if path.is_dir():
        raise ValueError(f"{path} is a directory; name a file of rows")
    suffix, _ = split_suffixes(path.name)
    _check_is_no_other_format(suffix, str(path))
    if not path.exists():
        raise ValueError(f"{path} does not exist; check the name and the current directory")
    if suffix not in SUFFIXES:
        raise ValueError(f"{_unknown(str(path))}{_suggested_name(path)}")
    if not path.is_file():
        raise ValueError(f"{path} is not a regular file")
    return suffix


def split_suffixes(name: str) -> tuple[str, str]:
    """Return the last suffix of a file's name without that of a compression, and the latter; each may be empty."""
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes]
    packed = suffixes.pop() if suffixes and suffixes[-1] in COMPRESSED else ""
    return (suffixes[-1] if suffixes else ""), packed


def check_name(name: str) -> None:
    """Check that a name is that of a file of rows, wherever the file is.

    Raises:
        ValueError: Its suffix is that of no such file; the message names the next action.
    """
    suffix, _ = split_suffixes(name)
    _check_is_no_other_format(suffix, name)
    if suffix not in SUFFIXES:
        raise ValueError(_unknown(name))


def _check_is_no_other_format(suffix: str, name: str) -> None:
    if suffix in _OTHER_FORMATS:
        raise ValueError(f"{name} {_OTHER_FORMATS[suffix]}")


def _unknown(name: str) -> str:
    known = ", ".join([*SUFFIXES, *(f"each also with {compressed}" for compressed in COMPRESSED)])
    return f"{name} does not have the suffix of a file of rows: {known}"


def _suggested_name(path: Path) -> str:
    """Return the name that fits the first bytes of a file, as the end of a message; empty if it is not text."""
    with suppress(OSError):
        with path.open("rb") as file:
            head = file.read(2**12)
        stem, packed = path.name.partition(".")[0] or path.name.strip("."), ""
        if head.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
            packed = ".gz" if head[0] == 0x1F else ".zst"
            return f"; it is compressed: add {packed} to the name that fits its rows"
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


def _check_is_on_disk(path: Path) -> None:
    """Reject streams, which cannot be read a second time, and URLs."""
    if str(path) == "-" or path.is_fifo() or path.is_char_device():
        name = "standard input" if str(path) == "-" else f"{path} is not a regular file: a stream"
        fix = "write it to a file first, for example: cat > rows.csv, and name that file"
        raise ValueError(f"{name} cannot be read a second time, which storing each row once requires; {fix}")
    if match := re.match(r"(https?|s3|gs|ftp):/+(.*)", str(path)):
        url = shlex.quote(f"{match[1]}://{match[2]}")
        fix = f"curl -fLO {url}" if match[1] in ("http", "https", "ftp") else "with the tool of its store"
        raise ValueError(f"{match[1]}://{match[2]} is a URL, not a file; download it first: {fix}")
