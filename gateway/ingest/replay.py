"""Rejected rows to rows once more: each is read as it was, or as it was edited, and meets the schema of today."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway import strictjson
from gateway.connectors.connector import Connector, Field
from gateway.connectors.terms import Allowance
from gateway.errors import Code, GatewayError
from gateway.ingest import payload
from gateway.ingest.payload import RowError, Rows
from gateway.ingest.validation import Envelope, Validator
from gateway.media import MEDIA_TYPES, Media
from gateway.store.batch import MAX_LISTED, BadRow, Batch
from gateway.store.rejected import Amendment, Kept
from gateway.strictjson import Json


@dataclass(frozen=True, slots=True)
class Replay:
    """What becomes of rejected rows that are tried again.

    Attributes:
        batch: Those that are good now.
        settled: Their `_id`s among the rejected rows.
        amendments: What is to be noted about those that are still bad as they are.
        still_bad: What is wrong with each that is bad, as it is or as it was edited.
    """

    batch: Batch
    settled: tuple[int, ...]
    amendments: tuple[Amendment, ...]
    still_bad: tuple[Amendment, ...]

    @property
    def errors(self) -> tuple[dict[str, Json], ...]:
        """What is wrong, as much of it as an answer lists, each with the `_id` of its row."""
        told = ({"_id": each.id, **error} for each in self.still_bad for error in each.bad.errors)
        return tuple(itertools.islice(told, MAX_LISTED))


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
        GatewayError: As `payload.parse` does of a whole body; never for a row.
    """
    again = [_edited(each, edited[each.id]) if each.id in edited else each for each in kept]
    batch = validator.check(
        _read(again, connector),
        Envelope(token=token, allowance=Allowance(), on_conflict=connector.terms.on_conflict),
    )
    bad = {each.row: each for each in batch.bad}
    still_bad = [
        Amendment(each.id, _of_now(bad[number], each))
        for number, each in enumerate(again, 1)
        if number in bad
    ]
    # What was edited and is still bad stays as it was: a slip must not take the place of the row.
    amendments = tuple(each for each in still_bad if each.id not in edited)
    settled = tuple(each.id for number, each in enumerate(again, 1) if number not in bad)
    return Replay(replace(batch, bad=()), settled, amendments, tuple(still_bad))


def _edited(kept: Kept, row: Json) -> Kept:
    reading = {"media": Media.JSON.media_type, "header": None, "columns": None, "absent_is_null": False}
    return replace(kept, raw=strictjson.write(row).decode(), reading=reading)


def _of_now(bad: BadRow, kept: Kept) -> BadRow:
    """Say of a row by its own number and line what is wrong with it, and leave its text and reading as they are."""
    place = {"row": kept.row, "line": kept.line}
    errors = tuple({**error, **place} for error in bad.errors)
    return BadRow(kept.row, kept.line, kept.raw, errors, strictjson.write(dict(kept.reading)).decode())


def _read(kept: Sequence[Kept], connector: Connector) -> Iterator[Rows]:
    """Read rows again, numbered from 1."""
    rows = Rows()
    for number, each in enumerate(kept, 1):
        text = each.raw.encode()
        try:
            value = _read_one(text, each.reading, connector)
        except GatewayError as error:
            code = Code.BODY_INVALID if error.code.status != 422 else error.code
            rows.add_unread(RowError(number, each.line, None, code, error.message), text)
        except ValueError as error:
            message = f"not valid JSON: {error}"
            rows.add_unread(RowError(number, each.line, None, Code.BODY_INVALID, message), text)
        else:
            if isinstance(value, RowError):
                rows.add_unread(replace(value, row=number, line=each.line), text)
            else:
                rows.add(value, number, each.line, text)
        if rows.full:
            yield rows
            rows = Rows()
    yield rows


def _read_one(text: bytes, reading: Mapping[str, Json], connector: Connector) -> Json:
    """Read the text of one row as the body was that it came in; gives the RowError where that is one of the row."""
    media = MEDIA_TYPES.get(reading["media"] or "")
    if media is None:
        raise GatewayError(Code.BODY_INVALID, "the row is not UTF-8; send it edited")
    columns = _columns(reading["columns"], connector)
    rows = Rows()
    if media is Media.CSV:
        body = f"{reading['header']}\n".encode() + text
        (rows,) = payload.parse(body, media, connector, len(body), columns)
    else:
        rows.add(strictjson.read(text), 1, None, text)
        (rows,) = payload.by_present_names([rows], connector.aliases)
    if rows.errors:
        return rows.errors[0]
    if columns is not None:
        (rows,) = payload.only([rows], columns, absent_is_null=reading["absent_is_null"])
    return rows.values[0]


def _columns(names: Sequence[str] | None, connector: Connector) -> tuple[Field, ...] | None:
    if names is None:
        return None
    return tuple(field for name in names if (field := connector.find_input(name)))
