"""The ledger: one entry for each stored batch, and the next numbers of batches and rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from gateway.connectors.connector import SYSTEM_FIELDS, Connector
from gateway.store.batch import Batch, Receipt, Rows, StoredBatch, joined
from gateway.store.commit_counts import SENT
from gateway.store.engine.interface import Database
from gateway.store.sql.names import literal, table_of
from gateway.store.sql.times import moment
from gateway.store.tables.prepared_insert import BIGINT, TIMESTAMPTZ, VARCHAR, PreparedInsert

_TABLE = """
CREATE SCHEMA IF NOT EXISTS gateway;
CREATE TABLE IF NOT EXISTS gateway.batches (
    batch BIGINT, connector VARCHAR, committed_at TIMESTAMPTZ, rows BIGINT, bytes BIGINT, token VARCHAR,
    first_id BIGINT, last_id BIGINT
);
ALTER TABLE gateway.batches ADD COLUMN IF NOT EXISTS action VARCHAR;
ALTER TABLE gateway.batches ADD COLUMN IF NOT EXISTS received BIGINT;
ALTER TABLE gateway.batches ADD COLUMN IF NOT EXISTS rejected BIGINT;
ALTER TABLE gateway.batches ADD COLUMN IF NOT EXISTS duplicates BIGINT;
ALTER TABLE gateway.batches ADD COLUMN IF NOT EXISTS deleted BIGINT;
"""
_BATCHES = {
    "batch": BIGINT,
    "connector": VARCHAR,
    "committed_at": TIMESTAMPTZ,
    "action": VARCHAR,
    "received": BIGINT,
    "rows": BIGINT,
    "rejected": BIGINT,
    "duplicates": BIGINT,
    "deleted": BIGINT,
    "bytes": BIGINT,
    "token": VARCHAR,
    "first_id": BIGINT,
    "last_id": BIGINT,
}
#: The columns of an entry, with defaults for entries of an earlier gateway.
_TOLD = (
    "batch, epoch_us(committed_at), coalesce(action, 'post'), coalesce(received, rows), rows,"
    " coalesce(rejected, 0), coalesce(duplicates, 0), coalesce(deleted, 0), bytes, token, first_id, last_id"
)
#: Chooses the entries of one token, or all if the parameter, which is given twice, is NULL.
_SENT_BY = "(?::VARCHAR IS NULL OR token = ?::VARCHAR)"
#: The version of a connector's rows: its latest batch, and when that was committed.
LATEST = "SELECT batch, epoch_us(committed_at) FROM gateway.batches WHERE connector = ? ORDER BY batch DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """The effect of a batch on a connector, before it is written."""

    connector: str
    action: str
    receipt: Receipt
    received_bytes: int = 0
    token: str | None = None


class Ledger:
    """The entries. `write` belongs to the writer thread and its transaction, the others to any thread.

    The stored rows of the entries of a connector, minus their deleted rows, are the rows of its table.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        database.writer.execute(_TABLE)
        self._lines = PreparedInsert(database, "gateway.batches", _BATCHES)

    def write(self, lines: Iterable[LedgerEntry], now: datetime) -> None:
        """Write entries."""
        written = []
        for each in lines:
            told = each.receipt
            written.append(
                (
                    told.batch,
                    each.connector,
                    now,
                    each.action,
                    told.received,
                    told.stored,
                    told.rejected,
                    told.duplicates,
                    told.deleted,
                    each.received_bytes,
                    each.token,
                    told.first_id,
                    told.last_id,
                )
            )
        self._lines.insert(written)

    def latest(self, token: str | None = None) -> dict[str, StoredBatch]:
        """Return the last batch of every connector, or its last batch of one token, by connector name."""
        rows = self._database.rows(
            f"SELECT connector, {_TOLD} FROM gateway.batches WHERE batch IN"
            f" (SELECT max(batch) FROM gateway.batches WHERE {_SENT_BY} GROUP BY connector)",
            [token, token],
        )
        return {name: _stored(line) for name, *line in rows}

    def last_sent(self) -> dict[str, int]:
        """Return when the last batch that a client has sent was committed, in microseconds since 1970, by connector name."""
        actions = ", ".join(map(literal, sorted(SENT)))
        return dict(
            self._database.rows(
                "SELECT connector, epoch_us(max(committed_at)) FROM gateway.batches"
                f" WHERE coalesce(action, 'post') IN ({actions}) GROUP BY connector"
            )
        )

    def newest(
        self, name: str, limit: int, token: str | None = None, before: int | None = None
    ) -> list[StoredBatch]:
        """List the latest batches of a connector, or those of one token, newest first; `before` is a number of a batch."""
        rows = self._database.rows(
            f"SELECT {_TOLD} FROM gateway.batches WHERE {_SENT_BY} AND connector = ?"
            " AND (?::BIGINT IS NULL OR batch < ?::BIGINT) ORDER BY batch DESC LIMIT ?",
            [token, token, name, before, before, limit],
        )
        return [_stored(line) for line in rows]

    def find(self, connector: Connector, numbers: Sequence[int]) -> list[tuple[StoredBatch, int]]:
        """Return the batches of a connector among some numbers, each with the number of its unchanged rows."""
        rows = self._database.rows(
            f"SELECT {_TOLD} FROM gateway.batches"
            " WHERE connector = ? AND list_contains(?::BIGINT[], batch) ORDER BY batch",
            [connector.name, list(numbers)],
        )
        if not rows:
            return []
        counted = self._database.rows(
            f"SELECT _batch, count(*) FROM {table_of(connector)} WHERE list_contains(?::BIGINT[], _batch)"
            " AND _batch BETWEEN ? AND ? GROUP BY _batch",
            [list(numbers), min(numbers), max(numbers)],
        )
        left = dict(counted)
        found = [_stored(line) for line in rows]
        return [(each, left.get(each.batch, 0)) for each in found]


def _stored(line: Sequence[object]) -> StoredBatch:
    batch, at, *others = line
    assert isinstance(batch, int)
    assert isinstance(at, int)
    return StoredBatch(batch, moment(at), *others)  # type: ignore[arg-type]  # the columns are `_TOLD`


@dataclass(frozen=True, slots=True)
class Sequences:
    """The next batch number, and the next `_id` of each connector. Replaced, never edited."""

    batch: int
    ids: Mapping[str, int]

    @classmethod
    def of(cls, database: Database) -> "Sequences":
        """Read them from all numbers ever used: the ledger, and the records of purged connectors.

        So a number is used again only if no response had it.
        """
        given = """(
            SELECT connector, batch, last_id FROM gateway.batches
            UNION ALL SELECT connector, last_batch, last_id FROM gateway.purged
        )"""
        ((batch,),) = database.rows(f"SELECT coalesce(max(batch), 0) + 1 FROM {given}")
        ids = database.rows(
            f"SELECT connector, coalesce(max(last_id), 0) + 1 FROM {given} GROUP BY connector"
        )
        return cls(batch, dict(ids))

    def id_of(self, connector: str) -> int:
        """Return the next `_id` of a connector."""
        return self.ids.get(connector, 1)

    def after(self, connector: str, rows: int) -> "Sequences":
        """Return the next numbers after a batch of `rows` rows."""
        return Sequences(self.batch + 1, {**self.ids, connector: self.id_of(connector) + rows})


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
