"""The store: rows of connectors, and the batches they came in."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import BinaryIO

from gateway.connectors.change import SchemaDiff
from gateway.connectors.connector import Connector
from gateway.connectors.plan import TableState
from gateway.connectors.policy import Retention
from gateway.errors import Code, GatewayError
from gateway.store.activity import HourlyFigures
from gateway.store.batch import (
    NO_ROWS,
    Batch,
    IdempotencyKey,
    KeyConflicts,
    Receipt,
    receipt_of,
    rehearsed,
)
from gateway.store.definition import NOBODY
from gateway.store.edit import Edit
from gateway.store.engine.interface import Database
from gateway.store.engine.stream import selecting
from gateway.store.errors import ConnectorChanged
from gateway.store.interface import ReadTransaction, Show, Version
from gateway.store.journal.interface import Journal
from gateway.store.rejection import Amendment, RepairedRows, rejected_of
from gateway.store.sql.names import literal, table_of
from gateway.store.tables.appends import Appends
from gateway.store.tables.batches import Batches
from gateway.store.tables.commits import Commits, RolledBack
from gateway.store.tables.conflicts import find_conflicts
from gateway.store.tables.copies import copy
from gateway.store.tables.definitions import Definitions
from gateway.store.tables.edits import RowEdits
from gateway.store.tables.expired_rows import ExpiredRows
from gateway.store.tables.rejected import Rejected
from gateway.store.tables.row_check_cache import RowCheckCache
from gateway.store.upkeep import LakeUpkeep
from gateway.store.usage import Usage


class Store:
    """A store on one engine: `StoreWriter` for the writer thread, `StoreReader` for any thread.

    `interface.py` has the contract of each method.
    """

    def __init__(
        self, database: Database, open_journal: Callable[[], Journal], lake: LakeUpkeep | None = None
    ) -> None:
        """Open the journal of an open database, and own both; the database is closed if that fails.

        `lake` is the upkeep of a store that several gateways share, None for that of one machine.
        """
        self.lake = lake
        self._database = database
        try:
            self._journal = journal = open_journal()
            self.id = journal.id
            self.is_shared = journal.is_shared
            self.batches = Batches(database, journal.batches)
            self.activity = journal.activity
            self.definitions = Definitions(database, journal)
            self.rejected = Rejected(database, journal)
            self._commits = Commits(database, journal)
            self.commit_counts = self._commits.counts
            self._appends = Appends(database, self.rejected)
            self._edits = RowEdits(database)
            self._expired = ExpiredRows(database, self.rejected)
            self._checks = RowCheckCache(database, self._commits.version)
        except BaseException:
            database.close()
            raise

    def on_failure(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the database can no longer be used."""
        self._database.on_failure(callback)

    def on_definitions(self, callback: Callable[[], None]) -> None:
        """Call `callback` on another thread after each change of connectors by any gateway, if the store is shared."""
        self._journal.on_definitions(callback)

    def require_answer(self) -> None:
        """Refuse a change at once that would wait for a server that does not answer."""
        self._database.require_answer()

    def close(self) -> None:
        """Close the database; nothing may use the store afterwards."""
        if self.lake is not None:
            self.lake.close()
        self._database.close()

    @property
    def is_reachable(self) -> bool:
        """True if the servers that the store needs answer."""
        return self._database.is_reachable

    def turn_to_commit(self) -> contextlib.AbstractContextManager[None]:
        """Wait until it is the turn of this process to commit, and hold the turn for the calls of a block."""
        return self._database.turn_to_commit()

    # -- rows

    def append(self, batches: Sequence[Batch]) -> list[Receipt | GatewayError]:
        """Store batches in one transaction; return a receipt or a reason for each."""
        answers: list[Receipt | GatewayError | None] = []
        with self._commits.commit({batch.connector.name for batch in batches}) as changes:
            answers = self._answers(batches)
            new = [number for number, answer in enumerate(answers) if answer is None]
            if not new:
                raise RolledBack
            receipts = self._appends.insert([batches[number] for number in new], changes)
            for number, receipt in zip(new, receipts, strict=True):
                answers[number] = receipt
        return [answer or NO_ROWS for answer in answers]

    def append_and_show(
        self, batch: Batch, show: Show, *, is_rehearsal: bool = False
    ) -> tuple[Receipt, bytes | None]:
        """Store one batch and render its rows inside the same transaction."""
        if is_rehearsal:
            return self._rehearse(batch, show)
        receipt, shown = NO_ROWS, None
        with self._commits.commit({batch.connector.name}) as changes:
            (answer,) = self._answers([batch])
            if answer is not None:
                receipt = _given([answer])
                raise RolledBack
            receipt = _given(self._appends.insert([batch], changes))
            shown = show(receipt, selecting(self._database.writer))
        self.maintain()
        return receipt, shown

    def _rehearse(self, batch: Batch, show: Show) -> tuple[Receipt, bytes | None]:
        self._require_present(batch.connector)
        receipt, shown = NO_ROWS, None
        with contextlib.suppress(RolledBack), self._database.transaction() as writer:
            receipt = _given(self._appends.insert([batch], self._journal.begin({batch.connector.name})))
            shown = show(receipt, selecting(writer))
            raise RolledBack
        return rehearsed(receipt), shown

    def edit(self, edit: Edit, show: Show, *, is_rehearsal: bool = False) -> tuple[Receipt, bytes | None]:
        """Edit all rows of a selection, or none: change or delete them, and render them inside the same transaction."""
        self._require_present(edit.connector)
        receipt, shown = NO_ROWS, None
        with self._commits.commit({edit.connector.name}) as changes:
            receipt, shown = self._edits.run(edit, show, changes)
            if is_rehearsal or not receipt.received:
                receipt = rehearsed(receipt)
                raise RolledBack
        self.maintain()
        return receipt, shown

    def duplicate(self, source: Connector, target: Connector, token: str | None) -> Receipt:
        """Copy all rows of a connector into an empty one with the same fields, as one batch."""
        if not self.definitions.is_empty(target):
            message = f"'{target.name}' has rows already"
            raise GatewayError(Code.COPY_REFUSED, message, hint="rows are copied into a new connector only")
        with self._commits.commit({target.name}) as changes:
            return copy(self._database, source, target, token, changes)
        return NO_ROWS  # There are no rows to copy: `commit` has ended a `RolledBack`.

    # -- rejected rows

    def ensure_rejected(self, connector: Connector) -> Connector:
        """Create the table of a connector's rejected rows if it is missing; return the connector that reads it."""
        with self._database.transaction():
            self.rejected.ensure(connector)
        return rejected_of(connector)

    def replay(
        self, connector: Connector, parts: Sequence[RepairedRows], amendments: Sequence[Amendment]
    ) -> list[Receipt]:
        """Store repaired rows and note what is wrong with the others, in one transaction."""
        self._require_present(connector)
        receipts = []
        with self._commits.commit({connector.name}) as changes:
            for part in parts:
                receipt = _given(self._appends.insert([part.batch], changes, action="replay"))
                self.rejected.settle(connector, part.ids, "replayed", changes.now, batch=receipt.batch)
                receipts.append(receipt)
            self.rejected.amend(connector, amendments)
        return receipts

    def discard(self, connector: Connector, ids: Sequence[int], reason: str) -> None:
        """Mark rejected rows as discarded."""
        with self._database.transaction():
            self.rejected.settle(connector, ids, "discarded", datetime.now(UTC), reason=reason)

    # -- connectors

    def state_of(self, connector: Connector) -> TableState:
        """Return what a connector's table has beside its fields."""
        return TableState(self.definitions.hidden(connector), self.definitions.is_empty(connector))

    def check_rows(self, comparison: SchemaDiff) -> SchemaDiff:
        """Decide what depends on stored rows; no write waits for it.

        Raises:
            GatewayError: The rows cannot be read.
        """
        return self._checks.check(comparison)

    def apply(
        self, comparisons: Sequence[SchemaDiff], authors: Mapping[str, str] = NOBODY
    ) -> list[Connector]:
        """Apply new versions of connectors in one transaction; return them with their revisions."""
        if any(each.old and each.is_schema_change for each in comparisons):
            # A checkpoint keeps changes of tables out of the recovery of the WAL, where DuckDB has had its bugs.
            self._database.request_maintenance()
        applied = self.definitions.apply(comparisons, authors)
        self._database.note_change()
        return applied

    def remove(self, connectors: Sequence[Connector], authors: Mapping[str, str] = NOBODY) -> None:
        """Record that connectors are no longer served, and by whose doing. Their rows stay."""
        self.definitions.remove(connectors, authors)

    def purge(self, connector: Connector, by: str | None = None) -> int:
        """Delete a removed connector with its rows, rejected rows, and keys; return how many rows it had."""
        rows = self.counts([connector])[connector.name]
        self._database.request_maintenance()
        self.definitions.purge(connector, by)
        self._database.note_change()
        self.commit_counts.forget(connector.name)
        return rows

    # -- upkeep

    def expire(self, connector: Connector, retention: Retention, now: datetime) -> int:
        """Delete some of the rows and rejected rows that retention no longer keeps; return the larger number."""
        if not self.definitions.is_present(connector):
            return 0  # It is being changed; the next run sees its new version.
        with self._commits.commit({connector.name}) as changes:
            return self._expired.delete(connector, retention, now, changes)
        return 0  # Nothing is expired: `commit` has ended a `RolledBack`.

    def forget_keys(self) -> None:
        """Delete the idempotency keys that are older than they are promised to be kept."""
        self._journal.forget_keys()

    def add_figures(self, hours: Sequence[HourlyFigures], forget_before: datetime) -> None:
        """Add figures to those of their hours, and delete those of hours before an instant."""
        self._journal.add_figures(hours, forget_before)

    def maintain(self) -> bool:
        """Perform the upkeep that is due; return whether some is still due."""
        return self._database.maintain()

    # -- reading

    def catch_up(self) -> None:
        """Load every commit of other gateways that was answered before the call."""
        self._journal.catch_up()

    def version(self, name: str) -> Version | None:
        """Return the version of a connector's rows, from memory; None during a commit to the connector."""
        return self._commits.version(name)

    def version_in(self, transaction: ReadTransaction, name: str) -> Version:
        """Return the version of a connector's rows that a transaction sees, also during a commit."""
        return self._journal.version_in(transaction, name)

    def find_receipt(self, connector: str, token: str | None, key: IdempotencyKey) -> Receipt | None:
        """Return the receipt that is stored under an idempotency key, or None."""
        answer = receipt_of(key, self._journal.find_receipt(connector, token, key.text))
        return _given([answer]) if answer is not None else None

    def has_receipt(self, connector: str, token: str | None, key: str) -> bool:
        """Return whether a receipt is stored under an idempotency key, regardless of its body."""
        return self._journal.find_receipt(connector, token, key) is not None

    def find_key_conflicts(self, batch: Batch) -> KeyConflicts:
        """Return the rows of a batch whose primary key is stored, or occurs in an earlier row of it."""
        return find_conflicts(self._database, batch)

    def read(self) -> ReadTransaction:
        """Return a new transaction; it takes no resources before its first SELECT."""
        return self._database.read()

    def counts(self, connectors: Sequence[Connector]) -> dict[str, int]:
        """Count the rows of connectors at one moment, by connector name."""
        if not connectors:
            return {}
        each = [f"SELECT {literal(one.name)}, count(*) FROM {table_of(one)}" for one in connectors]
        return dict(self._database.rows(" UNION ALL ".join(each)))

    def usage(self) -> Usage:
        """Return the memory and the disk that the store uses."""
        return self._database.usage()

    def backup(self) -> BinaryIO:
        """Copy all committed rows into a file and return it open; closing it deletes it."""
        return self._database.backup()

    # -- what was sent before

    def _answers(self, batches: Sequence[Batch]) -> list[Receipt | GatewayError | None]:
        """Return, for each batch that is not to be stored, its earlier receipt, or why it is out of date."""
        return [
            answer if self.definitions.is_present(batch.connector) else ConnectorChanged()
            for batch, answer in zip(batches, self._journal.receipts(batches), strict=True)
        ]

    def _require_present(self, connector: Connector) -> None:
        """Refuse what was built for another version of a connector than the current one."""
        if not self.definitions.is_present(connector):
            raise ConnectorChanged


def _given(answers: Sequence[Receipt | GatewayError]) -> Receipt:
    """Return the only receipt, or raise why there is none."""
    (answer,) = answers
    if isinstance(answer, GatewayError):
        raise answer
    return answer
