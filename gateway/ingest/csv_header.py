"""The header of a CSV body: the field of each column, and the errors of unknown names."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.connectors.connector import Connector, Field
from gateway.errors import Code, GatewayError, RowErrors, nearest
from gateway.ingest.excerpts import shorten, shown

#: How many names a message shows, and how many an error lists.
_SHOWN_NAMES, _LISTED_NAMES = 10, 100
#: The prefix that pandas gives to columns without a name.
_PANDAS_PREFIX = "Unnamed: "
_WITHOUT_INDEX = "write the file with to_csv(index=False)"


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
        also = f" (and {_shortened(others)})" if others else ""
        message = f"column {place + 1} of the header has no name{also}, but {found}"
        if place == 0:
            hint = f"it looks like the index of pandas: {_WITHOUT_INDEX}, or give the column a name"
        else:
            hint = "give the column a name, or remove it with its commas"
        return GatewayError(Code.FIELD_UNKNOWN, message, hint=_or_columns(hint, self.taken))

    def no_value(self) -> str:
        """Return the message for a record whose cells are all empty."""
        return (
            f"every cell of the row is empty, and values are required: {_shortened(self.required)};"
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
    nameless = tuple(place for place, name in enumerate(names) if not name.strip())
    fields = [connector.find_input(name) if name.strip() else None for name in names]
    if columns is None:
        unknown = [name for name, field in zip(names, fields, strict=True) if field is None and name.strip()]
    else:
        fields = [field if field in columns else None for field in fields]
        unknown, nameless = [], ()
    taken = [name for name, field in zip(names, fields, strict=True) if field]
    missing = [field.name for field in connector.fields if field.required and field not in fields]
    if unknown:
        raise _unknown(unknown, taken, missing, connector)
    _require_once(names, fields)
    _require_all(taken, missing, connector, columns)
    min_cells = len(names)
    # Columns that `columns` skips have cells in every row.
    while nameless and min_cells and not names[min_cells - 1].strip():
        min_cells -= 1
    required = tuple(field.name for field in fields if field and field.required)
    return CsvHeader(fields, nameless, min_cells, tuple(taken), required)


def _require_once(names: Sequence[str], fields: Sequence[Field | None]) -> None:
    seen: dict[str, str] = {}
    for name, field in zip(names, fields, strict=True):
        if field is None:
            continue
        if field.name in seen:
            repeated = f"{shorten(name)} twice" if seen[field.name] == name else ""
            both = repeated or f"{shorten(seen[field.name])} and {shorten(name)}, which are one field"
            raise GatewayError(
                Code.BODY_INVALID, f"the CSV header names {both}", hint="name every field once"
            )
        seen[field.name] = name


def _require_all(
    taken: Sequence[str], missing: Sequence[str], connector: Connector, columns: Sequence[Field] | None
) -> None:
    fields = ", ".join(field.name for field in connector.fields)
    if not taken:
        named = f"none of the columns {', '.join(field.name for field in columns)}" if columns else "no field"
        raise GatewayError(
            Code.BODY_INVALID, f"the CSV header names {named}", hint=f"the fields are {fields}"
        )
    if missing:
        message = f"the CSV header lacks the required {', '.join(missing)}"
        raise GatewayError(Code.VALUE_MISSING, message, hint=f"the fields are {fields}")


def _unknown(
    names: Sequence[str], taken: Sequence[str], missing: Sequence[str], connector: Connector
) -> GatewayError:
    """Return the error for names that are not fields, each with its likely meaning."""
    known = [field.name for field in connector.fields]
    guesses = {name: nearest(name, known) for name in names[:_LISTED_NAMES]}
    listed = [_listed(name, Code.FIELD_UNKNOWN, _message_for(name, guess)) for name, guess in guesses.items()]
    listed += [
        _listed(name, Code.VALUE_MISSING, "a value is required, and no column has this name")
        for name in missing[: _LISTED_NAMES - len(listed)]
    ]
    listing = [shorten(name) + _suggestion(guess) for name, guess in [*guesses.items()][:_SHOWN_NAMES]]
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    if len(names) == 1:
        message = f"the CSV header names {shorten(names[0])}, which is not a field"
    else:
        message = f"the CSV header names {len(names)} columns that are not fields: {', '.join(listing)}{more}"
    return GatewayError(
        Code.FIELD_UNKNOWN,
        message,
        details=f"the header lacks the required {', '.join(missing)}" if missing else None,
        hint=_or_columns(_way_out(names, taken, guesses, known), [] if missing else taken),
        row_errors=RowErrors(listed, len(names) + len(missing), 0, 0),
    )


def _way_out(
    names: Sequence[str], taken: Sequence[str], guesses: dict[str, str | None], known: Sequence[str]
) -> str:
    if any(name.startswith(_PANDAS_PREFIX) for name in names):
        return f"'{_PANDAS_PREFIX}N' is a column without a name, such as an index that pandas wrote: {_WITHOUT_INDEX}"
    if not taken and any(_is_value(name) for name in names[:_SHOWN_NAMES]) and not any(guesses.values()):
        return (
            f"the first line looks like a row; the names of the columns belong before it: {','.join(known)}"
        )
    if len(names) == 1 and guesses[names[0]]:
        return f"did you mean '{guesses[names[0]]}'?"
    return f"the fields are {', '.join(known)}"


def _is_value(name: str) -> bool:
    """Return whether a name looks like a value, as in a file without a header."""
    return name[:1].isdigit() or name[:1] in "-+." or name.lower() in ("true", "false", "null")


def _or_columns(hint: str, taken: Sequence[str]) -> str:
    """Add the way to skip other columns to a hint, if no required field is missing."""
    if not taken:
        return hint
    joined = f"{hint} Or" if hint.endswith("?") else f"{hint}; or"
    return f"{joined} ignore other columns with ?columns={','.join(taken)}"


def _shortened(names: Sequence[str]) -> str:
    """Return the first names as a list in words, with the number of the others."""
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return ", ".join(names[:_SHOWN_NAMES]) + more


def _message_for(name: str, guess: str | None) -> str:
    return f"{shorten(name)} is not a field" + (f"; did you mean '{guess}'?" if guess else "")


def _suggestion(guess: str | None) -> str:
    return f" (did you mean '{guess}'?)" if guess else ""


def _listed(name: str, code: Code, message: str) -> dict[str, object]:
    return {
        "row": None,
        "line": 1,
        "field": shown(name),
        "code": code.code,
        "message": message,
        "value": None,
    }
