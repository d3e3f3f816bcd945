"""The ledger: one line for every batch that was stored, and the numbers it gives to batches and rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from gateway.connectors.connector import SYSTEM_FIELDS
from gateway.store.batch import Batch, Receipt

BATCHES = pa.schema(
    [
        ("batch", pa.int64()),
        ("connector", pa.string()),
        ("committed_at", pa.timestamp("us", "UTC")),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
        ("token", pa.string()),
        ("first_id", pa.int64()),
        ("last_id", pa.int64()),
    ]
)


def receipts(batches: Sequence[Batch], number: int, first_id: int) -> list[Receipt]:
    """Number batches of one connector, and their rows, one after another."""
    given = []
    for number_, batch in enumerate(batches, number):
        rows = batch.table.num_rows
        given.append(Receipt(number_, rows, rows, 0, 0, first_id, first_id + rows - 1))
        first_id += rows
    return given


def after(given: Sequence[Receipt]) -> int:
    """Give the `_id` that follows the last of receipts."""
    last = given[-1].last_id
    assert last is not None  # Batches without rows are not stored.
    return last + 1


def rows_of(batches: Sequence[Batch], given: Sequence[Receipt], now: datetime) -> pa.Table:
    """Put the rows of batches together, with the gateway's own columns."""
    table = pa.concat_tables([batch.table for batch in batches])
    moment = pa.scalar(now, pa.timestamp("us", "UTC"))
    numbers = [pa.repeat(pa.scalar(receipt.batch, pa.int64()), receipt.stored) for receipt in given]
    columns = (
        pa.arange(given[0].first_id, after(given)),
        pa.repeat(moment, table.num_rows),
        pa.chunked_array(numbers, pa.int64()),
    )
    for field, column in zip(SYSTEM_FIELDS, columns, strict=True):
        table = table.append_column(field.name, column)
    return table


def lines(batches: Sequence[Batch], given: Mapping[int, Receipt], now: datetime) -> list[tuple[object, ...]]:
    """Make the lines of batches, whose receipts are given by their place among them."""
    written: list[tuple[object, ...]] = []
    for number, batch in enumerate(batches):
        receipt = given[number]
        ids = (receipt.first_id, receipt.last_id)
        written.append(
            (receipt.batch, batch.connector, now, receipt.stored, batch.received_bytes, batch.token, *ids)
        )
    return written


def alike(batches: Sequence[Batch]) -> list[list[int]]:
    """Group the members that one INSERT can take: one connector, one set of columns."""
    groups: dict[tuple[str, pa.Schema], list[int]] = {}
    for number, batch in enumerate(batches):
        groups.setdefault((batch.connector, batch.table.schema), []).append(number)
    return list(groups.values())
