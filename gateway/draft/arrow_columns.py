"""The guess for each column of Parquet or Arrow, from the types in its schema."""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from gateway.draft.evidence import Evidence
from gateway.draft.guess import Guess, guess
from gateway.plurals import counted
from gateway.rowfile.arrow_file import arrow_batches, schema_of
from gateway.rowfile.source import Source

#: The number of rows that are decoded at a time.
_ROWS_AT_A_TIME = 2**16


def arrow_columns(source: Source) -> tuple[int, dict[str, Guess]]:
    """Return the number of rows of a file of Arrow columns, and the guess for each of its columns.

    Raises:
        ValueError: The file cannot be read, or two columns have one name.
    """
    try:
        return _guessed(source)
    except pa.ArrowException as error:
        name = source.media.name.capitalize()
        raise ValueError(f"{source.shown} is not {name}, or is damaged: {error}") from error


def _guessed(source: Source) -> tuple[int, dict[str, Guess]]:
    schema = schema_of(source)
    columns = {field.name: Evidence() for field in schema}
    unfit = Counter[str]()
    rows = 0
    for batch, _ in arrow_batches(source, _ROWS_AT_A_TIME):
        rows += batch.num_rows
        for field, column in zip(schema, batch.columns, strict=True):
            evidence = columns[field.name]
            if _is_text(column.type):
                evidence.add_values(column.to_pylist(), 0)
            else:
                evidence.rows += len(column)
                evidence.absent += column.null_count
                if pa.types.is_floating(column.type):
                    unfit[field.name] += pc.sum(pc.invert(pc.is_finite(column))).as_py() or 0
    guesses = {}
    for field in schema:
        evidence = columns[field.name]
        evidence.absent += unfit[field.name]
        type, remarks = _type_of(field.type)
        if unfit[field.name]:
            remarks = (
                *remarks,
                f"it is NaN or infinite in {counted(unfit[field.name], 'row')}; there it becomes null",
            )
        guesses[field.name] = guess(evidence) if evidence.kinds else Guess(type, evidence.absent > 0, remarks)
    return rows, guesses


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(kind) for test in tests)


def _type_of(arrow: pa.DataType) -> tuple[str, tuple[str, ...]]:
    """Return the type that accepts every value of an Arrow type, and remarks about it."""
    types = pa.types
    if types.is_dictionary(arrow):
        return _type_of(arrow.value_type)
    if types.is_list(arrow) or types.is_large_list(arrow) or types.is_fixed_size_list(arrow):
        item, _ = _type_of(arrow.value_type)
        return ("json" if item == "json" or item.endswith("[]") else f"{item}[]"), ()
    if types.is_decimal(arrow):
        return f"decimal({arrow.precision}, {arrow.scale})", ()
    remarks: tuple[str, ...] = ()
    if types.is_timestamp(arrow) and arrow.unit == "ns":
        remarks = ("it has nanoseconds; the gateway stores microseconds",)
    elif any(test(arrow) for test in (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)):
        remarks = ("it is binary, and is sent as base64",)
    name = next((name for test, name in _ARROW_TYPES if test(arrow)), None)
    return (name, remarks) if name else ("json", (f"its type in the file is {arrow}",))


_ARROW_TYPES = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_uint64, "decimal(20, 0)"),
    (pa.types.is_integer, "integer"),
    (pa.types.is_floating, "number"),
    (pa.types.is_string, "string"),
    (pa.types.is_large_string, "string"),
    (pa.types.is_string_view, "string"),
    (pa.types.is_binary, "string"),
    (pa.types.is_large_binary, "string"),
    (pa.types.is_fixed_size_binary, "string"),
    (lambda arrow: pa.types.is_timestamp(arrow) and arrow.tz is not None, "timestamp"),
    (pa.types.is_timestamp, "datetime"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time"),
    (pa.types.is_struct, "json"),
    (pa.types.is_map, "json"),
)
