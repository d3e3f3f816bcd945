"""The options that say how a file of rows is written, alike for `gateway new` and `gateway load`."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gateway.rowfile.source import Source


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What the user says of a file.

    Attributes:
        separator: What is between the cells of CSV.
        encoding: What its text is encoded in.
        header: The names of the columns of CSV whose first line is a row.
        without: The columns that are left out, by their names or numbers.
    """

    separator: str | None
    encoding: str | None
    header: str | None
    without: tuple[str, ...]

    def open(self, file: Path) -> Source:
        """Return the file as it is to be read.

        Raises:
            ValueError: Where it cannot be.
        """
        return Source.from_path(file).with_options(self.separator, self.encoding, self.header)

    def words(self) -> list[str]:
        """Return the options as they are typed."""
        said = [("--separator", self.separator), ("--encoding", self.encoding), ("--header", self.header)]
        said += [("--without", each) for each in self.without]
        return [word for option, value in said if value is not None for word in (option, value)]


def add_file_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options, and what they say as `file_options`."""

    @click.option(
        "--separator", metavar="SIGN", help="What is between the cells of CSV: ';', '|' or tab. [default: ,]"
    )
    @click.option(
        "--encoding", metavar="NAME", help="What the text is, such as utf-16 or cp1252. [default: UTF-8]"
    )
    @click.option(
        "--header", metavar="NAMES", help="The names of the columns, for CSV whose first line is a row."
    )
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
        without: tuple[str, ...],
        **more: Any,
    ) -> None:
        command(*arguments, file_options=FileOptions(separator, encoding, header, without), **more)

    return run
