"""The columns of a file of rows, each with a guess of its type."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.draft import header
from gateway.draft.arrow_columns import arrow_columns
from gateway.draft.csv_columns import CsvColumns
from gateway.draft.guess import Guess, guess
from gateway.draft.json_columns import JsonColumns
from gateway.errors import suggest
from gateway.media_types import Media
from gateway.rowfile import sniffing
from gateway.rowfile.chunks import split
from gateway.rowfile.option_error import FileOptionError
from gateway.rowfile.source import Source
from gateway.rowfile.source_reader import sheet_note

#: The size of the chunks that are inspected.
CHUNK_BYTES = 2**21


class HeaderOnlyError(FileOptionError):
    """CSV has one line, which names its columns or is a row."""


@dataclass(slots=True)
class DraftColumns:
    """The columns of a file.

    Attributes:
        rows: The number of rows that were inspected.
        guesses: The guess for each column with a name, in the order of the file.
        is_whole: Whether all rows were inspected.
        nameless: The numbers of the columns without a name, from 1, each with whether it has values.
        doubt: Why the first line may not be the header, or None.
        width: The number of CSV columns, including those without a name.
        note: A sentence about the other sheets of a workbook, or empty.
    """

    rows: int = 0
    guesses: dict[str, Guess] = field(default_factory=dict)
    is_whole: bool = True
    nameless: dict[int, bool] = field(default_factory=dict)
    doubt: str | None = None
    width: int = 0
    note: str = ""


def inspect(source: Source, row_limit: int | None, without: Sequence[str] = ()) -> DraftColumns:
    """Inspect the rows of a file, and guess the types of its columns.

    Args:
        source: The file.
        row_limit: The number of rows after which to stop, at the end of a chunk; None for all rows.
        without: Columns to leave out, by name or number.

    Raises:
        ValueError: The rows cannot be read; the message names the line.
    """
    sniffing.check_content(source)
    if source.media in (Media.PARQUET, Media.ARROW):
        return _remove(DraftColumns(*arrow_columns(source)), without, source)
    collector = CsvColumns(source) if source.media is Media.CSV else JsonColumns(source)
    is_whole = True
    for chunk in split(source, CHUNK_BYTES):
        if row_limit is not None and collector.rows >= row_limit:
            is_whole = False
            break
        collector.add(chunk)
    if not collector.rows:
        raise _no_rows(source)
    guesses = {name: guess(evidence) for name, evidence in collector.columns.items()}
    columns = DraftColumns(collector.rows, guesses, is_whole)
    if isinstance(collector, CsvColumns):
        nameless = collector.nameless.items()
        columns.nameless = {place + 1: evidence.absent < evidence.rows for place, evidence in nameless}
        header.check_no_title(collector.names, columns.nameless, source)
        if not source.header:
            header.check_is_no_row(collector.columns, collector.names, source)
            columns.doubt = header.doubt(collector.names)
        columns.width = len(collector.names)
        columns.note = sheet_note(source)
    return _remove(columns, without, source)


def _no_rows(source: Source) -> ValueError:
    """Return the error of a file without rows. CSV may have a header alone, or a row in its place."""
    names = header.first_line(source) if source.media is Media.CSV and not source.header else []
    message = f"{source.shown} has no rows to infer types from"
    if not names:
        return ValueError(message)
    line = header.default_names(len(names))
    return HeaderOnlyError(
        f"{message}: its only line is the header. Add a row; if the line is a row, name the columns: --header {line}",
        "header",
        line,
    )


def _remove(columns: DraftColumns, without: Sequence[str], source: Source) -> DraftColumns:
    names = list(columns.guesses)
    for column in without:
        if column in columns.guesses:
            del columns.guesses[column]
        elif column.isdecimal() and int(column) in columns.nameless:
            del columns.nameless[int(column)]
        else:
            hint = suggest(column, names, "its columns are")
            raise ValueError(f"{source.shown} has no column {column!r} to leave out; {hint}")
    return columns
