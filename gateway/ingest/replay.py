"""Rejected rows to rows once more: each is read as it was, or as it was edited, and meets the schema of today."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from gateway import strictjson
from gateway.connectors.connector import Connector, Field
from gateway.connectors.policy import BadRowLimit
from gateway.errors import Code, GatewayError
from gateway.ingest import csv_rows, media_detection, payload
from gateway.ingest.envelope import Envelope
from gateway.ingest.rows import CHUNK_ROWS, SHOWN_CHARACTERS_MAX, RowError, Rows, shorten
from gateway.ingest.validation import Validator
from gateway.media_types import RECEIVED_TYPES, Media
from gateway.store.batch import MAX_LISTED, BadRow, Batch, OnConflict
from gateway.store.rejection import Amendment, Kept, Part
from gateway.strictjson import Json

_EDITED = {"media": Media.JSON.media_type, "header": None, "columns": None, "absent_is_null": False}
_WORDS: Mapping[str | None, OnConflict] = {"merge-duplicates": "merge", "ignore-duplicates": "ignore"}


@dataclass(slots=True)
class Replay:
    """What becomes of rejected rows that are tried again.

    Attributes:
        parts: Those that are good now, in batches of one word for rows whose primary key is there already.
        amendments: What is to be noted about those that are still bad as they are.
        errors: What is wrong with those that are bad, as they are or as they were edited, each with its `_id`.
        bad: How many those are.
    """

    parts: list[Part] = field(default_factory=list)
    amendments: list[Amendment] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    bad: int = 0


@dataclass(frozen=True, slots=True)
class _Read:
    """A rejected row as it is read now: its value, or what is wrong with that."""

    kept: Kept
    value: Json = None
    error: RowError | None = None


def replay(
    kept: Sequence[Kept],
    edited: Mapping[int, Json],
    validator: Validator,
    connector: Connector,
    token: str | None,
) -> Replay:
    """Check rejected rows again.

    Args:
        kept: The rows.
        edited: New rows in the place of some of them, by `_id`.
        validator: That of the connector.
        connector: As it is today.
        token: Who asks for it.

    Raises:
        GatewayError: Where what is wrong with them is more than can be kept; never for a row.
    """
    groups: dict[tuple[OnConflict, frozenset[str] | None], list[_Read]] = {}
    for each in kept:
        as_edited = {**_EDITED, "resolution": each.reading.get("resolution")}
        own = replace(each, reading=as_edited) if each.id in edited else each
        read = _Read(own, edited[each.id]) if each.id in edited else _read(own, connector)
        word = _WORDS.get(own.reading.get("resolution"), connector.terms.on_conflict)
        named = _named(read, connector) if word == "merge" else None
        groups.setdefault((word, named), []).append(read)
    done = Replay()
    for (word, named), rows in groups.items():
        envelope = Envelope(token=token, allowance=BadRowLimit(), on_conflict=word, named=named)
        _settle(done, rows, validator.check(_rows(rows), envelope), edited)
    return done


def read_edited(data: bytes, connector: Connector) -> dict[int, Json]:
    """Read edited rows, each with the `_id` of the rejected row that it takes the place of.

    Raises:
        GatewayError: Where the body is no JSON or NDJSON, or a row of it has no `_id` of its own.
    """
    rows: dict[int, Json] = {}
    for number, value in enumerate(_edited_values(data, connector), 1):
        if not isinstance(value, dict):
            raise _edited_error(f"edited row {number} is {shorten(value)}, not an object")
        if "_id" not in value:
            raise _edited_error(f"edited row {number} has no _id")
        id = value.pop("_id")
        if not isinstance(id, int) or isinstance(id, bool):
            is_quoted = isinstance(id, str) and id.isdecimal() and len(id) < SHOWN_CHARACTERS_MAX
            hint = f'write "_id": {id}, without quotes' if is_quoted else _EXAMPLE
            raise _edited_error(f"the _id of edited row {number} is {shorten(id)}, not a whole number", hint)
        if id in rows:
            raise _edited_error(f"two edited rows have the _id {shorten(id)}", "send each row once")
        rows[id] = value
    return rows


def _edited_values(data: bytes, connector: Connector) -> list[Json]:
    """Read the values of a body; nothing and an empty object are none."""
    if not data.strip():
        return []
    media = media_detection.media_of(None, data)
    if media not in (Media.JSON, Media.NDJSON):
        raise _edited_error(
            "the body is no JSON object, no list of objects and no NDJSON",
            f"{_EXAMPLE}, whatever the rows came as",
        )
    values: list[Json] = []
    for some in payload.parse(data, media, connector, len(data)):
        if some.errors:
            error = some.errors[0]
            line = f", line {error.line}" if error.line else ""
            raise _edited_error(f"edited row {error.row}{line}: {error.message}")
        values += some.values
    return [] if values == [{}] else values


_EXAMPLE = 'send [{"_id": 7, "order_id": 3, …}, …], or nothing to try them as they are'


def _edited_error(message: str, hint: str = _EXAMPLE) -> GatewayError:
    return GatewayError(Code.BODY_INVALID, message, hint=hint)


def _settle(done: Replay, rows: Sequence[_Read], batch: Batch, edited: Mapping[int, Json]) -> None:
    """Note what has become of some rows, which are numbered from 1 in their batch."""
    bad = {each.row: each for each in batch.bad}
    good = [read.kept for number, read in enumerate(rows, 1) if number not in bad]
    for number, row in bad.items():
        own = rows[number - 1].kept
        errors = [{**error, "row": own.row, "line": own.line} for error in strictjson.read_own(row.errors)]
        done.bad += 1
        done.errors += [{"_id": own.id, **each} for each in errors][: MAX_LISTED - len(done.errors)]
        # What was edited and is still bad stays as it was: a slip must not take the place of the row.
        if own.id not in edited:
            text = strictjson.write(errors).decode()
            reading = strictjson.write(dict(own.reading)).decode()
            done.amendments.append(Amendment(own.id, BadRow(own.row, own.line, own.raw, text, reading)))
    if good:
        done.parts.append(
            Part(
                replace(batch, bad=(), errors=(), error_count=0, places=_places(good)),
                [each.id for each in good],
            )
        )


def _places(kept: Iterable[Kept]) -> pa.Table:
    """Say of rows which they were: what an error tells of one."""
    ids, rows, lines = zip(*((each.id, each.row, each.line) for each in kept), strict=True)
    return pa.table(
        {
            "_id": pa.array(ids, pa.int64()),
            "row": pa.array(rows, pa.int64()),
            "line": pa.array(lines, pa.int64()),
        }
    )


def _rows(read: Sequence[_Read]) -> Iterator[Rows]:
    rows = Rows()
    for number, each in enumerate(read, 1):
        if each.error is not None:
            rows.add_unread(replace(each.error, row=number), b"")
        else:
            rows.add(each.value, number, each.kept.line, b"")
        if number % CHUNK_ROWS == 0:
            yield rows
            rows = Rows()
    yield rows


def _named(read: _Read, connector: Connector) -> frozenset[str]:
    """Give the fields that a row names, which it changes of one that is there."""
    reading = read.kept.reading
    if reading["columns"] is not None:
        return frozenset(reading["columns"])
    if reading["media"] == Media.CSV.media_type:
        return csv_rows.header_fields(f"{reading['header']}\r\n".encode(), connector)
    return frozenset(read.value) if isinstance(read.value, dict) else frozenset()


def _read(kept: Kept, connector: Connector) -> _Read:
    """Read the text of a row as the body was that it came in."""
    try:
        value = _value(kept.raw, kept.reading, connector)
    except GatewayError as error:
        code = Code.BODY_INVALID if error.status != 422 else error.code
        return _Read(kept, error=RowError(kept.row, kept.line, None, code, error.message))
    except ValueError as error:
        message = f"not valid JSON: {error}"
        return _Read(kept, error=RowError(kept.row, kept.line, None, Code.BODY_INVALID, message))
    return _Read(kept, error=value) if isinstance(value, RowError) else _Read(kept, value)


def _value(raw: str, reading: Mapping[str, Json], connector: Connector) -> Json:
    """Give the value of a row, or the RowError that is in its place."""
    media = RECEIVED_TYPES.get(reading["media"] or "")
    if media is None:
        raise GatewayError(Code.BODY_INVALID, "the row is not UTF-8; send it edited")
    columns = _columns(reading["columns"], connector)
    rows = Rows()
    if media is Media.CSV:
        body = f"{reading['header']}\r\n{raw}\r\n".encode()
        (rows,) = payload.parse(body, media, connector, len(body), columns)
    elif media is Media.FORM:
        (rows,) = payload.parse(raw.encode(), media, connector, len(raw.encode()), columns)
    else:
        rows.add(strictjson.read(raw.encode()), 1, None, b"")
        (rows,) = payload.by_present_names([rows], connector.aliases)
    if rows.errors or not rows.values:
        empty = RowError(1, None, None, Code.BODY_INVALID, "the row is empty; send it edited")
        return rows.errors[0] if rows.errors else empty
    if columns is not None:
        (rows,) = payload.only([rows], columns, absent_is_null=reading["absent_is_null"])
    return rows.values[0]


def _columns(names: Sequence[str] | None, connector: Connector) -> tuple[Field, ...] | None:
    """Find the fields that were taken of the row.

    Raises:
        GatewayError: Where one is none any more: its value would be lost.
    """
    if names is None:
        return None
    fields = {name: connector.find_input(name) for name in names}
    if gone := [name for name, field in fields.items() if field is None]:
        message = f"it was sent with '{gone[0]}', which is not a field any more; send it edited"
        raise GatewayError(Code.FIELD_UNKNOWN, message)
    return tuple(field for field in fields.values() if field)
