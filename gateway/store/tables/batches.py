"""The ledger together with the rows of its batches."""

from collections.abc import Mapping, Sequence

from gateway.connectors.connector import Connector
from gateway.store.batch import StoredBatch
from gateway.store.engine.interface import Database
from gateway.store.journal.interface import JournaledBatches
from gateway.store.sql.names import table_of


class Batches:
    """The batches, as `BatchReader` describes them. Any thread may call it.

    The stored rows of the entries of a connector, minus their deleted rows, are the rows of its table.
    """

    def __init__(self, database: Database, entries: JournaledBatches) -> None:
        self._database = database
        self._entries = entries

    def latest(self, token: str | None = None) -> Mapping[str, StoredBatch]:
        """Return the last batch of every connector, or its last batch of one token, by connector name."""
        return self._entries.latest(token)

    def newest(
        self, name: str, limit: int, token: str | None = None, before: int | None = None
    ) -> list[StoredBatch]:
        """List the latest batches of a connector, or those of one token, newest first; `before` is a number of a batch."""
        return self._entries.newest(name, limit, token, before)

    def find(self, connector: Connector, numbers: Sequence[int]) -> list[tuple[StoredBatch, int]]:
        """Return the batches of a connector among some numbers, each with the number of its unchanged rows."""
        found = self._entries.find(connector.name, numbers)
        if not found:
            return []
        counted = self._database.rows(
            f"SELECT _batch, count(*) FROM {table_of(connector)} WHERE list_contains(?::BIGINT[], _batch)"
            " AND _batch BETWEEN ? AND ? GROUP BY _batch",
            [list(numbers), min(numbers), max(numbers)],
        )
        left = dict(counted)
        return [(each, left.get(each.batch, 0)) for each in found]
