"""The ledger in the DuckDB file: one entry for each stored batch, and the next numbers of batches and rows."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from gateway.store.batch import StoredBatch
from gateway.store.commit_counts import SENT
from gateway.store.engine.interface import Database
from gateway.store.engine.prepared_insert import BIGINT, TIMESTAMPTZ, VARCHAR, PreparedInsert
from gateway.store.journal.interface import LedgerEntry, Sequences
from gateway.store.sql.names import literal
from gateway.store.sql.times import moment

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

    def find(self, name: str, numbers: Sequence[int]) -> list[StoredBatch]:
        """Return the batches of a connector among some numbers, in their order."""
        rows = self._database.rows(
            f"SELECT {_TOLD} FROM gateway.batches"
            " WHERE connector = ? AND list_contains(?::BIGINT[], batch) ORDER BY batch",
            [name, list(numbers)],
        )
        return [_stored(line) for line in rows]

    def rejected(self, name: str) -> int:
        """Return how many rows of a connector were ever rejected, also those that are deleted; the writer thread alone may call it."""
        sql = "SELECT coalesce(sum(rejected), 0)::BIGINT FROM gateway.batches WHERE connector = $1"
        ((rejected,),) = self._database.writer.execute(sql, [name]).fetchall()
        return int(rejected)

    def sequences(self) -> Sequences:
        """Return the next numbers, which follow all that were ever used: those of the ledger, and of purged connectors.

        So a number is used again only if no response had it.
        """
        given = """(
            SELECT connector, batch, last_id FROM gateway.batches
            UNION ALL SELECT connector, last_batch, last_id FROM gateway.purged
        )"""
        ((batch,),) = self._database.rows(f"SELECT coalesce(max(batch), 0) + 1 FROM {given}")
        ids = self._database.rows(
            f"SELECT connector, coalesce(max(last_id), 0) + 1 FROM {given} GROUP BY connector"
        )
        return Sequences(batch, dict(ids))


def _stored(line: Sequence[object]) -> StoredBatch:
    batch, at, *others = line
    assert isinstance(batch, int)
    assert isinstance(at, int)
    return StoredBatch(batch, moment(at), *others)  # type: ignore[arg-type]  # the columns are `_TOLD`
