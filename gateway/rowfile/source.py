"""Source: a file of rows and how it is written."""

import codecs
import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from gateway.media_types import Media
from gateway.rowfile.file_names import SUFFIXES, WORKBOOKS, suffix_of
from gateway.rowfile.separators import SEPARATORS


@dataclass(frozen=True, slots=True)
class Source:
    """A file of rows and how it is written.

    Attributes:
        path: The path of the file.
        shown: The name of the file in messages: its path, or what its user calls it.
        media: The format of its rows.
        separator: The separator of CSV cells; None if not given.
        encoding: The encoding of its text; None if not given: it is UTF-8.
        header: The line with the names of the columns, for CSV without a header.
        is_workbook: Whether it is a workbook, of which a sheet is read as CSV.
        sheet: The name or the number of the sheet; None is the first.
        held_bytes_max: The most bytes of a row, and of a JSON value that is no array; None does not bound them.
        text_bytes_max: The most bytes of its decompressed text; None does not bound them.
    """

    path: Path
    shown: str
    media: Media
    separator: bytes | None = None
    encoding: str | None = None
    header: bytes = b""
    is_workbook: bool = False
    sheet: str | None = None
    held_bytes_max: int | None = None
    text_bytes_max: int | None = None

    @classmethod
    def from_path(cls, path: Path) -> "Source":
        """Return the source with the format that the suffix of the file names.

        Raises:
            ValueError: The suffix is not that of a file of rows, or the file does not exist.
        """
        suffix = suffix_of(path)
        separator = b"\t" if suffix == ".tsv" else None
        return cls(path, str(path), SUFFIXES[suffix], separator, is_workbook=suffix in WORKBOOKS)

    def with_options(
        self, separator: str | None, encoding: str | None, header: str | None, sheet: str | None = None
    ) -> "Source":
        """Return the source with the options of the user.

        Raises:
            ValueError: An option is invalid, or does not fit the format.
        """
        self._check_options_fit(separator, encoding, header, sheet)
        try:
            name = codecs.lookup(encoding).name if encoding else None
        except LookupError as error:
            message = f"--encoding {encoding!r} is not a known encoding"
            raise ValueError(
                f"{message}; use utf-16, cp1252, latin-1, or another encoding of Python"
            ) from error
        sign = self.separator
        if separator is not None:
            sign = SEPARATORS.get(separator.lower(), separator.encode())
            if len(sign) != 1 or sign in b'"\r\n':
                message = f"--separator {separator!r} is not one ASCII character"
                raise ValueError(f"{message}; use ';', '|', tab, or another one")
        if header and "\n" in header:
            raise ValueError("--header is more than one line; name the columns in one line, as in a,b,c")
        line = _header_line(header, sign) if header else b""
        return replace(self, separator=sign, encoding=name, header=line, sheet=sheet or None)

    def _check_options_fit(
        self, separator: str | None, encoding: str | None, header: str | None, sheet: str | None
    ) -> None:
        if self.media is not Media.CSV and (separator or header):
            raise ValueError(f"{self.shown} is not CSV; --separator and --header are for CSV")
        if self.media in (Media.PARQUET, Media.ARROW) and encoding:
            name = self.media.name.capitalize()
            raise ValueError(f"{self.shown} is {name}, whose text is always UTF-8; omit --encoding")
        if self.is_workbook and (separator or encoding):
            raise ValueError(f"{self.shown} is a workbook; --separator and --encoding are for CSV")
        if sheet and not self.is_workbook:
            raise ValueError(f"{self.shown} is not a workbook; --sheet is for .xlsx")

    @property
    def name(self) -> str:
        """The name of the file without its folder."""
        return PurePath(self.shown).name

    @property
    def stem(self) -> str:
        """The name without its suffixes."""
        return self.name.partition(".")[0]

    @property
    def size(self) -> int:
        """The size of the file on disk in bytes."""
        return self.path.stat().st_size


def csv_cells(line: bytes, separator: str = ",") -> list[str]:
    """Parse one line of CSV."""
    text = line.decode(errors="replace").strip()
    cells = next(csv.reader([text], delimiter=separator, skipinitialspace=True), [])
    return [cell.strip() for cell in cells]


def _header_line(names: str, separator: bytes | None) -> bytes:
    """Return the column names as a CSV header with commas; they may be separated as in the file."""
    sign = (separator or b",").decode()
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(csv_cells(names.encode(), sign if sign in names else ","))
    return text.getvalue().encode()
