"""The front door of the store: the methods that other folders use, the same for every engine.

`StoreWriter` belongs to the writer thread. `StoreReader` belongs to any thread, also during a commit. Both raise
`GatewayError` with the code of the failure, and `FatalError` once the database can no longer be used by this process.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, BinaryIO, Protocol

import pyarrow as pa

from gateway.connectors.change import SchemaDiff
from gateway.connectors.connector import Connector
from gateway.connectors.plan import Tables
from gateway.connectors.policy import Retention
from gateway.errors import GatewayError
from gateway.figures import RequestFigures
from gateway.store.activity import BatchCounts, HourlyFigures
from gateway.store.batch import Batch, IdempotencyKey, KeyConflicts, Receipt, StoredBatch
from gateway.store.commit_counts import CommitCounts
from gateway.store.definition import NOBODY
from gateway.store.definition_reader import DefinitionReader
from gateway.store.edit import Edit
from gateway.store.rejected_reader import RejectedReader
from gateway.store.rejection import Amendment, RepairedRows
from gateway.store.usage import Usage

#: The version of a connector's rows: the number of its last batch, and the commit of that batch in microseconds since
#: 1970. A store that was created again, or restored, gives the same numbers again at other times.
Version = tuple[int, int]
#: The version of a connector without batches.
NO_VERSION: Version = (0, 0)
#: Runs a SELECT and streams its rows; every failure is a duckdb.Error.
Select = Callable[[str, Sequence[Any]], Iterable[pa.RecordBatch]]
#: Renders rows inside a writing transaction, given the receipt of the batch and a `Select` that sees its rows.
Show = Callable[[Receipt, Select], bytes | None]

#: The most rows that one call of `StoreWriter.expire` deletes, so that other writes never wait long.
EXPIRED_ROWS_MAX = 20_000


class StoreWriter(Protocol):
    """All that changes a store. The writer thread alone calls it; what a method did is durable when it returns.

    A method that raises has changed nothing. `ConnectorChanged` means: built for another version of the connector;
    build it again for the current version.
    """

    def on_failure(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the database can no longer be used; any thread may call it, and more than once."""

    def turn_to_commit(self) -> AbstractContextManager[None]:
        """Wait for the turn of this process to commit, and hold it for the calls of a block; StoreAway if it did not come."""

    def require_answer(self) -> None:
        """Refuse a change, by StoreAway, that would wait for a server that does not answer. Any thread may call it."""

    # -- rows

    def append(self, batches: Sequence[Batch]) -> list[Receipt | GatewayError]:
        """Store batches in one transaction and return, for each, its receipt or why nothing of it is stored.

        A batch whose idempotency key is stored already gets the stored receipt. No two batches may share a key.

        Raises:
            GatewayError: Nothing of any batch is stored.
        """

    def append_and_show(
        self, batch: Batch, show: Show, *, is_rehearsal: bool = False
    ) -> tuple[Receipt, bytes | None]:
        """Store one batch and return its receipt and what `show` rendered inside the same transaction.

        A batch whose key is stored already gets the stored receipt and is not shown. A rehearsal is rolled back.

        Raises:
            GatewayError: Nothing is stored, also where `show` raises.
        """

    def edit(self, edit: Edit, show: Show, *, is_rehearsal: bool = False) -> tuple[Receipt, bytes | None]:
        """Edit all rows of a selection, or none: change or delete them; return the receipt and what `show` rendered.

        `show` sees deleted rows before, and changed rows after the edit. An edit of no rows has no batch number.
        A rehearsal is rolled back.

        Raises:
            GatewayError: Nothing is changed, also where `edit.check` or `show` raises.
        """

    def duplicate(self, source: Connector, target: Connector, token: str | None) -> Receipt:
        """Copy all rows of a connector into an empty one with the same fields, in order, as one batch.

        Raises:
            GatewayError: The target has rows, or the copy could not be committed.
        """

    # -- rejected rows

    def ensure_rejected(self, connector: Connector) -> Connector:
        """Create the table of a connector's rejected rows if it is missing; return the connector that reads it."""

    def replay(
        self, connector: Connector, parts: Sequence[RepairedRows], amendments: Sequence[Amendment]
    ) -> list[Receipt]:
        """Store repaired rows and note what is wrong with the others, in one transaction.

        Args:
            connector: The connector of the rows.
            parts: The repaired rows, one batch and one receipt each.
            amendments: The findings about rows that are still bad.

        Raises:
            GatewayError: Nothing is done, also where a row is no longer kept.
        """

    def discard(self, connector: Connector, ids: Sequence[int], reason: str) -> None:
        """Mark rejected rows as discarded.

        Raises:
            GatewayError: One of them is no longer kept; none is marked.
        """

    # -- connectors

    def apply(
        self, comparisons: Sequence[SchemaDiff], authors: Mapping[str, str] = NOBODY
    ) -> list[Connector]:
        """Apply new versions of connectors in one transaction; return them with their revisions.

        Args:
            comparisons: The changes.
            authors: Who made them, by connector name, for the history.

        Raises:
            InvalidFileError: Rows that arrived after the check conflict with a change.
            RowsArrived: Rows arrived in a table that was judged as empty; compare again.
            GatewayError: It could not be committed.
        """

    def remove(self, connectors: Sequence[Connector], authors: Mapping[str, str] = NOBODY) -> None:
        """Record that connectors are no longer served, and by whose doing. Their rows stay."""

    def purge(self, connector: Connector, by: str | None = None) -> int:
        """Delete a removed connector with its rows, rejected rows, and keys; return how many rows it had.

        Its batch numbers, `_id`s, and revisions are never given again.
        """

    # -- upkeep

    def expire(self, connector: Connector, retention: Retention, now: datetime) -> int:
        """Delete up to `EXPIRED_ROWS_MAX` rows that retention no longer keeps, and as many rejected rows.

        Return the larger of both numbers; call again until it is 0. A connector that is being changed returns 0.
        """

    def forget_keys(self) -> None:
        """Delete the idempotency keys that are older than they are promised to be kept."""

    def add_figures(self, hours: Sequence[HourlyFigures], forget_before: datetime) -> None:
        """Add figures to those of their hours, no two of one connector and hour; delete those of hours before an instant."""

    def maintain(self) -> bool:
        """Perform the upkeep that is due, such as a checkpoint; return whether some is still due. Never raises."""


class ReadTransaction(Protocol):
    """SELECTs of one reader. One thread at a time may use it, except for `interrupt`.

    Every method raises GatewayError if the query fails or was interrupted, and `ConnectorChanged` if its table is gone.
    """

    def begin(self) -> None:
        """Show every later SELECT the same rows, and end the running SELECT."""

    def fetch(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Run a SELECT with a small result; it ends the running SELECT."""

    def few(
        self, sql: str, parameters: tuple[Any, ...], *, most_rows: int, most_size: int
    ) -> list[tuple[Any, ...]] | None:
        """Run a SELECT whose first column is text; return its rows, or None if they exceed a limit.

        After None, `next` returns all rows. `most_size` counts the characters of the first column.
        """

    def start(self, sql: str, parameters: tuple[Any, ...]) -> None:
        """Start a SELECT whose rows `next` returns; it ends the running SELECT."""

    def next(self) -> pa.RecordBatch | None:
        """Return the next rows, or None at the end."""

    def interrupt(self) -> None:
        """Stop the query; its thread gets a GatewayError. Any thread may call it."""

    def close(self) -> None:
        """End the transaction. Nothing may be running."""


class LastBatches(Protocol):
    """The last entries of the ledger."""

    def latest(self, token: str | None = None) -> Mapping[str, StoredBatch]:
        """Return the last batch of every connector, or its last batch of one token, by connector name."""

    def newest(
        self, name: str, limit: int, token: str | None = None, before: int | None = None
    ) -> list[StoredBatch]:
        """List the last batches of a connector, or those of one token, newest first; with `before` those of lesser numbers."""


class BatchReader(LastBatches, Protocol):
    """The ledger: one entry for each batch."""

    def find(self, connector: Connector, numbers: Sequence[int]) -> list[tuple[StoredBatch, int]]:
        """Return the batches of a connector among some numbers, each with how many of its rows are unchanged."""


class ActivityReader(Protocol):
    """The activity of connectors by period.

    The results are by connector name and start of the period, in seconds since 1970. A period takes `step` seconds and
    begins at a multiple of them; `since` is the first instant, and `until` is excluded. A period without any is left out.
    """

    def batches(
        self, names: Sequence[str], since: datetime, until: datetime, step: int, token: str | None = None
    ) -> Mapping[tuple[str, int], BatchCounts]:
        """Count the batches of connectors, or those of one token."""

    def figures(
        self, names: Sequence[str], since: datetime, until: datetime, step: int
    ) -> Mapping[tuple[str, int], RequestFigures]:
        """Return the figures of connectors that are stored; `since` and `step` are whole hours."""

    def usual_gaps(self, days: int) -> Mapping[str, int]:
        """Return the usual gap between the batches that clients send, in hours, by connector name.

        It is the second longest gap between two hours with batches, of the days up to the last batch. So one outage does
        not count. A connector with fewer than three such hours has none.
        """


class StoreReader(Tables, Protocol):
    """All that reads a store, without changing it. Any thread may call it, also during a commit.

    It sees committed rows only. Every method raises GatewayError if the store cannot be read.
    """

    @property
    def id(self) -> str:
        """A UUID that tells this store from all others except its copies."""

    @property
    def is_reachable(self) -> bool:
        """True if the servers that the store needs answer."""

    @property
    def is_shared(self) -> bool:
        """True if other gateways write the same store."""

    def on_definitions(self, callback: Callable[[], None]) -> None:
        """Call `callback` on another thread after each change of connectors by any gateway, if the store is shared."""

    @property
    def commit_counts(self) -> CommitCounts:
        """The counts of commits."""

    @property
    def batches(self) -> BatchReader:
        """The ledger."""

    @property
    def activity(self) -> ActivityReader:
        """The activity of connectors by period."""

    @property
    def definitions(self) -> DefinitionReader:
        """The applied versions of connectors, and their history."""

    @property
    def rejected(self) -> RejectedReader:
        """The rejected rows."""

    def find_key_conflicts(self, batch: Batch) -> KeyConflicts:
        """Return the rows of a batch whose primary key is stored, or occurs in an earlier row of it."""

    def catch_up(self) -> None:
        """Load every commit of other gateways that was answered before the call; `version` knows it then."""

    def version(self, name: str) -> Version | None:
        """Return the version of a connector's rows, from memory; None during a commit to the connector.

        Rows that were read between two calls with the same result are the rows of that version.
        """

    def version_in(self, transaction: ReadTransaction, name: str) -> Version:
        """Return the version of a connector's rows that all later SELECTs of a transaction see, also during a commit."""

    def find_receipt(self, connector: str, token: str | None, key: IdempotencyKey) -> Receipt | None:
        """Return the receipt that is stored under an idempotency key, or None.

        Raises:
            GatewayError: The key was stored with another body.
        """

    def has_receipt(self, connector: str, token: str | None, key: str) -> bool:
        """Return whether a receipt is stored under an idempotency key, regardless of its body."""

    def read(self) -> ReadTransaction:
        """Return a new transaction; it takes no resources before its first SELECT."""

    def counts(self, connectors: Sequence[Connector]) -> Mapping[str, int]:
        """Count the rows of connectors at one moment, by connector name."""

    def usage(self) -> Usage:
        """Return the memory and the disk that the store uses."""

    def backup(self) -> BinaryIO:
        """Copy all committed rows into a file and return it open; closing it deletes it. Writes continue.

        Raises:
            GatewayError: Another backup runs, the disk has too little space, or the copy failed.
        """
