"""The receipts of batches by idempotency key, so that a batch that is sent again is not stored again."""

from collections.abc import Sequence
from datetime import datetime

from gateway import strictjson
from gateway.errors import Code, GatewayError
from gateway.store.batch import Batch, IdempotencyKey, Receipt, remembered
from gateway.store.engine.interface import Database
from gateway.store.tables.prepared_insert import BIGINT, BLOB, INTEGER, TIMESTAMPTZ, VARCHAR, PreparedInsert

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
_HAS = "SELECT 1 FROM gateway.keys WHERE connector = ? AND token IS NOT DISTINCT FROM ? AND key = ?"


class IdempotencyKeys:
    """The stored keys, each of one connector and one token.

    `keep` and `forget_old` belong to the writer thread and its transaction, `find` and `has` to any thread. A batch and its
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

    def find(self, connector: str, token: str | None, key: IdempotencyKey) -> Receipt | None:
        """Return the receipt that is stored under a key, or None.

        Raises:
            GatewayError: It was stored with another body.
        """
        found = self._database.rows(_FIND, [connector, token, key.text])
        if not found:
            return None
        digest, status, receipt = found[0]
        if bytes(digest) != key.digest:
            hint = "send the body that belongs to it, or another key"
            raise GatewayError(Code.KEY_REUSED, hint=hint)
        return remembered(status, strictjson.read_own(receipt))

    def has(self, connector: str, token: str | None, key: str) -> bool:
        """Return whether a receipt is stored under a key, regardless of its body."""
        return bool(self._database.rows(_HAS, [connector, token, key]))

    def keep(self, batches: Sequence[Batch], receipts: Sequence[Receipt], now: datetime) -> None:
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
            for batch, receipt in zip(batches, receipts, strict=True)
            if batch.key is not None
        )
