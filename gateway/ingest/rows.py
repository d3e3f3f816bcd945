"""Decoded rows of a body before the schema check, with the errors of those that cannot be decoded."""

from dataclasses import dataclass, field

from gateway.errors import Code
from gateway.strictjson import Json

#: How many rows are Python values at a time.
CHUNK_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class RowError:
    """An error of one row.

    `row` counts from 1, `line` is set for NDJSON and CSV, and `item` for an item of a list. If there are very many
    errors, the later ones are not explained: only their field and code are kept.
    """

    row: int
    line: int | None
    field: str | None
    code: Code
    message: str
    value: Json = None
    item: int | None = None
    is_explained: bool = True


@dataclass(slots=True)
class Rows:
    """A chunk of the rows of a body: decoded values with their numbers and texts, and undecodable rows.

    `undecodable` has the texts of the undecodable rows, by their numbers.
    """

    values: list[Json] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    lines: list[int | None] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    undecodable: dict[int, bytes] = field(default_factory=dict)

    def add(self, value: Json, number: int, line: int | None, text: bytes) -> None:
        """Add one decoded row."""
        self.values.append(value)
        self.numbers.append(number)
        self.lines.append(line)
        self.texts.append(text)

    def add_undecodable(self, error: RowError, text: bytes) -> None:
        """Add one row that could not be decoded."""
        self.errors.append(error)
        self.undecodable[error.row] = text

    def without(self, places: set[int]) -> "Rows":
        """Return the decoded rows except those at some places."""
        if not places:
            return self
        left = [place for place in range(len(self.values)) if place not in places]
        return Rows(
            [self.values[place] for place in left],
            [self.numbers[place] for place in left],
            [self.lines[place] for place in left],
            [self.texts[place] for place in left],
        )

    @property
    def is_full(self) -> bool:
        """True if the chunk is large enough to be checked before more rows are decoded."""
        return len(self.values) + len(self.errors) >= CHUNK_ROWS


def row_too_large(number: int, line: int | None, size: int, max_row: int) -> RowError:
    """Return the error of a row that is larger than GATEWAY_MAX_ROW."""
    message = f"the row has {size} bytes; at most {max_row} are allowed (GATEWAY_MAX_ROW)"
    return RowError(number, line, None, Code.BODY_TOO_LARGE, message)
