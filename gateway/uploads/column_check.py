"""The columns of a file against the fields of a connector, before anything is stored."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from gateway.connectors.connector import Connector, Field
from gateway.ingest import csv_records
from gateway.media_types import Media
from gateway.rowfile import sniffing
from gateway.rowfile.batches import BATCH_BYTES
from gateway.rowfile.chunk import Chunk
from gateway.rowfile.chunks import split
from gateway.rowfile.source import Source
from gateway.rowfile.source_reader import sheet_note
from gateway.uploads.reading import ReadingLimits, in_words_of_form, read_detecting
from gateway.uploads.upload import ReadingOptions, UploadedFile


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column of a file.

    Attributes:
        name: Its name; its number if it has none.
        field: The field that takes its values, None if the connector has none.
        has_name: Whether it has a name.
        is_ignored: Whether it has neither a name nor a value, so that an endpoint passes over it.
    """

    name: str
    field: Field | None
    has_name: bool = True
    is_ignored: bool = False


@dataclass(frozen=True, slots=True)
class ColumnCheck:
    """The columns of a file, and the fields that it has no column for.

    Attributes:
        columns: The columns of its first batch, in their order.
        missing: The fields without a column.
        note: A sentence about the other sheets of a workbook, or empty.
    """

    columns: tuple[FileColumn, ...]
    missing: tuple[Field, ...]
    note: str = ""

    @property
    def matching(self) -> list[FileColumn]:
        """The columns that a field takes."""
        return [each for each in self.columns if each.field is not None]

    @property
    def unknown(self) -> list[str]:
        """The columns that no field takes, as values of `without`."""
        return [each.name for each in self.columns if each.field is None and not each.is_ignored]

    @property
    def blocking(self) -> list[Field]:
        """The fields without a column that need a value in every row."""
        return [field for field in self.missing if field.required]

    def body(self) -> dict[str, Any]:
        """Return it as JSON for clients."""
        return {
            "matching": {each.name: each.field.name for each in self.columns if each.field is not None},
            "unknown": self.unknown,
            "missing": [field.name for field in self.missing],
            "required": [field.name for field in self.blocking],
        }


def check_columns(
    upload: UploadedFile, path: Path, connector: Connector, limits: ReadingLimits
) -> tuple[ColumnCheck, ReadingOptions]:
    """Compare the columns of a file's first batch with the fields of a connector.

    Returns:
        The comparison, and the options with which the file can be read.

    Raises:
        RowsFileError: The file cannot be read, or has no rows.
    """
    (first, note), options = read_detecting(upload, path, limits, _first_batch)
    names = first.column_names()
    empty = _empty_columns(first) if first.media is Media.CSV and not all(map(str.strip, names)) else ()
    columns = tuple(
        FileColumn(name, connector.find_input(name))
        if name.strip()
        else FileColumn(str(place + 1), None, has_name=False, is_ignored=place in empty)
        for place, name in enumerate(names)
    )
    taken = {each.field.name for each in columns if each.field is not None}
    missing = tuple(field for field in connector.fields if field.name not in taken)
    return ColumnCheck(columns, missing, in_words_of_form(note)), options


def _empty_columns(chunk: Chunk) -> set[int]:
    """Return the indexes of the columns of CSV without a value."""
    header, *rows = (cells for _, _, cells in csv_records.read(chunk.data, 0) if isinstance(cells, list))
    filled = {place for cells in rows for place, cell in enumerate(cells) if cell and cell.strip()}
    return set(range(len(header))) - filled


def _first_batch(source: Source) -> tuple[Chunk, str]:
    """Return the first batch of a file, and a note about its other sheets."""
    sniffing.check_content(source)
    first = next(iter(islice(split(source, BATCH_BYTES), 1)), None)
    if first is None:
        raise ValueError(f"{source.shown} has no rows; nothing was stored")
    return first, sheet_note(source)
