"""A body to rows: JSON object or array, NDJSON, CSV."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from gateway import strictjson
from gateway.connectors.connector import Connector, Field
from gateway.errors import Code, GatewayError, suggest
from gateway.ingest import records
from gateway.ingest.records import Record, UnclosedQuoteError
from gateway.media import MEDIA_TYPES, RECEIVED, Media
from gateway.strictjson import Json

#: How many rows are held as Python values at a time.
ROWS_AT_A_TIME = 10_000

_BOM = b"\xef\xbb\xbf"
_BLANKS = re.compile(rb"[ \t\r\n]*")


#: What curl says when it was told nothing; nobody sends a form that starts with a bracket.
_FORM = "application/x-www-form-urlencoded"
_NAMED = ", ".join(media.media_type for media in RECEIVED)


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


def tell_media(content_type: str | None, data: bytes) -> Media:
    """Tell what a body is by its Content-Type, and by its first byte where that says nothing.

    Raises:
        GatewayError: Where the type is one the gateway does not read.
    """
    name = _declared(content_type or "")
    if MEDIA_TYPES.get(name) in RECEIVED:
        return MEDIA_TYPES[name]
    start = _after_blanks(data, start_of(data))
    if not name or (name == _FORM and data[start : start + 1] in (b"{", b"[")):
        return _sniff(data, start)
    raise GatewayError(
        Code.MEDIA_TYPE_UNSUPPORTED,
        f"the Content-Type '{name}' is not read",
        hint=f"use one of {_NAMED}"
        + (
            "; curl adds this type by itself, so say -H 'Content-Type: text/csv' --data-binary @FILE: -d takes line ends out"
            if name == _FORM
            else ""
        ),
        headers={"Accept": _NAMED},
    )


@functools.lru_cache(32)  # There are few; what is raised is not remembered.
def _declared(content_type: str) -> str:
    """Give the name of a Content-Type, where its text is UTF-8 as far as it says."""
    name, _, parameters = content_type.partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\";\s]+)", parameters, re.IGNORECASE)
    if charset and charset[1].lower().replace("-", "") not in ("utf8", "usascii"):
        raise GatewayError(
            Code.MEDIA_TYPE_UNSUPPORTED, f"the charset '{charset[1]}' is not read", hint="send UTF-8"
        )
    return name.strip().lower()


def start_of(data: bytes) -> int:
    """Tell where the text of a body begins: behind a BOM."""
    return len(_BOM) if data.startswith(_BOM) else 0


def _sniff(data: bytes, start: int) -> Media:
    """Tell by the first byte; an object whose first line is one by itself, with more behind it, is NDJSON."""
    first = data[start : start + 1]
    if first == b"[":
        return Media.JSON
    if first != b"{":
        return Media.CSV
    end = data.find(b"\n", start)
    if end < 0 or _after_blanks(data, end) == len(data):
        return Media.JSON
    try:
        strictjson.read(data[start:end])
    except ValueError:
        return Media.JSON
    return Media.NDJSON


def _after_blanks(data: bytes, start: int) -> int:
    found = _BLANKS.match(data, start)
    assert found  # Even nothing matches.
    return found.end()


def parse(
    data: bytes, media: Media, connector: Connector, max_row: int, columns: Sequence[Field] | None = None
) -> Iterator[Rows]:
    """Read the rows of a body, some at a time, so that few are Python values at once.

    Renamed fields are called by their present names, whatever a row calls them. With `columns` a CSV header may
    name anything; the cells of other columns are passed over. A row of more than `max_row` bytes is an error: a
    reader gets some thousand rows at a time.

    Raises:
        GatewayError: Where the body as a whole cannot be read; a row that cannot is an error in its `Rows`.
    """
    start = start_of(data)
    if media is Media.CSV:
        return _csv(data, start, connector, max_row, columns)
    rows = (
        _json(data, _after_blanks(data, start), max_row)
        if media is Media.JSON
        else _ndjson(data, start, max_row)
    )
    return by_present_names(rows, connector.aliases) if connector.aliases else rows


#: How a row is read that is no text.
UNREADABLE = '{"media": null}'


def without_end(text: str) -> str:
    """Take the end of its line from a text, and no more."""
    return text.removesuffix("\n").removesuffix("\r")


def reading(
    data: bytes,
    media: Media,
    columns: Sequence[Field] | None,
    *,
    absent_is_null: bool,
    resolution: str | None = None,
) -> str:
    """Say as JSON how the rows of a body are taken, for single ones to be taken again in the same way."""
    header = without_end(header_of(data).decode(errors="replace")) if media is Media.CSV else None
    names = None if columns is None else [field.name for field in columns]
    told = {"media": media.media_type, "header": header, "columns": names, "absent_is_null": absent_is_null}
    return strictjson.write({**told, "resolution": resolution}).decode()


def header_fields(data: bytes, connector: Connector) -> frozenset[str]:
    """Give the fields that the header of a CSV body names."""
    start = start_of(data)
    record = next((record for _, _, record in _records(data, start)), "")
    cells = [] if isinstance(record, str) else record
    fields = (connector.find_input(cell or "") for cell in cells)
    return frozenset(field.name for field in fields if field)


def read_object(data: bytes, content_type: str | None, connector: Connector) -> dict[str, Json]:
    """Read the one JSON object of a PATCH: new values by the present names of fields.

    Raises:
        GatewayError: Where it is something else.
    """
    media = tell_media(content_type, data)
    if media is not Media.JSON:
        hint = 'send one JSON object, such as {"paid": true}'
        raise GatewayError(Code.MEDIA_TYPE_UNSUPPORTED, f"a PATCH is not {media.media_type}", hint=hint)
    values = [value for some in parse(data, media, connector, len(data)) for value in some.values]
    if len(values) != 1 or not isinstance(values[0], dict):
        message = f"the body is {len(values)} values, where one object says what the rows become"
        raise GatewayError(Code.BODY_INVALID, message, hint='send {"field": value, …}')
    return values[0]


def by_present_names(rows: Iterable[Rows], aliases: Mapping[str, Field]) -> Iterator[Rows]:
    """Call renamed fields by their present names, but for a row that names one by both."""
    for some in rows:
        for value in (value for value in some.values if isinstance(value, dict)):
            for alias in aliases.keys() & value.keys():
                if aliases[alias].name not in value:
                    value[aliases[alias].name] = value.pop(alias)
        yield some


def only(rows: Iterable[Rows], fields: Sequence[Field], *, absent_is_null: bool) -> Iterator[Rows]:
    """Take only some fields of rows, as `columns` of a POST asks.

    An absent one is null where `absent_is_null` and null may be, else it stays absent, and takes its default.
    """
    for some in rows:
        some.values = [_only(value, fields, absent_is_null) for value in some.values]
        yield some


def _only(value: Json, fields: Sequence[Field], absent_is_null: bool) -> Json:
    if not isinstance(value, dict):
        return value
    nulls = {field.name: None for field in fields if field.nullable} if absent_is_null else {}
    return nulls | {field.name: value[field.name] for field in fields if field.name in value}


# ------------------------------------------------------------------------------------------------------
# JSON


def _json(data: bytes, start: int, max_row: int) -> Iterator[Rows]:
    first = data[start : start + 1]
    if first == b"{":
        yield _json_object(data[start:], max_row)
    elif first == b"[":
        yield from _json_array(memoryview(data)[start:], max_row)
    else:
        shown = "is neither a JSON object nor an array" if first else "is empty"
        hint = "send one row {…} or a list of rows [{…}, …]"
        raise GatewayError(Code.BODY_INVALID, f"the body {shown}", hint=hint)


def _json_object(text: bytes, max_row: int) -> Rows:
    rows = Rows()
    try:
        _add_json(rows, text, 1, None, max_row)
    except ValueError as error:
        hint = "send several rows as a list [{…}, …], or as application/x-ndjson"
        raise GatewayError(Code.BODY_INVALID, f"the body is not valid JSON: {error}", hint=hint) from error
    return rows


def _json_array(text: memoryview, max_row: int) -> Iterator[Rows]:
    try:
        pieces = msgspec.json.decode(text, type=list[msgspec.Raw])
    except msgspec.DecodeError as error:
        raise GatewayError(Code.BODY_INVALID, f"the body is not valid JSON: {error}") from error
    except RecursionError as error:
        raise GatewayError(Code.BODY_INVALID, f"the body nests deeper than {strictjson.MAX_DEPTH}") from error
    rows = Rows()
    for number, piece in enumerate(pieces, 1):
        try:
            _add_json(rows, bytes(piece), number, None, max_row)
        except ValueError as error:
            message = f"not valid JSON: {error}"
            rows.add_unread(RowError(number, None, None, Code.BODY_INVALID, message), bytes(piece))
        if rows.full:
            yield rows
            rows = Rows()
    yield rows


def _add_json(rows: Rows, text: bytes, number: int, line: int | None, max_row: int) -> None:
    if len(text) > max_row:
        rows.add_unread(_row_too_large(number, line, len(text), max_row), b"")
    else:
        rows.add(strictjson.read(text), number, line, text)


def _row_too_large(number: int, line: int | None, size: int, max_row: int) -> RowError:
    message = f"the row has {size} bytes; at most {max_row} are taken (GATEWAY_MAX_ROW)"
    return RowError(number, line, None, Code.BODY_TOO_LARGE, message)


def _lines(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """Give every line with its number, without its end. A BOM before it has been passed over."""
    number = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        number += 1
        yield number, data[start : end - 1 if data[end - 1 : end] == b"\r" and end > start else end]
        start = end + 1


def _ndjson(data: bytes, start: int, max_row: int) -> Iterator[Rows]:
    rows = Rows()
    number = 0
    for line, text in _lines(data, start):
        if not text.strip():
            continue
        number += 1
        try:
            _add_json(rows, text, number, line, max_row)
        except ValueError as error:
            message = f"not valid JSON: {error}".replace(" at line 1 column ", " at column ")
            rows.add_unread(RowError(number, line, None, Code.BODY_INVALID, message), text)
        if rows.full:
            yield rows
            rows = Rows()
    yield rows


# ------------------------------------------------------------------------------------------------------
# CSV


def header_of(data: bytes) -> bytes:
    """Give the text of a CSV body's header."""
    start = start_of(data)
    return next((text for _, text, _ in _records(data, start)), b"")


def _records(data: bytes, start: int) -> Iterator[tuple[int, bytes, Record]]:
    """Yield the records of a body.

    Raises:
        GatewayError: Where a quote is never closed: rows are lost in it, and nobody knows how many.
    """
    try:
        yield from records.read(data, start)
    except UnclosedQuoteError as error:
        hint = 'close the quote, or write the cell in quotes and each quote inside it twice: "5"" pipe"'
        raise GatewayError(Code.BODY_INVALID, str(error), hint=hint) from error


def _csv(
    data: bytes, start: int, connector: Connector, max_row: int, columns: Sequence[Field] | None
) -> Iterator[Rows]:
    found = _records(data, start)
    fields = _header(next(found, (1, b"", "the body is empty"))[2], connector, columns)
    rows = Rows()
    number = 0
    for line, text, record in found:
        if record == [None] and len(fields) > 1:
            continue
        number += 1
        if len(text) > max_row:
            rows.add_unread(_row_too_large(number, line, len(text), max_row), b"")
        elif isinstance(record, str):
            rows.add_unread(RowError(number, line, None, Code.BODY_INVALID, record), text)
        elif len(record) != len(fields):
            message = f"the row has {len(record)} cells, the header {len(fields)}"
            rows.add_unread(RowError(number, line, None, Code.BODY_INVALID, message), text)
        else:
            _add_record(rows, _values_of(fields, record), number, line, text)
        if rows.full:
            yield rows
            rows = Rows()
    yield rows


def _header(record: Record, connector: Connector, columns: Sequence[Field] | None) -> list[Field | None]:
    if isinstance(record, str):
        raise GatewayError(
            Code.BODY_INVALID, f"the CSV header cannot be read: {record}", hint="send a header row"
        )
    fields: list[Field | None] = []
    names = [field.name for field in connector.fields]
    for name in (cell or "" for cell in record):
        found = connector.find_input(name)
        if columns is not None and found not in columns:
            fields.append(None)
            continue
        if found is None:
            hint = suggest(name, names, "the fields are")
            raise GatewayError(
                Code.FIELD_UNKNOWN, f"the CSV header names {shorten(name)}, which is no field", hint=hint
            )
        if found in fields:
            raise GatewayError(
                Code.BODY_INVALID, f"the CSV header names {shorten(name)} twice", hint="name every field once"
            )
        fields.append(found)
    if missing := [field.name for field in connector.fields if field.required and field not in fields]:
        message = f"the CSV header lacks the required {', '.join(missing)}"
        raise GatewayError(Code.VALUE_MISSING, message, hint=f"the fields are {', '.join(names)}")
    return fields


def _values_of(fields: list[Field | None], record: list[str | None]) -> tuple[dict[str, Json], Field | None]:
    """Read the cells by their fields' types; an empty cell is null where null may be, else left out.

    In a record of one cell `""` is empty too, where it is no string: that is how a null alone in its row is
    written, for an empty line would be passed over by other readers.

    A cell of JSON that is none comes back beside them, for as a string it would be JSON like any other. The
    text of another that cannot be read stays, for the schema to refuse beside whatever else is wrong.
    """
    value: dict[str, Json] = {}
    unread = None
    for field_, cell in zip(fields, record, strict=True):
        if field_ is None:
            continue
        if cell is None or (cell == "" and len(fields) == 1 and field_.type.name != "string"):
            if field_.nullable:
                value[field_.name] = None
            continue
        try:
            value[field_.name] = field_.type.literal(cell)
        except ValueError:
            value[field_.name] = cell
            unread = field_ if field_.type.name == "json" else unread
    return value, unread


def _add_record(
    rows: Rows, read: tuple[dict[str, Json], Field | None], number: int, line: int, text: bytes
) -> None:
    value, unread = read
    if unread is None:
        rows.add(value, number, line, text)
    else:
        cell = value[unread.name]
        message = f"{shorten(cell)} is not {unread.type.expects}"
        rows.add_unread(RowError(number, line, unread.name, Code.VALUE_INVALID, message, cell), text)


def shorten(value: Json) -> str:
    """Show a value inside a message, cut where it is long."""
    shown = f"'{value}'" if isinstance(value, str) else strictjson.write(value).decode()
    return shown if len(shown) <= 100 else f"{shown[:99]}…"
