"""Plain Arrow arrays to JSON values: those that a careful writer of JSON would send."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from gateway import strictjson
from gateway.ingest import csv_rows
from gateway.ingest.arrow.kinds import kind_of
from gateway.ingest.excerpts import shorten
from gateway.strictjson import Json


@dataclass(frozen=True, slots=True)
class NoJson:
    """A value that JSON does not have.

    Attributes:
        message: Why, and what to send instead.
        text: What stands in its place in the text of its row, which is not JSON then.
    """

    message: str
    text: str


def json_values(array: pa.Array) -> Sequence[Json | NoJson]:
    """Return the JSON values of an array in a plain type that has some."""
    kind = kind_of(array.type)
    assert kind is not None
    values: Sequence[Json] = _READERS.get(kind, pa.Array.to_pylist)(array)
    return values


def of_texts(texts: Sequence[Json]) -> Sequence[Json | NoJson]:
    """Return the JSON values of JSON texts."""
    return [None if text is None else _of_text(text) for text in texts]


def _of_text(text: str) -> Json | NoJson:
    try:
        return strictjson.read(text.encode())
    except ValueError:
        return NoJson(csv_rows.why_not_json(text), text)


def _floats(array: pa.Array) -> Sequence[Json]:
    return [None if value is None else _number(value) for value in array.to_pylist()]


def _number(value: float) -> Json | NoJson:
    number = Decimal(repr(value))
    if number.is_finite():
        return number
    text = str(number)
    return NoJson(f"{text} is no number that is stored: send null, or leave it out", text)


def _moments(array: pa.Array, end: str = "") -> Sequence[Json]:
    texts = array.cast(pa.string()).to_pylist()
    return [None if text is None else _without_zeros(text.replace(" ", "T")) + end for text in texts]


def _without_zeros(text: str) -> str:
    whole, point, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}{point}{fraction}" if fraction else whole


def _uuids(array: pa.Array) -> Sequence[Json]:
    return [None if value is None else _uuid(value.hex()) for value in array.to_pylist()]


def _uuid(digits: str) -> str:
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _lists(array: pa.Array) -> Sequence[Json]:
    items = json_values(array.values)
    found = [None if start is None else list(items[start:end]) for start, end in _bounds(array)]
    return _marked(found, items)


def _maps(array: pa.Array) -> Sequence[Json]:
    keys = [None if key is None else str(key) for key in array.keys.to_pylist()]
    items = json_values(array.items)
    found: list[Json | NoJson] = []
    for start, end in _bounds(array):
        value = None if start is None else dict(zip(keys[start:end], items[start:end], strict=True))
        is_double = start is not None and end is not None and len(value or ()) < end - start
        found.append(_double_key(keys[start:end]) if is_double else value)
    return _marked(found, items)


def _double_key(keys: Sequence[str | None]) -> NoJson:
    key = next(key for key in keys if keys.count(key) > 1)
    return NoJson(f"the key {shorten(key)} occurs twice in a map", "{map}")


def _bounds(array: pa.Array) -> Sequence[tuple[int | None, int | None]]:
    """Return where each list begins and ends in its items; None for null."""
    offsets = array.offsets.to_pylist()
    are_valid = array.is_valid().to_pylist()
    return [
        (start, end) if is_valid else (None, None)
        for start, end, is_valid in zip(offsets, offsets[1:], are_valid, strict=False)
    ]


def _structs(array: pa.Array) -> Sequence[Json]:
    names = [array.type.field(place).name for place in range(array.type.num_fields)]
    columns = [json_values(child) for child in array.flatten()]
    rows = zip(*columns, strict=True) if columns else [()] * len(array)
    found = [
        dict(zip(names, row, strict=True)) if is_valid else None
        for row, is_valid in zip(rows, array.is_valid().to_pylist(), strict=True)
    ]
    return _marked(found, [value for column in columns for value in column])


def _marked(values: list[Json], inner: Sequence[Json]) -> Sequence[Json]:
    """Return values, with the first part that is no JSON in place of a value that has one."""
    if not any(isinstance(value, NoJson) for value in inner):
        return values
    return [_first_part(value) or value for value in values]


def _first_part(value: Json) -> NoJson | None:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((part for part in parts if isinstance(part, NoJson)), None)


_READERS: Mapping[str, Callable[[pa.Array], Sequence[Json]]] = {
    "float": _floats,
    "date": lambda array: array.cast(pa.string()).to_pylist(),
    "time": _moments,
    "datetime": _moments,
    "instant": lambda array: _moments(array.cast(pa.timestamp("us")), "Z"),
    "uuid": _uuids,
    "list": _lists,
    "map": _maps,
    "struct": _structs,
}
