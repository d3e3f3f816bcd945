"""A sheet of a workbook as CSV: the first row with a value names the columns, and rows without a value are no rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from gateway.rowfile.workbook.archive import WorkbookArchive
from gateway.rowfile.workbook.cell_values import CellValues
from gateway.rowfile.workbook.contents import contents, others
from gateway.rowfile.workbook.days import DayCount
from gateway.rowfile.workbook.formats import cell_formats
from gateway.rowfile.workbook.sheet_rows import SheetRow, SheetRows, cell_name
from gateway.rowfile.workbook.texts import shared_texts

#: The size of a piece of text.
_PIECE_BYTES = 2**20
#: The most bytes of all shared texts of a file that may be hostile.
_TEXTS_BYTES_MAX = 2**27
_MARKS = frozenset('",\r\n')


@dataclass(frozen=True, slots=True)
class SheetText:
    """A sheet of a workbook as text.

    Attributes:
        shown: The name of the file in messages.
        sheet: The name or the number of the sheet; None is the first.
        width: The number of columns if the user names them; 0 if the sheet does.
        bytes_max: The most bytes of a part; None does not bound them.
    """

    shown: str
    sheet: str | None
    width: int = 0
    bytes_max: int | None = None

    def pieces(self, raw: IO[bytes]) -> Iterator[bytes]:
        """Yield the CSV text of the sheet in pieces of whole rows.

        Raises:
            ValueError: The file is damaged, has no such sheet, or a cell has no value that can be stored.
        """
        place = ""
        try:
            archive = WorkbookArchive(raw, self.bytes_max)
            found = contents(archive)
            sheet = found.find(self.sheet)
            texts = shared_texts(
                archive,
                found.texts,
                None if self.bytes_max is None else min(_TEXTS_BYTES_MAX, self.bytes_max),
            )
            values = CellValues(texts, cell_formats(archive, found.styles), DayCount(found.is_1904))
            place = f" the sheet {sheet.name!r}:"
            with archive.open(sheet.part) as file:
                yield from _gathered(self._lines(SheetRows(values).read(file)))
        except ValueError as error:
            raise ValueError(f"{self.shown}:{place} {error}") from error

    def note(self, raw: IO[bytes]) -> str:
        """Return a sentence about the other sheets, if the user has not chosen one; empty if there are none.

        Raises:
            ValueError: As `pieces`.
        """
        try:
            found = contents(WorkbookArchive(raw, self.bytes_max))
            names = others(found, self.sheet)
            first = found.find(self.sheet).name
        except ValueError as error:
            raise ValueError(f"{self.shown}: {error}") from error
        if not names:
            return ""
        shown = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        others_are = "another sheet is" if len(names) == 1 else "other sheets are"
        return (
            f"The rows are those of the first sheet, {first!r}; {others_are} {shown}, and --sheet chooses one"
        )

    def _lines(self, rows: Iterator[SheetRow]) -> Iterator[str]:
        width, last = self.width, ""
        for number, cells in rows:
            if not width:
                width, last = max(cells) + 1, f"{cell_name(max(cells), number)}, the last column name"
            if len(cells) == width and max(cells) < width:
                texts = [cells[place] for place in range(width)]
            elif max(cells) < width:
                texts = [cells.get(place, "") for place in range(width)]
            else:
                raise ValueError(
                    _outside(cell_name(max(cells), number), last or f"the {width} columns of --header")
                )
            yield ",".join([text if _MARKS.isdisjoint(text) else _quoted(text) for text in texts]) + "\n"


def _gathered(lines: Iterator[str]) -> Iterator[bytes]:
    waiting: list[str] = []
    held = 0
    for line in lines:
        waiting.append(line)
        held += len(line)
        if held >= _PIECE_BYTES:
            yield "".join(waiting).encode()
            waiting, held = [], 0
    if waiting:
        yield "".join(waiting).encode()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _outside(cell: str, last: str) -> str:
    return (
        f"{cell} has a value right of {last}; name its column in that row, or clear the cell"
        " (if that row is a title and not the names of the columns, delete it)"
    )
