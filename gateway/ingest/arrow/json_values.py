"""Plain Arrow arrays to JSON values: those that a careful writer of JSON would send."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from gateway.ingest.arrow.kinds import kind_of
from gateway.strictjson import Json


def json_values(array: pa.Array) -> Sequence[Json]:
    """Return the JSON values of an array whose type has some. NaN and infinities are floats, which JSON has not."""
    kind = kind_of(array.type)
    assert kind is not None
    values: Sequence[Json] = _READERS.get(kind, pa.Array.to_pylist)(array)
    return values


def _floats(array: pa.Array) -> Sequence[Json]:
    return [None if value is None else _number(value) for value in array.to_pylist()]


def _number(value: float) -> Json:
    number = Decimal(repr(value))
    return number if number.is_finite() else value


def _datetimes(array: pa.Array) -> Sequence[Json]:
    texts = pc.replace_substring(array.cast(pa.string()), " ", "T")
    return pc.replace_substring_regex(texts, r"\.?0{1,6}$", "").to_pylist() if len(texts) else []


def _moments(array: pa.Array, end: str) -> Sequence[Json]:
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
    items = json_values(array.flatten())
    lengths = pc.list_value_length(array).to_pylist()
    lists: list[Json] = []
    start = 0
    for length in lengths:
        lists.append(None if length is None else list(items[start : start + length]))
        start += length or 0
    return lists


def _structs(array: pa.Array) -> Sequence[Json]:
    names = [array.type.field(place).name for place in range(array.type.num_fields)]
    columns = [json_values(child) for child in array.flatten()]
    rows = zip(*columns, strict=True) if columns else [()] * len(array)
    are_valid = array.is_valid().to_pylist()
    return [
        dict(zip(names, row, strict=True)) if is_valid else None
        for row, is_valid in zip(rows, are_valid, strict=True)
    ]


_READERS: Mapping[str, Callable[[pa.Array], Sequence[Json]]] = {
    "float": _floats,
    "date": lambda array: array.cast(pa.string()).to_pylist(),
    "time": lambda array: _moments(array, ""),
    "datetime": lambda array: _moments(array, ""),
    "instant": lambda array: _moments(array.cast(pa.timestamp("us")), "Z"),
    "uuid": _uuids,
    "list": _lists,
    "struct": _structs,
}
