"""The rows of a sheet with their cells, as they are read."""

from collections.abc import Iterator
from typing import IO

from gateway.rowfile.workbook.cell_values import CellValues
from gateway.rowfile.workbook.texts import CELL_CHARACTERS_MAX, RunCollector, too_long, unescaped
from gateway.rowfile.workbook.xml_parts import parsed

#: The most columns of a sheet, and the letters of the last one.
_COLUMNS_MAX = 16_384
_DIGITS = "0123456789"
#: The most pieces of a value; the parser hands over up to 32 KiB at a time.
_PIECES_MAX = CELL_CHARACTERS_MAX // 2**15
#: The most characters of the cells that are held at a time: those of a row, and of one piece of XML.
_HELD_MAX = 2**25
#: A row: its number on the sheet, and the text of each cell with a value, by the number of its column from 0.
SheetRow = tuple[int, dict[int, str]]


class CellError(ValueError):
    """A cell has no value that can be stored."""

    def __init__(self, cell: str, problem: str) -> None:
        super().__init__(f"{cell} {problem}")


class SheetRows:
    """Reads the rows of one sheet."""

    def __init__(self, values: CellValues) -> None:
        self._values = values
        self._held = 0
        self._rows: list[SheetRow] = []
        self._cells: dict[int, str] = {}
        self._row = self._column = 0
        self._kind = self._style = ""
        self._has_formula = self._has_value = self._is_value = False
        self._text: list[str] = []
        self._runs: RunCollector | None = None
        self._columns: dict[str, int] = {}

    def read(self, file: IO[bytes]) -> Iterator[SheetRow]:
        """Yield the rows that have a value.

        Raises:
            ValueError: The part is damaged.
            CellError: A cell has no value that can be stored.
        """
        for _ in parsed(file, self._start, self._end, self._characters):
            yield from self._rows
            self._rows.clear()
            self._held = sum(map(len, self._cells.values()))

    # -- what the parser calls

    def _start(self, name: str, given: dict[str, str]) -> None:
        if name == "c":
            self._begin_cell(given)
        elif name == "v":
            self._has_value = self._is_value = True
        elif self._runs is not None:
            self._runs.start(name)
        elif name == "is":
            self._runs, self._has_value = RunCollector(), True
        elif name == "f":
            self._has_formula = True
        elif name == "row":
            self._row = int(given["r"]) if "r" in given else self._row + 1
            self._column = -1

    def _end(self, name: str) -> None:
        if name == "v":
            self._is_value = False
        elif name == "c":
            self._end_cell()
        elif name == "is" and self._runs is not None:
            self._text, self._runs = [unescaped(self._runs.take())], None
        elif self._runs is not None:
            self._runs.end(name)
        elif name == "row":
            if self._cells:
                self._rows.append((self._row, self._cells))
            self._cells = {}

    def _characters(self, text: str) -> None:
        if self._is_value:
            self._text.append(text)
            if len(self._text) > _PIECES_MAX:
                raise too_long()
        elif self._runs is not None:
            self._runs.add(text)

    # -- one cell

    def _begin_cell(self, given: dict[str, str]) -> None:
        letters = given.get("r", "").rstrip(_DIGITS)
        if not letters:
            self._column += 1
        elif (column := self._columns.get(letters)) is None:
            self._column = self._columns[letters] = column_number(letters)
        else:
            self._column = column
        self._kind, self._style = given.get("t", "n"), given.get("s", "0")
        self._has_formula = self._has_value = False

    def _end_cell(self) -> None:
        # openpyxl writes an empty value for a formula.
        if self._has_formula and self._kind != "str" and not any(self._text):
            raise CellError(
                cell_name(self._column, self._row),
                "has a formula that was never computed; open the file in a spreadsheet program, and save it",
            )
        if self._has_value:
            value = self._text[0] if len(self._text) == 1 else "".join(self._text)
            try:
                text = self._values.read(self._kind, self._style, value)
            except ValueError as error:
                raise CellError(cell_name(self._column, self._row), str(error)) from error
            if text:
                self._cells[self._column] = text
                self._held += len(text)
                if self._held > _HELD_MAX:
                    raise ValueError(f"row {self._row} and those beside it have too much text for a sheet")
            self._text.clear()


def column_number(letters: str) -> int:
    """Return the number from 0 of a column that has letters as its name.

    Raises:
        ValueError: No sheet has such a column.
    """
    number = 0
    for letter in letters[:4]:
        number = number * 26 + ord(letter) - ord("A") + 1
    if not (letters.isascii() and letters.isupper() and number <= _COLUMNS_MAX):
        raise ValueError(f"it has a cell in a column {letters[:10]!r}, which no sheet has")
    return number - 1


def cell_name(column: int, row: int) -> str:
    """Return the name of a cell, such as B7."""
    letters, number = "", column + 1
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row}"
