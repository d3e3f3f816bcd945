"""A file of rows to what each of its columns seems to be."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.draft import header
from gateway.draft.csv_columns import CsvColumns
from gateway.draft.guess import Guess, guess
from gateway.draft.json_columns import JsonColumns
from gateway.draft.parquet_columns import parquet_columns
from gateway.errors import suggest
from gateway.media_types import Media
from gateway.rowfile import sniffing
from gateway.rowfile.chunks import split
from gateway.rowfile.source import Source

#: How many bytes of rows are looked at together.
CHUNK_BYTES = 2**21


@dataclass(slots=True)
class DraftColumns:
    """The columns of a file.

    Attributes:
        rows: How many rows were looked at.
        guesses: What each column seems to be, in the order of the file.
        is_whole: Whether all rows were looked at.
        nameless: The numbers of columns that have no name, from 1, each with whether it has values.
        left_out: The names of columns that are left out as the user has said.
        doubt: Why the first line may be no header, or None.
        width: How many columns CSV has, those without a name included.
    """

    rows: int = 0
    guesses: dict[str, Guess] = field(default_factory=dict)
    is_whole: bool = True
    nameless: dict[int, bool] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    doubt: str | None = None
    width: int = 0


def inspect(source: Source, most: int | None, without: Sequence[str] = ()) -> DraftColumns:
    """Look at the rows of a file, or the first `most` of them.

    Args:
        source: The file.
        most: None for all rows.
        without: Columns that are left out, by their names or numbers.

    Raises:
        ValueError: Where they cannot be read, naming the line.
    """
    sniffing.check_content(source)
    if source.media is Media.PARQUET:
        return _without(DraftColumns(*parquet_columns(source)), without, source)
    looking = CsvColumns(source) if source.media is Media.CSV else JsonColumns(source)
    is_whole = True
    for chunk in split(source, CHUNK_BYTES):
        if most is not None and looking.rows >= most:
            is_whole = False
            break
        looking.add(chunk)
    if not looking.rows:
        raise ValueError(f"{source.path} has no rows to tell from{_behind_header(source)}")
    found = DraftColumns(
        looking.rows, {name: guess(each) for name, each in looking.columns.items()}, is_whole
    )
    if isinstance(looking, CsvColumns):
        found.nameless = {place + 1: each.absent < each.rows for place, each in looking.nameless.items()}
        header.check_no_title(looking.names, found.nameless, source)
        if not source.header:
            header.check_is_no_row(looking.columns, looking.names, source)
            found.doubt = header.doubt(looking.names)
        found.width = len(looking.names)
    return _without(found, without, source)


def _behind_header(source: Source) -> str:
    """Say what to do where CSV has a header alone."""
    names = header.first_line(source) if source.media is Media.CSV and not source.header else []
    if not names:
        return ""
    return (
        ": its one line is the header. Add a row, or use --field 'NAME: TYPE' for each column in place of --from;"
        f" if the line is a row, name the columns: --header {header.default_names(len(names))}"
    )


def _without(columns: DraftColumns, without: Sequence[str], source: Source) -> DraftColumns:
    """Leave columns out."""
    names = list(columns.guesses)
    for each in without:
        if each in columns.guesses:
            del columns.guesses[each]
        elif each.isdecimal() and int(each) in columns.nameless:
            del columns.nameless[int(each)]
        else:
            hint = suggest(each, names, "its columns are")
            raise ValueError(f"{source.path} has no column {each!r} to leave out; {hint}")
    columns.left_out = tuple(without)
    return columns
