"""Runs of batches that one INSERT can insert, and their rows with the system columns."""

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from gateway.connectors.connector import SYSTEM_FIELDS
from gateway.store.batch import Batch, Rows, joined


def with_own_columns(several: Sequence[tuple[int, Rows]], first_id: int, now: datetime) -> pa.Table:
    """Join rows of several batches of one connector, and append the system columns.

    Args:
        several: The rows, each with the number of their batch.
        first_id: The `_id` of the first of them; the others have those that follow.
        now: When they came.
    """
    table = joined(rows for _, rows in several)
    columns = (
        pa.arange(first_id, first_id + table.num_rows),
        pa.repeat(pa.scalar(now, pa.timestamp("us", "UTC")), table.num_rows),
        _repeated([(batch, rows.num_rows) for batch, rows in several]),
    )
    for field, column in zip(SYSTEM_FIELDS, columns, strict=True):
        table = table.append_column(field.name, column)
    return table


def _repeated(numbers: Sequence[tuple[int, int]]) -> pa.Array:
    """Repeat each number as often as its length says."""
    if all(
        length <= 1 for _, length in numbers
    ):  # PERF: one array of many values is built faster than many arrays of one.
        return pa.array([number for number, length in numbers if length], pa.int64())
    return pa.concat_arrays([pa.repeat(pa.scalar(number, pa.int64()), length) for number, length in numbers])


def alike(batches: Sequence[Batch]) -> list[list[int]]:
    """Group the batches that one INSERT can insert, those of one connector in their order."""
    runs: dict[str, list[list[int]]] = {}
    for number, batch in enumerate(batches):
        own = runs.setdefault(batch.connector.name, [])
        if own and _goes_with(batches[own[-1][-1]], batch):
            own[-1].append(number)
        else:
            own.append([number])
    return [run for own in runs.values() for run in own]


def _goes_with(before: Batch, batch: Batch) -> bool:
    if before.replaces_all or batch.replaces_all:
        return False
    # Mostly it is the same object; after a change of the connector its fields may have another order.
    if before.connector is not batch.connector and before.connector.fields != batch.connector.fields:
        return False
    return not batch.connector.primary_key or (before.on_conflict, before.named) == (
        batch.on_conflict,
        batch.named,
    )
