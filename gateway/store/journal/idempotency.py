"""The idempotency keys in the DuckDB file, each with the receipt of its batch."""

from collections.abc import Sequence
from datetime import datetime

from gateway import strictjson
from gateway.store.batch import Batch, Receipt, remembered
from gateway.store.engine.interface import Database
from gateway.store.engine.prepared_insert import BIGINT, BLOB, INTEGER, TIMESTAMPTZ, VARCHAR, PreparedInsert

#: The number of days that a key is kept.
DAYS = 7

_TABLE = """
CREATE TABLE IF NOT EXISTS gateway.keys (
    connector VARCHAR, token VARCHAR, key VARCHAR, digest BLOB, batch BIGINT, kept_at TIMESTAMPTZ
);
ALTER TABLE gateway.keys ADD COLUMN IF NOT EXISTS status INTEGER;
ALTER TABLE gateway.keys ADD COLUMN IF NOT EXISTS receipt VARCHAR;
"""
_KEYS = {
    "connector": VARCHAR,
    "token": VARCHAR,
    "key": VARCHAR,
    "digest": BLOB,
    "batch": BIGINT,
    "kept_at": TIMESTAMPTZ,
    "status": INTEGER,
    "receipt": VARCHAR,
}
#: An earlier gateway stored no receipt with the key; it is built from the batch.
_FIND = """
SELECT k.digest, coalesce(k.status, 201), coalesce(k.receipt, (
    SELECT json_object('batch', b.batch, 'received', b.rows, 'stored', b.rows, 'rejected', 0, 'duplicates', 0,
        'first_id', b.first_id, 'last_id', b.last_id)
    FROM gateway.batches b WHERE b.batch = k.batch AND b.connector = k.connector
))
FROM gateway.keys k WHERE k.connector = ? AND k.token IS NOT DISTINCT FROM ? AND k.key = ?
"""


class IdempotencyKeys:
    """The stored keys, each of one connector and one token.

    `keep` and `forget_old` belong to the writer thread and its transaction, `find` to any thread. A batch and its
    key are committed together, so there is none without the other.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        database.writer.execute(_TABLE)
        self._lines = PreparedInsert(database, "gateway.keys", _KEYS)
        self.forget_old()

    def forget_old(self) -> None:
        """Delete the keys that are older than `DAYS`."""
        self._database.writer.execute(f"DELETE FROM gateway.keys WHERE kept_at < now() - INTERVAL {DAYS} DAY")

    def find(self, connector: str, token: str | None, key: str) -> tuple[bytes, Receipt] | None:
        """Return the digest of the body and the receipt that are stored under a key, or None."""
        found = self._database.rows(_FIND, [connector, token, key])
        if not found:
            return None
        digest, status, receipt = found[0]
        return bytes(digest), remembered(status, strictjson.read_own(receipt))

    def keep(self, keys: Sequence[tuple[Batch, Receipt]], now: datetime) -> None:
        """Store the keys of batches, in the writer's transaction."""
        self._lines.insert(
            (
                batch.connector.name,
                batch.token,
                batch.key.text,
                batch.key.digest,
                receipt.batch,
                now,
                receipt.status,
                strictjson.write(receipt.body()).decode(),
            )
            for batch, receipt in keys
            if batch.key is not None
        )
