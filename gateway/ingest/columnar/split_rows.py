"""SplitRows: rows as lines without their json fields, which pyarrow parses, and the texts of those fields.

msgspec splits rows into the texts of their values. It refuses unknown keys, and keeps the last of equal ones silently.
So the quotes are counted: a text from which a key was dropped has more of them than what is left.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.ingest.body_text import start_of
from gateway.ingest.columnar import json_text, raw_texts
from gateway.ingest.columnar.not_columnar import NotColumnarError
from gateway.ingest.columnar.whole_text import has_short_lines
from gateway.media_types import Media

#: About how much text is split at a time: a row of few bytes is an object with a place for each field.
PIECE_BYTES = 4 * 2**20
_encoder = msgspec.json.Encoder()
#: One row as the object that a decoder made of it.
_Row = Any


@dataclass(frozen=True, slots=True)
class SplitRows:
    """Some rows of a body.

    Attributes:
        text: The rows as lines, without their json fields.
        count: How many they are.
        values: The texts of each json field, by its name; None where a row does not have it.
    """

    text: bytes
    count: int
    values: Mapping[str, Sequence[msgspec.Raw | None]]


def are_plain_names(names: Sequence[str]) -> bool:
    """Return whether no name of a field needs escapes in JSON; rows with others are not split."""
    return all(_encoder.encode(name) == f'"{name}"'.encode() for name in names)


class RowSplitter:
    """Splits rows with fields of plain names. Any thread may use it."""

    def __init__(self, names: Sequence[str], json_names: Sequence[str]) -> None:
        self._attributes = {name: f"f{place}" for place, name in enumerate(names) if name in json_names}
        row = msgspec.defstruct(
            "Row",
            [
                (
                    f"f{place}",
                    msgspec.Raw | msgspec.UnsetType,
                    msgspec.field(name=name, default=msgspec.UNSET),
                )
                for place, name in enumerate(names)
            ],
            forbid_unknown_fields=True,
            gc=False,
        )
        self._array = msgspec.json.Decoder(list[row])  # type: ignore[valid-type]
        self._lines = msgspec.json.Decoder(row)

    def split(self, data: bytes, media: Media, max_row: int) -> Iterator[SplitRows]:
        """Yield the rows of a JSON array or of NDJSON.

        Raises:
            NotColumnarError: A row is too long, or has a key twice.
            msgspec.DecodeError: It is not JSON, or has a key that is no field.
            RecursionError: It is nested too deeply.
        """
        if media is Media.NDJSON:
            for text, size in json_text.line_pieces(data, PIECE_BYTES):
                yield self._of_lines(text, size, max_row)
        elif len(data) <= PIECE_BYTES:
            rows = self._of_array(data)
            if not _are_surely_short(rows, len(data), max_row):
                _require_short(raw_texts.split(_text_of(data)), max_row)
            yield rows
        else:
            texts = raw_texts.split(_text_of(data))
            _require_short(texts, max_row)
            for piece in raw_texts.chunks(texts, PIECE_BYTES):
                yield self._of_array(raw_texts.joined(piece))

    def _of_array(self, data: bytes) -> SplitRows:
        return self._rows(data, self._array.decode(_text_of(data)))

    def _of_lines(self, text: bytes, size: int, max_row: int) -> SplitRows:
        count = json_text.require_lines(text, size, max_row)
        rows: list[_Row] = self._lines.decode_lines(memoryview(text)[:size])
        if len(rows) != count:
            raise NotColumnarError
        return self._rows(text, rows)

    def _rows(self, text: bytes, rows: list[_Row]) -> SplitRows:
        values = {name: _cut(rows, attribute) for name, attribute in self._attributes.items()}
        lines = _encoder.encode_lines(rows)
        texts = [value for column in values.values() for value in column if value is not None]
        left = lines.count(b'"') + b"".join(texts).count(b'"') + 2 * len(texts)
        if text.count(b'"') != left or not rows:
            raise NotColumnarError
        return SplitRows(lines, len(rows), values)


def _text_of(data: bytes) -> memoryview:
    return memoryview(data)[start_of(data) :]


def _are_surely_short(rows: SplitRows, size: int, max_row: int) -> bool:
    """Return whether no row of an array of some size is too long, even if all blanks between values are in one."""
    if size <= max_row:
        return True
    lengths = [[0 if value is None else len(value) for value in column] for column in rows.values.values()]
    blanks = size - len(rows.text) - sum(map(sum, lengths))
    return has_short_lines(rows.text, max_row - blanks - sum(map(max, lengths)))


def _require_short(texts: Sequence[msgspec.Raw], max_row: int) -> None:
    if texts and max(map(len, texts)) > max_row:
        raise NotColumnarError


def _cut(rows: list[_Row], attribute: str) -> list[msgspec.Raw | None]:
    """Remove a field from rows, and return its values."""
    values = [getattr(row, attribute) for row in rows]
    for row in rows:
        setattr(row, attribute, msgspec.UNSET)
    return [None if value is msgspec.UNSET else value for value in values]
