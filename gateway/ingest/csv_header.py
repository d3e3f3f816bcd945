"""The header of a CSV body: the field of each column, and the errors of unknown names."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.connectors.connector import Connector, Field
from gateway.errors import Code, GatewayError
from gateway.ingest.column_names import NameSource, first_names, or_columns
from gateway.ingest.excerpts import shorten

_WITHOUT_INDEX = "write the file with to_csv(index=False)"
#: The prefix that pandas gives to columns without a name.
_PANDAS_PREFIX = "Unnamed: "
_HEADER = NameSource(
    "the CSV header",
    line=1,
    odd_names={
        _PANDAS_PREFIX: f"'{_PANDAS_PREFIX}N' is a column without a name, such as an index that pandas wrote: {_WITHOUT_INDEX}"
    },
    may_be_row=True,
)


@dataclass(frozen=True, slots=True)
class CsvHeader:
    """The columns of a CSV body.

    Attributes:
        fields: The field of each column; None for a skipped column.
        nameless: The indexes of columns without a name. They are skipped; their cells must be empty.
        min_cells: How many cells a row needs at least. Nameless columns at the end need none.
        taken: The names of the columns that are not skipped, as the header spells them.
        required: The names of fields that need a value in every row.
    """

    fields: list[Field | None]
    nameless: tuple[int, ...]
    min_cells: int
    taken: tuple[str, ...]
    required: tuple[str, ...]

    def require_empty(self, record: Sequence[str | None], number: int, line: int) -> None:
        """Check that a row has no value in the columns without a name.

        Raises:
            GatewayError: It has one; the message names the first.
        """
        for place in self.nameless:
            if place >= len(record):
                return
            cell = record[place]
            if cell is not None and cell.strip():
                raise self._nameless(place, f"row {number} (line {line}) has {shorten(cell)} in it")

    def _nameless(self, place: int, found: str) -> GatewayError:
        others = [str(other + 1) for other in self.nameless if other != place]
        also = f" (and {first_names(others)})" if others else ""
        message = f"column {place + 1} of the header has no name{also}, but {found}"
        if place == 0:
            hint = f"it looks like the index of pandas: {_WITHOUT_INDEX}, or give the column a name"
        else:
            hint = "give the column a name, or remove it with its commas"
        return GatewayError(Code.FIELD_UNKNOWN, message, hint=or_columns(hint, self.taken))

    def no_value(self) -> str:
        """Return the message for a record whose cells are all empty."""
        return (
            f"every cell of the row is empty, and values are required: {first_names(self.required)};"
            " spreadsheets write such rows below a table: remove the line"
        )

    def problem_of(self, record: Sequence[str | None]) -> str:
        """Return the message for a record that has more or fewer cells than the header."""
        cells = "1 cell" if len(record) == 1 else f"{len(record)} cells"
        problem = f"the row has {cells}, the header {len(self.fields)}"
        extra = record[len(self.fields) :]
        if not extra:
            return problem
        if any(extra):
            return f"{problem}; put a cell that has a comma in it in quotes"
        return f"{problem}; the last is empty, so remove the comma at the end of the line"


def parse(cells: Sequence[str | None], connector: Connector, columns: Sequence[Field] | None) -> CsvHeader:
    """Parse the header of a body.

    Args:
        cells: The cells of the header.
        connector: The connector whose fields they name.
        columns: The fields that are taken, while other columns are skipped; None takes all columns.

    Raises:
        GatewayError: It lists every name that is not a field, and the missing fields.
    """
    names = [cell or "" for cell in cells]
    fields = _HEADER.fields_of(names, connector, columns)
    # `columns` skips columns without a name.
    nameless = tuple(place for place, name in enumerate(names) if not name.strip() and columns is None)
    taken = [name for name, field in zip(names, fields, strict=True) if field]
    min_cells = len(names)
    # Columns that `columns` skips have cells in every row.
    while nameless and min_cells and not names[min_cells - 1].strip():
        min_cells -= 1
    required = tuple(field.name for field in fields if field and field.required)
    return CsvHeader(fields, nameless, min_cells, tuple(taken), required)
