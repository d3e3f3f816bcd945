"""Rows of a body on their way from its text to the schema, and what is wrong with those that cannot be decoded."""

from dataclasses import dataclass, field

from gateway import strictjson
from gateway.errors import Code
from gateway.strictjson import Json

#: How many rows are held as Python values at a time.
ROWS_AT_A_TIME = 10_000


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one row. `row` counts from 1; `line` is set for NDJSON and CSV."""

    row: int
    line: int | None
    field: str | None
    code: Code
    message: str
    value: Json = None


@dataclass(slots=True)
class Rows:
    """Some rows of a body: decoded values with their numbers and texts, and the rows that could not be decoded.

    `unread` has the texts of those, by their numbers.
    """

    values: list[Json] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    lines: list[int | None] = field(default_factory=list)
    texts: list[bytes] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    unread: dict[int, bytes] = field(default_factory=dict)

    def add(self, value: Json, number: int, line: int | None, text: bytes) -> None:
        """Add one decoded row."""
        self.values.append(value)
        self.numbers.append(number)
        self.lines.append(line)
        self.texts.append(text)

    def add_unread(self, error: RowError, text: bytes) -> None:
        """Add one row that could not be decoded."""
        self.errors.append(error)
        self.unread[error.row] = text

    def without(self, places: set[int]) -> "Rows":
        """Give the decoded rows but for those at some places."""
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
    def full(self) -> bool:
        """Whether it is time to go on with these before reading more."""
        return len(self.values) + len(self.errors) >= ROWS_AT_A_TIME


def too_large(number: int, line: int | None, size: int, max_row: int) -> RowError:
    """Make the error of a row that is larger than GATEWAY_MAX_ROW."""
    message = f"the row has {size} bytes; at most {max_row} are taken (GATEWAY_MAX_ROW)"
    return RowError(number, line, None, Code.BODY_TOO_LARGE, message)


def shorten(value: Json) -> str:
    """Show a value inside a message, cut where it is long."""
    shown = f"'{value}'" if isinstance(value, str) else strictjson.write(value).decode()
    return shown if len(shown) <= 100 else f"{shown[:99]}…"
