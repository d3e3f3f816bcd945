"""The journal of a store: ledger entries, idempotency keys, applied versions of connectors, and events.

A commit records all of it together with the rows, or none. Where the journal lies is a matter of the engine.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from gateway.connectors.connector import Connector
from gateway.errors import GatewayError
from gateway.store.activity import HourlyFigures
from gateway.store.batch import Batch, Receipt, StoredBatch
from gateway.store.definition_reader import AppliedVersions
from gateway.store.interface import ActivityReader, LastBatches, ReadTransaction, Version


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """The effect of a batch on a connector, before it is written."""

    connector: str
    action: str
    receipt: Receipt
    received_bytes: int = 0
    token: str | None = None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event of a connector's history, before it is written.

    Attributes:
        connector: The connector after it, with its revision.
        action: As in `Event`.
        changes: The changes, as `Change.body` returns them.
        old: The definition before it, or None.
        new: The definition after it, or None.
        by: Who saved the file through the gateway, or None.
    """

    connector: Connector
    action: str
    changes: Sequence[Mapping[str, Any]] = ()
    old: str | None = None
    new: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Sequences:
    """The next batch number, and the next `_id` of each connector. Replaced, never edited."""

    batch: int
    ids: Mapping[str, int]

    def id_of(self, connector: str) -> int:
        """Return the next `_id` of a connector."""
        return self.ids.get(connector, 1)

    def after(self, connector: str, rows: int) -> "Sequences":
        """Return the next numbers after a batch of `rows` rows."""
        return Sequences(self.batch + 1, {**self.ids, connector: self.id_of(connector) + rows})


@dataclass(slots=True)
class Changes:
    """All that one transaction writes into the journal, and the next numbers in it; both count only after its commit.

    It belongs to the writer thread, during the transaction.

    Attributes:
        now: The time of the commit.
        sequences: The next numbers.
        entries: The entries of the ledger.
        keys: Batches with an idempotency key, each with its receipt.
        versions: Connectors whose version is applied, in place of earlier versions.
        removed: Connectors that are no longer served.
        purged: The connector that is deleted with its rows, or None.
        events: The events of the history.
        rejected_ids: The last `_id` of the rejected rows of each connector that the transaction has stored some of.
    """

    now: datetime
    sequences: Sequences
    entries: list[LedgerEntry] = field(default_factory=list)
    keys: list[tuple[Batch, Receipt]] = field(default_factory=list)
    versions: Sequence[Connector] = ()
    removed: Sequence[Connector] = ()
    purged: Connector | None = None
    events: list[NewEvent] = field(default_factory=list)
    rejected_ids: dict[str, int] = field(default_factory=dict)

    def enter(self, entry: LedgerEntry, ids: int = 0) -> None:
        """Add a ledger entry, whose receipt has the next batch number, and count the `_id`s it has taken."""
        self.entries.append(entry)
        self.sequences = self.sequences.after(entry.connector, ids)


class JournaledDefinitions(AppliedVersions, Protocol):
    """The applied versions of connectors, and their history, as the journal has them."""

    def purged_revision(self, name: str) -> int:
        """Return the last revision of a purged connector, 0 if it was never purged."""


class JournaledBatches(LastBatches, Protocol):
    """The entries of the ledger, without their rows."""

    def find(self, name: str, numbers: Sequence[int]) -> list[StoredBatch]:
        """Return the batches of a connector among some numbers, in their order."""


class Journal(Protocol):
    """The journal of one store.

    The methods of the first part belong to the writer thread, inside a transaction of the engine; any thread may call the
    others. Every method raises GatewayError if the journal cannot be read or written.
    """

    # -- the writer thread, in a transaction

    def begin(self, names: Collection[str] = ()) -> Changes:
        """Return the changes of a transaction that has done nothing yet: its time, and the next numbers of connectors.

        The numbers follow all that were ever used: those of the ledger, and those of purged connectors.
        """

    def last_rejected_id(self, name: str) -> int:
        """Return the last `_id` that a rejected row of a connector has had, 0 if there was none."""

    def receipts(self, batches: Sequence[Batch]) -> list[Receipt | GatewayError | None]:
        """Return, for each batch, the receipt that is stored under its key, or the error that its key has another body."""

    def write(self, changes: Changes) -> None:
        """Write what the transaction has changed; it is committed with its rows."""

    # -- the writer thread, outside of a transaction

    def note_commit(self, changes: Changes) -> None:
        """Remember what was committed."""

    def forget_keys(self) -> None:
        """Delete the idempotency keys that are older than they are promised to be kept."""

    def add_figures(self, hours: Sequence[HourlyFigures], forget_before: datetime) -> None:
        """Add figures to those of their hours, no two of one connector and hour; delete those of hours before an instant."""

    # -- any thread

    @property
    def id(self) -> str:
        """A UUID that tells this store from all others except its copies."""

    @property
    def batches(self) -> JournaledBatches:
        """The ledger."""

    @property
    def activity(self) -> ActivityReader:
        """The activity of connectors by period."""

    @property
    def definitions(self) -> JournaledDefinitions:
        """The applied versions of connectors, and their history."""

    @property
    def is_shared(self) -> bool:
        """True if other gateways write the same journal."""

    def on_definitions(self, callback: Callable[[], None]) -> None:
        """Call `callback` on another thread after each change of connectors by any gateway, if the journal is shared."""

    def revision(self, name: str) -> int | None:
        """Return the applied revision of a connector, from memory; None if there is no such connector."""

    def last_sent(self) -> Mapping[str, int]:
        """Return when the last batch that a client has sent was committed, from memory.

        The times are in microseconds since 1970, by connector name.
        """

    def catch_up(self) -> None:
        """Load every commit of other gateways that was answered before the call; `version` knows it then."""

    def version(self, name: str) -> Version | None:
        """Return the version of a connector's rows, from memory; None while it is unknown."""

    def version_in(self, transaction: ReadTransaction, name: str) -> Version:
        """Return the version of a connector's rows that a transaction sees."""

    def find_receipt(self, connector: str, token: str | None, key: str) -> tuple[bytes, Receipt] | None:
        """Return the digest and the receipt that are stored under an idempotency key, or None."""
