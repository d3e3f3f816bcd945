"""A file of rows, plain or compressed, and how it is written."""

import codecs
import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.media_types import Media
from gateway.rowfile.file_names import SUFFIXES, suffix_of
from gateway.rowfile.separators import SEPARATORS


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
    def from_path(cls, path: Path) -> "Source":
        """Tell by its name what a file is.

        Raises:
            ValueError: Where the name does not tell, or no such file is there.
        """
        suffix = suffix_of(path)
        return cls(path, SUFFIXES[suffix], b"\t" if suffix == ".tsv" else None)

    def with_options(self, separator: str | None, encoding: str | None, header: str | None) -> "Source":
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


def csv_cells(line: bytes, separator: str = ",") -> list[str]:
    """Read one line of CSV."""
    text = line.decode(errors="replace").strip()
    return [cell.strip() for cell in next(csv.reader([text], delimiter=separator), [])]


def _header_line(names: str, separator: bytes | None) -> bytes:
    """Return the names of columns as the first line of CSV with commas; they may have the file's separator."""
    sign = (separator or b",").decode()
    if sign == "," or sign not in names:
        return f"{names}\n".encode()
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(csv_cells(names.encode(), sign))
    return text.getvalue().encode()
