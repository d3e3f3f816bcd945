"""Replay of rejected rows: each is decoded as before, or replaced by an edited one, and checked against the schema of now."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from gateway import strictjson
from gateway.connectors.connector import Connector, Field
from gateway.connectors.policy import BadRowLimit
from gateway.errors import Code, GatewayError
from gateway.ingest import csv_rows, payload
from gateway.ingest.envelope import Envelope
from gateway.ingest.rows import CHUNK_ROWS, RowError, Rows
from gateway.ingest.validation import Validator
from gateway.media_types import RECEIVED_TYPES, Media
from gateway.store.batch import MAX_LISTED, BadRow, Batch, KeyConflicts, OnConflict
from gateway.store.rejection import Amendment, RejectedRow, RepairedRows
from gateway.strictjson import Json

_DECODING_OF_EDITED = {
    "media": Media.JSON.media_type,
    "header": None,
    "columns": None,
    "absent_is_null": False,
}
_ON_CONFLICT: Mapping[str | None, OnConflict] = {"merge-duplicates": "merge", "ignore-duplicates": "ignore"}


@dataclass(slots=True)
class Replay:
    """The result of checking rejected rows again.

    Attributes:
        parts: The rows that are valid now, in batches of one conflict resolution each.
        amendments: The new errors of unedited rows that are still bad.
        errors: The errors of bad rows, edited or not, each with the row's `_id`.
        bad: How many rows are bad.
    """

    parts: list[RepairedRows] = field(default_factory=list)
    amendments: list[Amendment] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    bad: int = 0


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A rejected row, decoded again: its value, or its error."""

    row: RejectedRow
    value: Json = None
    error: RowError | None = None


def replay(
    rejected: Sequence[RejectedRow],
    edited: Mapping[int, Json],
    validator: Validator,
    connector: Connector,
    token: str | None,
) -> Replay:
    """Check rejected rows again.

    Args:
        rejected: The rows.
        edited: New rows that replace some of them, by `_id`.
        validator: The validator of the connector.
        connector: The current version of the connector.
        token: The name of the token of the request.

    Raises:
        GatewayError: There are too many errors to be kept; never for a single row.
    """
    groups: dict[tuple[OnConflict, frozenset[str] | None], list[_Candidate]] = {}
    for row in rejected:
        candidate = _edited(row, edited[row.id]) if row.id in edited else _decoded(row, connector)
        resolution = candidate.row.decoding.get("resolution")
        on_conflict = _ON_CONFLICT.get(resolution, connector.policy.on_conflict)
        named = _named_fields(candidate, connector) if on_conflict == "merge" else None
        groups.setdefault((on_conflict, named), []).append(candidate)
    result = Replay()
    for (on_conflict, named), candidates in groups.items():
        envelope = Envelope(token=token, allowance=BadRowLimit(), on_conflict=on_conflict, named=named)
        _add(result, candidates, validator.check(_rows(candidates), envelope), edited)
    return result


def without_conflicts(
    result: Replay,
    conflicts: Sequence[KeyConflicts],
    rejected: Sequence[RejectedRow],
    edited: Mapping[int, Json],
) -> Replay:
    """Return a result in which the rows whose primary key exists are bad, as those that fail the schema are.

    Args:
        result: The result.
        conflicts: Those of each of its parts.
        rejected: The rows that were checked.
        edited: New rows that replace some of them, by `_id`.
    """
    row_of = {row.id: row for row in rejected}
    left = replace(result, parts=[], amendments=[*result.amendments], errors=[*result.errors])
    for part, found in zip(result.parts, conflicts, strict=True):
        for error in found.errors:
            row = row_of[error["_id"]]
            _add_bad(left, row, [{key: value for key, value in error.items() if key != "_id"}], edited)
        if len(found.places) < len(part.ids):
            left.parts.append(part.without(frozenset(found.places)) if found.places else part)
    return left


def decode(row: RejectedRow, connector: Connector) -> Json | RowError:
    """Return the value of a row as a replay reads it, or why it cannot be read."""
    found = _decoded(row, connector)
    return found.value if found.error is None else found.error


def _add(result: Replay, candidates: Sequence[_Candidate], batch: Batch, edited: Mapping[int, Json]) -> None:
    """Add a checked batch to the result; its rows are the candidates, numbered from 1."""
    bad = {row.row: row for row in batch.bad}
    good = [candidate.row for number, candidate in enumerate(candidates, 1) if number not in bad]
    for number, bad_row in bad.items():
        row = candidates[number - 1].row
        errors = [
            {**error, "row": row.row, "line": row.line} for error in strictjson.read_own(bad_row.errors)
        ]
        _add_bad(result, row, errors, edited)
    if good:
        stored = replace(batch, bad=(), errors=(), error_count=0, places=_places(good))
        result.parts.append(RepairedRows(stored, [row.id for row in good]))


def _add_bad(
    result: Replay, row: RejectedRow, errors: Sequence[Mapping[str, Any]], edited: Mapping[int, Json]
) -> None:
    """Add a row that is still bad to the result."""
    result.bad += 1
    result.errors += [{"_id": row.id, **error} for error in errors][: MAX_LISTED - len(result.errors)]
    # An edited row that is still bad leaves the stored row unchanged: a mistake must not replace the original.
    if row.id not in edited:
        text = strictjson.write(errors).decode()
        decoding = strictjson.write(dict(row.decoding)).decode()
        amended = BadRow(row.row, row.line, row.raw, text, decoding)
        result.amendments.append(Amendment(row.id, amended))


def _places(rows: Iterable[RejectedRow]) -> pa.Table:
    """Return the `_id`, number, and line of rows, which an error names."""
    ids, numbers, lines = zip(*((row.id, row.row, row.line) for row in rows), strict=True)
    return pa.table(
        {
            "_id": pa.array(ids, pa.int64()),
            "row": pa.array(numbers, pa.int64()),
            "line": pa.array(lines, pa.int64()),
        }
    )


def _rows(candidates: Sequence[_Candidate]) -> Iterator[Rows]:
    """Yield candidates as chunks of rows, numbered from 1."""
    chunk = Rows()
    for number, candidate in enumerate(candidates, 1):
        if candidate.error is not None:
            chunk.add_undecodable(replace(candidate.error, row=number), b"")
        else:
            chunk.add(candidate.value, number, candidate.row.line, b"")
        if number % CHUNK_ROWS == 0:
            yield chunk
            chunk = Rows()
    yield chunk


def _named_fields(candidate: _Candidate, connector: Connector) -> frozenset[str]:
    """Return the fields that a row names, which are those that it changes in a stored row."""
    decoding = candidate.row.decoding
    if decoding["columns"] is not None:
        return frozenset(decoding["columns"])
    if decoding["media"] == Media.CSV.media_type:
        return csv_rows.header_fields(f"{decoding['header']}\r\n".encode(), connector)
    return frozenset(candidate.value) if isinstance(candidate.value, dict) else frozenset()


def _edited(row: RejectedRow, value: Json) -> _Candidate:
    """Return a rejected row with an edited value; the resolution of its request remains."""
    decoding = {**_DECODING_OF_EDITED, "resolution": row.decoding.get("resolution")}
    return _Candidate(replace(row, decoding=decoding), value)


def _decoded(row: RejectedRow, connector: Connector) -> _Candidate:
    """Decode the text of a row in the same way as the body that it came in."""
    try:
        value = _value(row.raw, row.decoding, connector)
    except GatewayError as error:
        code = Code.BODY_INVALID if error.status != 422 else error.code
        return _Candidate(row, error=RowError(row.row, row.line, None, code, error.message))
    except ValueError as error:
        message = f"not valid JSON: {error}"
        return _Candidate(row, error=RowError(row.row, row.line, None, Code.BODY_INVALID, message))
    return _Candidate(row, error=value) if isinstance(value, RowError) else _Candidate(row, value)


def _value(raw: str, decoding: Mapping[str, Json], connector: Connector) -> Json:
    """Return the value of a row, or its RowError."""
    media = RECEIVED_TYPES.get(decoding["media"] or "")
    if media is None:
        raise GatewayError(Code.BODY_INVALID, "the row is not UTF-8; send it edited")
    columns = _columns(decoding["columns"], connector)
    rows = Rows()
    if media is Media.CSV:
        body = f"{decoding['header']}\r\n{raw}\r\n".encode()
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
        (rows,) = payload.only([rows], columns, absent_is_null=decoding["absent_is_null"])
    return rows.values[0]


def _columns(names: Sequence[str] | None, connector: Connector) -> tuple[Field, ...] | None:
    """Return the fields that the request took from the row; None for all.

    Raises:
        GatewayError: One of them has been removed: its value would be lost.
    """
    if names is None:
        return None
    fields = {name: connector.find_input(name) for name in names}
    if removed := [name for name, field in fields.items() if field is None]:
        message = f"it was sent with '{removed[0]}', which is not a field any more; send it edited"
        raise GatewayError(Code.FIELD_UNKNOWN, message)
    return tuple(field for field in fields.values() if field)
