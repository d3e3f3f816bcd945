"""The journal of a lake: written with each commit by PostgreSQL's trigger, and asked of PostgreSQL."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from gateway import strictjson
from gateway.errors import GatewayError
from gateway.store.activity import HourlyFigures
from gateway.store.batch import Batch, Receipt
from gateway.store.commit_counts import SENT
from gateway.store.interface import NO_VERSION, ReadTransaction, Version
from gateway.store.journal.interface import Changes, LedgerEntry, NewEvent, Sequences
from gateway.store.lake.attach import CATALOG
from gateway.store.lake.catalog_watch import CatalogWatch, Head
from gateway.store.lake.commit_lock import CommitLock, Turn
from gateway.store.lake.lake_activity import LakeActivity
from gateway.store.lake.lake_ledger import LakeLedger
from gateway.store.lake.lake_versions import LakeVersions
from gateway.store.lake.postgres import PostgreSQL
from gateway.store.sql.times import microseconds

_SEQUENCES = "SELECT connector, last_id, last_rejected_id FROM gw.sequences WHERE connector = ANY(%s)"
_SNAPSHOT = f"SELECT id FROM {CATALOG}.current_snapshot()"
_VERSION_AT = (
    "SELECT batch, (extract(epoch FROM committed_at) * 1000000)::bigint FROM gw.batches"
    " WHERE connector = %s AND snapshot <= %s ORDER BY batch DESC LIMIT 1"
)


class OpenCommit(Protocol):
    """The transaction that is open, as the journal needs it."""

    @property
    def turn(self) -> Turn:
        """The turn of the transaction."""

    def add_message(self, message: dict[str, Any]) -> None:
        """Add to the message of the commit, which PostgreSQL's trigger records."""


class LakeJournal:
    """The journal of a lake: `Journal` in tables of PostgreSQL's schema `gw`."""

    is_shared = True

    def __init__(
        self, postgres: PostgreSQL, lock: CommitLock, watch: CatalogWatch, commit: OpenCommit
    ) -> None:
        self._postgres = postgres
        self._lock = lock
        self._watch = watch
        self._commit = commit
        ((identity,),) = postgres.rows("SELECT id FROM gw.store")
        self.id = str(identity)
        self.batches = LakeLedger(postgres)
        self.activity = LakeActivity(postgres)
        self.definitions = LakeVersions(postgres, watch)
        # The last `_id`s of the rejected rows, and the number of the commit, of the open transaction.
        self._rejected_ids: dict[str, int] = {}
        self._number = 0

    # -- the writer thread, in a transaction

    def begin(self, names: Collection[str] = ()) -> Changes:
        """Return the changes of a transaction that has done nothing yet."""
        turn = self._commit.turn
        self._number = turn.number + 1
        rows = self._lock.rows(_SEQUENCES, [list(names)]) if names else []
        self._rejected_ids = {name: rejected for name, _, rejected in rows}
        return Changes(turn.now, Sequences(turn.batch + 1, {name: last + 1 for name, last, _ in rows}))

    def last_rejected_id(self, name: str) -> int:
        """Return the last `_id` that a rejected row of a connector has had, 0 if there was none."""
        return self._rejected_ids.get(name, 0)

    def receipts(self, batches: Sequence[Batch]) -> list[Receipt | GatewayError | None]:
        """Return, for each batch, the receipt that is stored under its key, or the error that its key has another body."""
        asked = self.batches.asked(batches)
        return self.batches.receipts(batches, self._lock.rows(*asked) if asked else [])

    def write(self, changes: Changes) -> None:
        """Add what the transaction has changed to the message of its commit."""
        message: dict[str, Any] = {}
        if changes.entries:
            message["entries"] = [_entry(each) for each in changes.entries]
            message["batch"] = changes.sequences.batch - 1
            names = {each.connector for each in changes.entries}
            message["sequences"] = {
                name: [changes.sequences.id_of(name) - 1, changes.rejected_ids.get(name, 0)] for name in names
            }
        if keys := [_key(batch, receipt) for batch, receipt in changes.keys if batch.key is not None]:
            message["keys"] = keys
        if changes.versions or changes.removed or changes.purged or changes.events:
            message["definitions"] = _definitions(changes)
        self._commit.add_message(message)

    # -- the writer thread, outside of a transaction

    def note_commit(self, changes: Changes) -> None:
        """Remember what was committed, before the notification of it arrives."""
        at = microseconds(changes.now)
        sent = {each.connector for each in changes.entries if each.action in SENT}
        heads = {
            each.connector: Head(
                (each.receipt.batch or 0, at), self._number, at if each.connector in sent else None
            )
            for each in changes.entries
        }
        self._watch.note_heads(heads)
        gone = {changes.purged.name} if changes.purged is not None else set()
        self._watch.note_revisions({each.name: each.revision for each in changes.versions}, gone)

    def forget_keys(self) -> None:
        """Delete the idempotency keys that are older than they are promised to be kept."""
        self.batches.forget_keys()

    def add_figures(self, hours: Sequence[HourlyFigures], forget_before: datetime) -> None:
        """Add figures to those of their hours, and delete those of hours before an instant."""
        self.activity.add(hours, forget_before)

    # -- any thread

    def on_definitions(self, callback: Callable[[], None]) -> None:
        """Call `callback` on another thread after each change of connectors by any gateway."""
        self._watch.on_definitions(callback)

    def revision(self, name: str) -> int | None:
        """Return the applied revision of a connector; None if there is no such connector."""
        return self._watch.revision(name)

    def last_sent(self) -> Mapping[str, int]:
        """Return when the last batch that a client has sent to any gateway was committed, in microseconds since 1970."""
        return self._watch.last_sent()

    def catch_up(self) -> None:
        """Load every commit of other gateways that was answered before the call."""
        self._watch.catch_up()

    def version(self, name: str) -> Version | None:
        """Return the version of a connector's rows; None while PostgreSQL does not answer."""
        return self._watch.version(name)

    def version_in(self, transaction: ReadTransaction, name: str) -> Version:
        """Return the version of a connector's rows that a transaction sees."""
        transaction.begin()
        ((snapshot,),) = transaction.fetch(_SNAPSHOT, ())
        found = self._postgres.rows(_VERSION_AT, [name, snapshot])
        return (found[0][0], found[0][1]) if found else NO_VERSION

    def find_receipt(self, connector: str, token: str | None, key: str) -> tuple[bytes, Receipt] | None:
        """Return the digest and the receipt that are stored under an idempotency key, or None."""
        return self.batches.find_receipt(connector, token, key)


def _entry(entry: LedgerEntry) -> list[Any]:
    """Return an entry in the order in which `gw.record` reads it."""
    told = entry.receipt
    return [
        *(told.batch, entry.connector, entry.action, told.received, told.stored, told.rejected),
        *(told.duplicates, told.deleted, entry.received_bytes, entry.token, told.first_id, told.last_id),
    ]


def _key(batch: Batch, receipt: Receipt) -> list[Any]:
    assert batch.key is not None
    text = strictjson.write(receipt.body()).decode()
    name, digest = batch.connector.name, batch.key.digest.hex()
    return [name, batch.token, batch.key.text, digest, receipt.batch, receipt.status, text]


def _definitions(changes: Changes) -> dict[str, Any]:
    return {
        "versions": [[each.name, each.file, each.text, each.revision] for each in changes.versions],
        "removed": [each.name for each in changes.removed],
        "purged": changes.purged.name if changes.purged is not None else None,
        "events": [_event(each) for each in changes.events],
    }


def _event(event: NewEvent) -> list[Any]:
    connector = event.connector
    return [
        *(connector.name, event.action, connector.file, connector.revision),
        *(json.dumps(event.changes), event.old, event.new, event.by),
    ]
