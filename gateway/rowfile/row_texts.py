"""Rows of Arrow columns as texts: equal for equal values, however a file has encoded them."""

from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

_types = pa.types
#: The types whose values the gateway takes in columns as it takes them in JSON.
_TESTS: Sequence[Callable[[pa.DataType], bool]] = (
    _types.is_null,
    _types.is_boolean,
    _types.is_integer,
    _types.is_float32,
    _types.is_float64,
    _types.is_decimal128,
    _types.is_string,
    _types.is_large_string,
    _types.is_string_view,
    _types.is_date,
    _types.is_time,
    _types.is_timestamp,
)
#: The places of a null value, and of the next value of a row: their lengths tell texts with them apart.
_NULL, _NEXT = "\0", "\x1f"


def has_texts(schema: pa.Schema) -> bool:
    """Return whether the rows of a schema have texts: the types of all columns are plain."""
    return all(any(test(_plain_type(field.type)) for test in _TESTS) for field in schema)


def plain_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch without dictionaries, and with nulls for NaN and infinite numbers, which JSON does not have."""
    columns = [_plain(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def row_texts(batch: pa.RecordBatch) -> list[bytes]:
    """Return the text of each row of a plain batch."""
    cells: list[pa.Array] = []
    for column in batch.columns:
        if _types.is_string(column.type) or _types.is_large_string(column.type):
            cells.append(pc.binary_length(column).cast(pa.large_string()))
        cells.append(_text(column))
    if not cells:
        return [b""] * batch.num_rows
    joined = pc.binary_join_element_wise(
        *cells, pa.scalar(_NEXT, pa.large_string()), null_handling="replace", null_replacement=_NULL
    )
    texts: list[bytes] = joined.cast(pa.large_binary()).to_pylist()
    return texts


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if _types.is_dictionary(kind) else kind


def _plain(column: pa.Array) -> pa.Array:
    if _types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if _types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    if _types.is_floating(column.type):
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    return column


def _text(column: pa.Array) -> pa.Array:
    if _types.is_null(column.type):
        return pa.nulls(len(column), pa.large_string())
    if _types.is_timestamp(column.type):
        # A zone changes how an instant is shown, and not the instant.
        column = column.cast(pa.timestamp(column.type.unit))
    return column.cast(pa.string()).cast(pa.large_string())
