"""Rows of a body on their way from its text to the schema, and what is wrong with those that cannot be decoded."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway import strictjson
from gateway.errors import Code
from gateway.printable import visible
from gateway.strictjson import Json

#: How many rows are held as Python values at a time.
ROWS_AT_A_TIME = 10_000
#: How many characters are shown of a value.
MAX_SHOWN = 100


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one row.

    `row` counts from 1; `line` is set for NDJSON and CSV, `item` for one of a list. One that is not explained is one of
    very many, of which only the field and the code are kept.
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
    return _cut(f"'{visible(value[: MAX_SHOWN + 1])}'" if isinstance(value, str) else _beginning(value))


def shown(value: Json) -> Json:
    """Give a value as it is, or the beginning of its text where that is long."""
    if isinstance(value, str):
        return _cut(value)
    text = _beginning(value)
    return value if len(text) <= MAX_SHOWN else _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def _beginning(value: Json) -> str:
    """Give the JSON of a value, but no more of it than it takes to see that it is long."""
    text = ""
    for piece in _pieces(value):
        text += piece
        if len(text) > MAX_SHOWN:
            break
    return text


def _pieces(value: Json) -> Iterator[str]:
    """Write a value as JSON, a piece at a time; of a long string only the beginning."""
    if isinstance(value, dict):
        yield "{"
        for number, (name, each) in enumerate(value.items()):
            yield ("," if number else "") + next(_pieces(name)) + ":"
            yield from _pieces(each)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for number, each in enumerate(value):
            yield "," if number else ""
            yield from _pieces(each)
        yield "]"
    else:
        yield strictjson.write(value[: MAX_SHOWN + 1] if isinstance(value, str) else value).decode()
