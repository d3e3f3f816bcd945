"""Rows of Arrow columns as texts: equal for equal values, however a file has encoded them."""

import base64

import pyarrow as pa
import pyarrow.compute as pc

_types = pa.types
#: The places of a null value, and of the next value of a row: their lengths tell texts with them apart.
_NULL, _NEXT = "\0", "\x1f"
_TEXT = pa.large_string()
#: The texts of the first numbers: a look here takes a third of a conversion.
_NUMBERS = pa.arange(0, 1000).cast(_TEXT)


def plain_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch in fewer types, with the values that the gateway stores of a file.

    It has no dictionaries. NaN and infinite numbers, which JSON does not have, are null; bytes are text in base64.
    """
    columns = [_plain(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def row_texts(batch: pa.RecordBatch) -> pa.LargeBinaryArray:
    """Return the text of each row of a plain batch.

    Raises:
        ValueError: A value has no text.
    """
    cells: list[pa.Array] = []
    for column in batch.columns:
        text = _text(column)
        if not _is_without_separators(column.type):
            cells.append(_lengths(text))
        cells.append(text)
    if not cells:
        return pa.array([b""] * batch.num_rows, pa.large_binary())
    joined = pc.binary_join_element_wise(
        *cells, pa.scalar(_NEXT, _TEXT), null_handling="replace", null_replacement=_NULL
    )
    return joined.cast(pa.large_binary())


def _is_without_separators(kind: pa.DataType) -> bool:
    """Return whether texts of a type have neither of the characters between the values of a row."""
    tests = (_types.is_null, _types.is_boolean, _types.is_integer, _types.is_floating, _types.is_decimal)
    return any(test(kind) for test in tests) or bool(_types.is_temporal(kind))


def _plain(column: pa.Array) -> pa.Array:
    if _types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if _types.is_string_view(column.type):
        column = column.cast(_TEXT)
    if (
        _types.is_binary(column.type)
        or _types.is_large_binary(column.type)
        or _types.is_binary_view(column.type)
    ):
        values = [None if each is None else base64.b64encode(each).decode() for each in column.to_pylist()]
        return pa.array(values, _TEXT)
    if _types.is_float32(column.type) or _types.is_float64(column.type):
        return pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    return column


def _text(column: pa.Array) -> pa.Array:
    """Return the texts of values, null for null."""
    column = _unwrapped(column)
    kind = column.type
    if _types.is_null(kind):
        return pa.nulls(len(column), _TEXT)
    if _types.is_boolean(kind):
        return pc.if_else(column, pa.scalar("true", _TEXT), pa.scalar("false", _TEXT))
    if _types.is_list(kind) or _types.is_large_list(kind) or _types.is_map(kind):
        return _list_texts(column)
    if _types.is_struct(kind):
        return _struct_texts(column)
    try:
        return column.cast(pa.string(), safe=False).cast(_TEXT, safe=False)
    except pa.ArrowNotImplementedError:
        return pa.array([None if each is None else repr(each) for each in column.to_pylist()], _TEXT)


def _unwrapped(column: pa.Array) -> pa.Array:
    """Return the same values in a type that has one way to write them."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _unwrapped(column.storage)
    if _types.is_dictionary(kind):
        return _unwrapped(column.dictionary_decode())
    if _types.is_fixed_size_list(kind) or _types.is_list_view(kind) or _types.is_large_list_view(kind):
        return column.cast(pa.large_list(kind.value_type))
    if _types.is_timestamp(kind):
        # A zone changes how an instant is shown, and not the instant.
        return column.cast(pa.timestamp(kind.unit))
    return column


def _list_texts(lists: pa.Array) -> pa.Array:
    """Return the texts of lists: those of their items, one after another, each with its length."""
    offsets = lists.offsets.cast(pa.int64())
    first = offsets[0].as_py()
    items = (
        lists.values
        if not _types.is_map(lists.type)
        else pa.StructArray.from_arrays([lists.keys, lists.items], ["k", "v"])
    )
    texts = _measured(items.slice(first, offsets[-1].as_py() - first))
    joined = pc.binary_join(
        pa.LargeListArray.from_arrays(pc.subtract(offsets, first), texts), pa.scalar("", _TEXT)
    )
    return _null_where(lists, joined)


def _struct_texts(structs: pa.Array) -> pa.Array:
    """Return the texts of structs: those of their fields, one after another, each with its length."""
    children = [_measured(child) for child in structs.flatten()]
    if not children:
        return _null_where(structs, pa.repeat(pa.scalar("", _TEXT), len(structs)))
    return _null_where(structs, pc.binary_join_element_wise(*children, pa.scalar("", _TEXT)))


def _measured(column: pa.Array) -> pa.Array:
    """Return texts with their lengths before them, also for null."""
    text = _text(column)
    return pc.binary_join_element_wise(
        _lengths(text), text, pa.scalar(":", _TEXT), null_handling="replace", null_replacement=_NULL
    )


def _lengths(text: pa.Array) -> pa.Array:
    """Return the lengths of texts as texts, null for null."""
    length = pc.binary_length(text)
    is_short = (pc.max(length).as_py() or 0) < len(_NUMBERS)
    return _NUMBERS.take(length) if is_short else length.cast(_TEXT)


def _null_where(column: pa.Array, texts: pa.Array) -> pa.Array:
    return pc.if_else(column.is_valid(), texts, pa.scalar(None, _TEXT))
