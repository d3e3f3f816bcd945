"""The ledger in PostgreSQL, with the idempotency keys of its batches."""

from collections.abc import Sequence
from typing import Any

from gateway import strictjson
from gateway.errors import GatewayError
from gateway.store.batch import Batch, Receipt, StoredBatch, receipt_of, remembered
from gateway.store.journal.idempotency import DAYS
from gateway.store.lake.postgres import PostgreSQL

#: The columns of an entry, in the order of StoredBatch.
_ENTRY = "batch, committed_at, action, received, rows, rejected, duplicates, deleted, bytes, token, first_id, last_id"
#: Chooses the entries of one token, or all if the parameter, which is given twice, is NULL.
_SENT_BY = "(%s::text IS NULL OR token = %s::text)"
#: PERF: one round trip for the keys of a whole group.
_RECEIPTS = """
SELECT asked.place, k.digest, k.status, k.receipt FROM gw.keys k
JOIN unnest(%s::int[], %s::text[], %s::text[], %s::text[]) AS asked (place, connector, token, key)
ON (k.connector, k.token, k.key) = (asked.connector, asked.token, asked.key)
"""


class LakeLedger:
    """The entries, as `JournaledBatches` describes them. Any thread may call it."""

    def __init__(self, postgres: PostgreSQL) -> None:
        self._postgres = postgres

    def latest(self, token: str | None = None) -> dict[str, StoredBatch]:
        """Return the last batch of every connector, or its last batch of one token, by connector name."""
        rows = self._postgres.rows(
            f"SELECT DISTINCT ON (connector) connector, {_ENTRY} FROM gw.batches WHERE {_SENT_BY}"
            " ORDER BY connector, batch DESC"
            if token is not None
            else f"SELECT connector, {_ENTRY} FROM gw.batches JOIN gw.heads USING (connector, batch, committed_at)",
            [token, token] if token is not None else (),
        )
        return {name: StoredBatch(*entry) for name, *entry in rows}

    def newest(
        self, name: str, limit: int, token: str | None = None, before: int | None = None
    ) -> list[StoredBatch]:
        """List the latest batches of a connector, or those of one token, newest first; `before` is a number of a batch."""
        rows = self._postgres.rows(
            f"SELECT {_ENTRY} FROM gw.batches WHERE {_SENT_BY} AND connector = %s"
            " AND (%s::bigint IS NULL OR batch < %s::bigint) ORDER BY batch DESC LIMIT %s",
            [token, token, name, before, before, limit],
        )
        return [StoredBatch(*entry) for entry in rows]

    def find(self, name: str, numbers: Sequence[int]) -> list[StoredBatch]:
        """Return the batches of a connector among some numbers, in their order."""
        rows = self._postgres.rows(
            f"SELECT {_ENTRY} FROM gw.batches WHERE connector = %s AND batch = ANY(%s::bigint[]) ORDER BY batch",
            [name, list(numbers)],
        )
        return [StoredBatch(*entry) for entry in rows]

    # -- idempotency keys

    def find_receipt(self, connector: str, token: str | None, key: str) -> tuple[bytes, Receipt] | None:
        """Return the digest of the body and the receipt that are stored under a key, or None."""
        rows = self._postgres.rows(_RECEIPTS, [[0], [connector], [token or ""], [key]])
        return _found(rows[0][1:]) if rows else None

    @staticmethod
    def asked(batches: Sequence[Batch]) -> tuple[str, list[Any]] | None:
        """Return the SELECT of the receipts of batches with a key, for `receipts`; None if none has a key."""
        asked = [
            (place, batch.connector.name, batch.token or "", batch.key.text)
            for place, batch in enumerate(batches)
            if batch.key is not None
        ]
        return (_RECEIPTS, [list(column) for column in zip(*asked, strict=True)]) if asked else None

    @staticmethod
    def receipts(
        batches: Sequence[Batch], rows: Sequence[tuple[Any, ...]]
    ) -> list[Receipt | GatewayError | None]:
        """Return, for each batch, the receipt under its key, or the error that its key has another body."""
        found = {place: _found(row) for place, *row in rows}
        return [
            receipt_of(batch.key, found.get(place)) if batch.key is not None else None
            for place, batch in enumerate(batches)
        ]

    def forget_keys(self) -> None:
        """Delete the keys that are older than they are promised to be kept."""
        self._postgres.run(f"DELETE FROM gw.keys WHERE kept_at < now() - interval '{DAYS} days'")


def _found(row: Sequence[Any]) -> tuple[bytes, Receipt]:
    digest, status, receipt = row
    return bytes(digest), remembered(status, strictjson.read_own(receipt))
