"""The journal in the DuckDB file of the rows, whose process alone writes it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime

from gateway.errors import GatewayError
from gateway.store.activity import HourlyFigures
from gateway.store.batch import Batch, Receipt, receipt_of
from gateway.store.commit_counts import SENT
from gateway.store.engine.interface import Database
from gateway.store.interface import NO_VERSION, ReadTransaction, Version
from gateway.store.journal.activity import Activity
from gateway.store.journal.idempotency import IdempotencyKeys
from gateway.store.journal.identity import identify
from gateway.store.journal.interface import Changes
from gateway.store.journal.ledger import LATEST, Ledger
from gateway.store.journal.versions import VersionTables
from gateway.store.sql.names import rejected_table
from gateway.store.sql.times import microseconds


class DuckDBJournal:
    """The journal of a store whose engine has a file: `Journal` in tables of the schema `gateway`.

    PERF: no other process writes the file, so the next numbers, the revisions, and the versions are read once and then
    kept in memory. To read them in each transaction would take as long as the commit of a small batch.
    """

    is_shared = False

    def __init__(self, database: Database) -> None:
        """Create the tables that are missing, and read the numbers that are next."""
        self._database = database
        self.id = identify(database)
        self.batches = Ledger(database)
        self.activity = Activity(database)
        self.definitions = VersionTables(database)
        self._keys = IdempotencyKeys(database)
        # The writer thread alone changes these four; any thread may look at the last three.
        self._sequences = self.batches.sequences()
        self._revisions = {each.name: each.revision for each in self.definitions.all()}
        self._last_sent = self.batches.last_sent()
        self._versions: dict[str, Version] = {
            name: (latest.batch, microseconds(latest.committed_at))
            for name, latest in self.batches.latest().items()
        }

    # -- the writer thread, in a transaction

    def begin(self, names: Collection[str] = ()) -> Changes:
        """Return the changes of a transaction that has done nothing yet."""
        return Changes(datetime.now(UTC), self._sequences)

    def last_rejected_id(self, name: str) -> int:
        """Return the last `_id` that a rejected row of a connector has had; the table of them must exist."""
        # Deleted rows count, too: the ledger has the number of all that were ever stored.
        sql = f"SELECT coalesce(max(_id), 0) FROM {rejected_table(name)}"
        ((last,),) = self._database.writer.execute(sql).fetchall()
        return max(int(last), self.batches.rejected(name))

    def receipts(self, batches: Sequence[Batch]) -> list[Receipt | GatewayError | None]:
        """Return, for each batch, the receipt that is stored under its key, or the error that its key has another body."""
        return [
            receipt_of(batch.key, self.find_receipt(batch.connector.name, batch.token, batch.key.text))
            if batch.key
            else None
            for batch in batches
        ]

    def write(self, changes: Changes) -> None:
        """Write what the transaction has changed."""
        self._keys.keep(changes.keys, changes.now)
        self.batches.write(changes.entries, changes.now)
        self.definitions.write(changes)

    # -- the writer thread, outside of a transaction

    def note_commit(self, changes: Changes) -> None:
        """Remember what was committed."""
        self._sequences = changes.sequences
        committed_at = microseconds(changes.now)
        for entry in changes.entries:
            self._versions[entry.connector] = (entry.receipt.batch or 0, committed_at)
            if entry.action in SENT:
                self._last_sent[entry.connector] = committed_at
        self._revisions |= {each.name: each.revision for each in changes.versions}
        if changes.purged is not None:
            self._revisions.pop(changes.purged.name, None)
            self._versions.pop(changes.purged.name, None)
            self._last_sent.pop(changes.purged.name, None)

    def forget_keys(self) -> None:
        """Delete the idempotency keys that are older than they are promised to be kept."""
        with self._database.transaction():
            self._keys.forget_old()

    def add_figures(self, hours: Sequence[HourlyFigures], forget_before: datetime) -> None:
        """Add figures to those of their hours, and delete those of hours before an instant."""
        with self._database.transaction():
            self.activity.add(hours)
            self.activity.forget(forget_before)

    # -- any thread

    def on_definitions(self, callback: Callable[[], None]) -> None:
        """Ignore the callback: one process alone changes connectors."""

    def catch_up(self) -> None:
        """Return at once: no other gateway commits."""

    def revision(self, name: str) -> int | None:
        """Return the applied revision of a connector; None if there is no such connector."""
        return self._revisions.get(name)

    def last_sent(self) -> Mapping[str, int]:
        """Return when the last batch that a client has sent was committed, in microseconds since 1970, by connector name."""
        return self._last_sent

    def version(self, name: str) -> Version:
        """Return the version of a connector's rows."""
        return self._versions.get(name, NO_VERSION)

    def version_in(self, transaction: ReadTransaction, name: str) -> Version:
        """Return the version of a connector's rows that a transaction sees."""
        transaction.begin()
        latest = transaction.fetch(LATEST, (name,))
        return latest[0] if latest else NO_VERSION

    def find_receipt(self, connector: str, token: str | None, key: str) -> tuple[bytes, Receipt] | None:
        """Return the digest and the receipt that are stored under an idempotency key, or None."""
        return self._keys.find(connector, token, key)
