"""A file of rows, plain or compressed: what its rows are written in, and its bytes as UTF-8 with commas."""

import codecs
import csv
import gzip
import io
import itertools
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import zstandard

from gateway.media_types import Media
from gateway.rowfile.separators import SEPARATORS, with_commas

#: Suffixes of files, as they are called out there.
SUFFIXES = {
    ".csv": Media.CSV,
    ".tsv": Media.CSV,
    ".json": Media.JSON,
    ".ndjson": Media.NDJSON,
    ".jsonl": Media.NDJSON,
    ".parquet": Media.PARQUET,
}
COMPRESSED = (".gz", ".zst")
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
#: What gzip.open may stumble over, beside a disk.
BROKEN = (OSError, EOFError, zstandard.ZstdError)


@dataclass(frozen=True, slots=True)
class Source:
    """A file of rows.

    Attributes:
        path: Where it is.
        media: What its rows are written in.
        separator: What stands between the cells of CSV; None where it was not said.
        encoding: What its text is encoded in; None where it was not said, and is UTF-8.
        header: The line of CSV that names the columns, for a file that has none.
    """

    path: Path
    media: Media
    separator: bytes | None = None
    encoding: str | None = None
    header: bytes = b""

    @classmethod
    def of(cls, path: Path) -> "Source":
        """Tell by its name what a file is.

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
        return cls(path, SUFFIXES[suffix], b"\t" if suffix == ".tsv" else None)

    def read_as(self, separator: str | None, encoding: str | None, header: str | None) -> "Source":
        """Return the file as it is to be read, by what the user has said of it.

        Raises:
            ValueError: Where that cannot be.
        """
        if self.media is not Media.CSV and (separator or header):
            raise ValueError(f"{self.path} is not CSV; --separator and --header are for CSV")
        if self.media is Media.PARQUET and encoding:
            raise ValueError(f"{self.path} is Parquet, whose text is always UTF-8; leave --encoding out")
        try:
            name = codecs.lookup(encoding).name if encoding else None
        except LookupError as error:
            message = f"--encoding {encoding!r} is not an encoding that is known"
            raise ValueError(
                f"{message}; write utf-16, cp1252, latin-1 or another one of Python's"
            ) from error
        sign = self.separator
        if separator is not None:
            sign = SEPARATORS.get(separator.lower(), separator.encode())
            if len(sign) != 1 or sign in b'"\r\n':
                message = f"--separator {separator!r} is not one character of ASCII"
                raise ValueError(f"{message}; write ';', '|', tab or another one")
        if header and "\n" in header:
            raise ValueError("--header is more than one line; name the columns in one, as in a,b,c")
        line = _header_line(header, sign) if header else b""
        return replace(self, separator=sign, encoding=name, header=line)

    @property
    def size(self) -> int:
        """How many bytes it has on the disk."""
        return self.path.stat().st_size

    def open(self) -> "Opened":
        """Open it for reading: decompressed, in UTF-8, and with commas between cells."""
        return Opened(self)


class Opened:
    """The text of a file, and how far it has been read on the disk.

    Attributes:
        path: Where the file is.
        first_line: Which line of the file the text begins with: 0 where a header stands before it.
    """

    def __init__(self, source: Source) -> None:
        self.path = source.path
        self._raw = source.path.open("rb")
        self._file = decompressed(self._raw, source.path)
        self.first_line = 1
        chunks = self._decoded(source)
        if source.media is Media.CSV and source.separator not in (None, b","):
            chunks, skips = with_commas(chunks, source.separator or b",")
            self.first_line += skips
        first = next(chunks, b"").removeprefix(b"\xef\xbb\xbf")
        # Whoever names the first line itself means that it is the header.
        if source.header and cells(first.partition(b"\n")[0]) != cells(source.header):
            first = source.header + first
            self.first_line -= 1
        self._chunks = itertools.chain([first], chunks)
        self._rest = b""

    def _decoded(self, source: Source) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(source.encoding)() if source.encoding else None
        while data := self._file.read(2**20):
            try:
                yield decoder.decode(data).encode() if decoder else data
            except UnicodeError as error:
                raise _not_encoded(source, error) from error
        if decoder:
            try:
                yield decoder.decode(b"", final=True).encode()
            except UnicodeError as error:
                raise _not_encoded(source, error) from error

    @property
    def raw_place(self) -> int:
        """How many bytes of the file on the disk have been read."""
        return self._raw.tell()

    def read(self, size: int) -> bytes:
        """Read up to so many bytes; none at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = chunk
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def close(self) -> None:
        """Close it."""
        self._file.close()
        self._raw.close()


def decompressed(raw: IO[bytes], path: Path) -> IO[bytes]:
    """Return what reads a file that is compressed, if its name says so."""
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return io.BufferedReader(gzip.GzipFile(fileobj=raw))
    if suffix == ".zst":
        reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        return io.BufferedReader(reader)
    return raw


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


def cells(line: bytes, separator: str = ",") -> list[str]:
    """Read one line of CSV."""
    text = line.decode(errors="replace").strip()
    return [cell.strip() for cell in next(csv.reader([text], delimiter=separator), [])]


def _header_line(names: str, separator: bytes | None) -> bytes:
    """Return the names of columns as the first line of CSV with commas; they may have the file's separator."""
    sign = (separator or b",").decode()
    if sign == "," or sign not in names:
        return f"{names}\n".encode()
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells(names.encode(), sign))
    return text.getvalue().encode()


def _not_encoded(source: Source, error: UnicodeError) -> ValueError:
    message = f"{source.path} is not {source.encoding}, as --encoding says: {error}"
    return ValueError(f"{message}; leave it out for UTF-8, or name another one")
