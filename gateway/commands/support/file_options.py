"""The options for reading a file of rows, shared by `gateway new` and `gateway load`."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gateway.rowfile.source import Source


@dataclass(frozen=True, slots=True)
class FileOptions:
    """The options for reading a file of rows.

    Attributes:
        separator: The separator of CSV cells.
        encoding: The encoding of the text.
        header: The column names of CSV without a header.
        sheet: The name or the number of the sheet of a workbook.
        without: Columns to leave out, by name or number.
    """

    separator: str | None
    encoding: str | None
    header: str | None
    sheet: str | None
    without: tuple[str, ...]

    def open(self, file: Path) -> Source:
        """Return the file with the options.

        Raises:
            ValueError: The file is not one of rows, or an option is invalid.
        """
        return Source.from_path(file).with_options(self.separator, self.encoding, self.header, self.sheet)

    def words(self) -> list[str]:
        """Return the options as arguments of a command."""
        options = [
            ("--separator", self.separator),
            ("--encoding", self.encoding),
            ("--header", self.header),
            ("--sheet", self.sheet),
            *(("--without", column) for column in self.without),
        ]
        return [word for option, value in options if value is not None for word in (option, value)]


def add_file_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, and pass it their values as `file_options`."""

    @click.option(
        "--separator", metavar="SIGN", help="The separator of CSV cells: ';', '|' or tab. [default: ,]"
    )
    @click.option(
        "--encoding", metavar="NAME", help="The encoding, such as utf-16 or cp1252. [default: UTF-8]"
    )
    @click.option("--header", metavar="NAMES", help="The column names, for CSV whose first line is a row.")
    @click.option("--sheet", metavar="SHEET", help="The sheet of a workbook, by name or number. [default: 1]")
    @click.option(
        "--without",
        multiple=True,
        metavar="COLUMN",
        help="Leave a column out, by name or number; repeatable.",
    )
    @functools.wraps(command)
    def run(
        *arguments: Any,
        separator: str | None,
        encoding: str | None,
        header: str | None,
        sheet: str | None,
        without: tuple[str, ...],
        **more: Any,
    ) -> None:
        command(*arguments, file_options=FileOptions(separator, encoding, header, sheet, without), **more)

    return run
