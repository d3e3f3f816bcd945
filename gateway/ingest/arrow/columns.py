"""The columns of a Parquet or Arrow body, each with its field, in plain types."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from gateway.connectors.connector import Connector, Field
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.errors import Code, GatewayError
from gateway.ingest.arrow.kinds import group_of, is_taken, kind_of
from gateway.ingest.arrow.malformed import malformed
from gateway.ingest.arrow.plain_arrays import Loss, LossError, plain
from gateway.ingest.arrow.tables import read_table
from gateway.ingest.arrow.unfit_columns import all_of, lossy, unfit_type
from gateway.ingest.arrow.unpacked_size import UnpackedSize
from gateway.ingest.binary_formats import BINARY_NAMES, binary_format
from gateway.ingest.column_names import NameSource
from gateway.media_types import Media

#: Integers up to this one are exact as doubles.
EXACT_MAX = 2**53
_WITHOUT_INDEX = "is the index of pandas: write the file with to_parquet(index=False)"
_SOURCES = {
    name: NameSource(
        f"the {name} schema", odd_names={"__index_level_": f"'__index_level_N__' {_WITHOUT_INDEX}"}
    )
    for name in BINARY_NAMES.values()
}


@dataclass(frozen=True, slots=True)
class ArrowColumns:
    """The columns of a body that are taken.

    Attributes:
        fields: The field of each column.
        arrays: The values of each column, in a plain type that its field takes.
        num_rows: The number of rows.
    """

    fields: Sequence[Field]
    arrays: Sequence[pa.Array]
    num_rows: int


def read_columns(
    data: bytes, connector: Connector, taken: Sequence[Field] | None, max_bytes: int
) -> ArrowColumns:
    """Return the columns of a body.

    Args:
        data: The body.
        connector: The connector whose fields the columns name.
        taken: The fields that are taken, while other columns are skipped; None takes all columns.
        max_bytes: The most bytes that the body may have when it is unpacked.

    Raises:
        GatewayError: The body is malformed, a name or a type of a column does not fit, or a value would lose digits.
    """
    table = read_table(data, max_bytes)
    source = BINARY_NAMES[binary_format(data) or Media.ARROW]
    names = table.column_names
    if taken is None and not all(name.strip() for name in names):
        message = f"the {source} schema has a column without a name"
        raise GatewayError(Code.FIELD_UNKNOWN, message, hint="give every column the name of a field")
    fields = _SOURCES[source].fields_of(names, connector, taken)
    size = UnpackedSize(max_bytes)
    arrays: list[pa.Array] = []
    unfit: list[GatewayError] = []
    for column, name, field in zip(table.columns, names, fields, strict=True):
        if field is None:
            continue
        try:
            arrays.append(_read(column, name, field, size, source))
        except GatewayError as error:
            if error.code is not Code.COLUMN_UNFIT:
                raise
            unfit.append(error)
    if unfit:
        raise all_of(unfit)
    return ArrowColumns([field for field in fields if field], arrays, table.num_rows)


def _read(column: pa.ChunkedArray, name: str, field: Field, size: UnpackedSize, source: str) -> pa.Array:
    try:
        found = _plain(column, size)
        if not is_taken(field.type, found.type):
            raise unfit_type(name, column.type, found, field)
        _require_exact(field.type, found)
        found = _adapted(field.type, found)
    except LossError as error:
        raise lossy(name, column.type, field, error) from error
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise malformed(source, f"the column {name!r}: {error}") from error
    return found


def _plain(column: pa.ChunkedArray, size: UnpackedSize) -> pa.Array:
    """Return a column as one plain array. Its chunks may have dictionaries of their own."""
    if not len(column):
        return pa.nulls(0)  # Programs give columns without a value any type.
    if column.num_chunks == 1:
        return plain(column.chunk(0), size)
    if not _has_dictionary(column.type):
        return plain(column.combine_chunks(), size)
    chunks: list[pa.Array] = []
    start = 0
    for chunk in column.chunks:
        try:
            chunks.append(plain(chunk, size))
        except LossError as error:
            raise error.behind(start) from error
        start += len(chunk)
    return pa.concat_arrays(chunks)


def _has_dictionary(arrow: pa.DataType) -> bool:
    """Return whether values of a type, or parts of them, are places in a dictionary, which each chunk may have."""
    if isinstance(arrow, pa.BaseExtensionType):
        return _has_dictionary(arrow.storage_type)
    parts = (arrow.field(place).type for place in range(arrow.num_fields))
    return bool(pa.types.is_dictionary(arrow)) or any(map(_has_dictionary, parts))


def _adapted(type: FieldType, array: pa.Array) -> pa.Array:
    """Return whole days as dates, and floats of 32 bits with the digits that they are written with: 0.1 is 0.1."""
    if type.item is not None and kind_of(array.type) == "list":
        items = _adapted(type.item, array.values)
        return pa.ListArray.from_arrays(array.offsets, items, mask=array.is_null())
    if (group_of(type), kind_of(array.type)) == ("date", "datetime"):
        return array.cast(pa.date32())
    if group_of(type) == "decimal" and pa.types.is_float32(array.type):
        return array.cast(pa.string()).cast(pa.float64())
    return array


def _require_exact(type: FieldType, array: pa.Array) -> None:
    """Check that values of a taken type lose nothing in a field type.

    Raises:
        LossError: One does.
    """
    if type.item is not None and kind_of(array.type) == "list":
        try:
            _require_exact(type.item, array.values)
        except LossError as error:
            raise error.inside("[]") from error
        return
    pair = group_of(type), kind_of(array.type)
    if pair == ("number", "integer"):
        ends = pc.min_max(array).as_py()
        if ends["min"] is not None and not -EXACT_MAX <= ends["min"] <= ends["max"] <= EXACT_MAX:
            is_beyond = pc.or_(pc.greater(array, EXACT_MAX), pc.less(array, -EXACT_MAX))
            raise LossError(Loss.DIGITS, array.type, pc.index(is_beyond, True).as_py())
    elif pair == ("date", "datetime"):
        days = array.cast(pa.date32(), safe=False).cast(array.type)
        place = pc.index(pc.not_equal(days, array), True).as_py()
        if place >= 0:
            raise LossError(Loss.TIME_OF_DAY, array.type, place)
