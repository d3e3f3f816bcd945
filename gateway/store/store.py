"""Store: connectors' rows, and the batches they came in."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from gateway.connectors.change import Comparison
from gateway.connectors.connector import Connector
from gateway.connectors.plan import Table
from gateway.errors import Code, GatewayError
from gateway.store import ledger, survey
from gateway.store.batch import NO_ROWS, Batch, Receipt, StoredBatch
from gateway.store.database import Database, Superseded, interrupted_after, literal, moment, quote, selecting
from gateway.store.definitions import Definitions
from gateway.store.keys import Keys
from gateway.store.migration import table_named, table_of
from gateway.store.reading import Reading

_T = TypeVar("_T")

_TABLE = """
CREATE SCHEMA IF NOT EXISTS gateway;
CREATE TABLE IF NOT EXISTS gateway.batches (
    batch BIGINT, connector VARCHAR, committed_at TIMESTAMPTZ, rows BIGINT, bytes BIGINT, token VARCHAR,
    first_id BIGINT, last_id BIGINT
);
"""
#: What was ever given out: the ledger, and what is left of purged connectors.
_GIVEN = """(
    SELECT connector, batch, last_id FROM gateway.batches
    UNION ALL SELECT connector, last_batch, last_id FROM gateway.purged
)"""

#: The number of a connector's last batch, and when it was committed in microseconds: a store that was begun
#: anew, or restored, gives the same numbers again at other times.
Version = tuple[int, int]
Select = Callable[[str, Sequence[Any]], Iterable[pa.RecordBatch]]


class _Rehearsed(Exception):  # noqa: N818  # it only ends a transaction
    """The rehearsal is over."""


@dataclass(frozen=True, slots=True)
class _Inserted:
    """What an insert gave out, which counts only once it is committed."""

    receipts: list[Receipt]
    committed_at: datetime
    next_batch: int
    next_ids: dict[str, int]


class Store:
    """Rows at rest in one DuckDB file.

    `append`, `rehearse`, `apply`, `remove`, `purge` and `checkpoint` belong to the writer thread; the others may
    be called from any.
    """

    def __init__(self, directory: Path, *, memory: int, lock_seconds: float = 20.0) -> None:
        self._database = Database(directory, memory=memory, lock_seconds=lock_seconds)
        try:
            self._database.writer.execute(_TABLE)
            self.definitions = Definitions(self._database)
            self.keys = Keys(self._database)
            # Only the writer thread touches these three. The numbers come from what was committed, so that
            # one is given again only if nobody ever saw it.
            self._checkpoint_due = False
            self._next_batch: int = self._one(f"SELECT coalesce(max(batch), 0) + 1 FROM {_GIVEN}")
            self._next_ids: dict[str, int] = dict(
                self._database.rows(
                    f"SELECT connector, coalesce(max(last_id), 0) + 1 FROM {_GIVEN} GROUP BY connector"
                )
            )
            # What rows said last of a change of their connector, after what they were asked and when; any
            # thread may replace an answer, for it can be had again.
            self._answers: dict[str, tuple[tuple[Comparison, int, Version | None], Comparison]] = {}
            # The writer thread alone changes these two; any thread may look at them.
            self._committing: frozenset[str] = frozenset()
            self._versions: dict[str, Version] = {
                name: (batch, at)
                for name, batch, at in self._database.rows(
                    "SELECT connector, max(batch), epoch_us(max_by(committed_at, batch))"
                    " FROM gateway.batches GROUP BY connector"
                )
            }
        except BaseException:
            self._database.close()
            raise

    @property
    def broken(self) -> bool:
        """Whether what is committed is safe, but nothing more can be done before the file is opened anew."""
        return self._database.broken

    def close(self) -> None:
        """Close the file; nobody may use the store afterwards."""
        self._database.close()

    # -- definitions

    def look(self, connector: Connector) -> Table:
        """Look at a connector's table."""
        return Table(self.definitions.hidden(connector), self.definitions.is_empty(connector))

    def settle(self, comparison: Comparison) -> Comparison:
        """Ask the stored rows what depends on them, once while neither they nor the question change.

        Nothing is held up meanwhile.

        Raises:
            GatewayError: Where they cannot be read.
        """
        assert comparison.old is not None
        name, version = comparison.old.name, self.version(comparison.old.name)
        question = (comparison, comparison.old.revision, version)
        before, answer = self._answers.get(name, (None, comparison))
        if version is None or before != question:
            answer = self._ask(comparison)
            self._answers[name] = (question, answer)
        return answer

    def _ask(self, comparison: Comparison) -> Comparison:
        assert comparison.old is not None
        # What the gateway asks by itself has an end.
        is_endless = any(column.using or column.repair for column in comparison.columns)
        with self._database.cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            try:
                with interrupted_after(survey.SECONDS, cursor) if is_endless else contextlib.nullcontext():
                    last = cursor.execute(f"SELECT coalesce(max(_id), 0) FROM {table_of(comparison.old)}")
                    through = int(last.fetchall()[0][0])
                    return replace(survey.settle(comparison, selecting(cursor)), asked_through=through)
            finally:
                cursor.execute("ROLLBACK")

    def apply(self, comparisons: Sequence[Comparison]) -> list[Connector]:
        """Apply new versions of connectors in one transaction, as `Definitions.apply` says."""
        # What is done to tables is best not left to the recovery of the WAL, where DuckDB has had its bugs.
        self._checkpoint_due = self._checkpoint_due or any(each.old and each.alters for each in comparisons)
        return self.definitions.apply(comparisons)

    def remove(self, connectors: Sequence[Connector]) -> None:
        """Remember that connectors are no longer served. Their rows stay."""
        self.definitions.remove(connectors)

    def purge(self, connector: Connector) -> int:
        """Drop the rows of a connector, and tell how many there were."""
        rows = self.count(connector)
        self._checkpoint_due = True
        self.definitions.purge(connector)
        self._versions.pop(connector.name, None)
        return rows

    # -- rows

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Store batches in one transaction, all of them or none; returns after COMMIT.

        One that was stored before under its key is not stored again. No two may have the same key.

        Raises:
            Superseded: When one was checked under a version of its connector that is no more.
            GatewayError: When nothing was stored.
        """
        self._require_present(batches)
        before = [self._stored_before(batch) for batch in batches]
        new = [batch for batch, receipt in zip(batches, before, strict=True) if receipt is None]
        given = iter(self._append(new) if new else ())
        return [receipt or next(given) for receipt in before]

    def _stored_before(self, batch: Batch) -> Receipt | None:
        return None if batch.key is None else self.keys.find(batch.connector, batch.token, batch.key)

    def _append(self, batches: Sequence[Batch]) -> list[Receipt]:
        self._committing = frozenset(batch.connector for batch in batches)
        try:
            with self._database.transaction():
                inserted = self._insert(batches)
                self.keys.keep(batches, inserted.receipts, inserted.committed_at)
            self._next_batch, self._next_ids = inserted.next_batch, inserted.next_ids
            for batch, receipt in zip(batches, inserted.receipts, strict=True):
                self._versions[batch.connector] = (receipt.batch or 0, _microseconds(inserted.committed_at))
        finally:
            self._committing = frozenset()
        self.checkpoint()
        return inserted.receipts

    def duplicate(self, source: Connector, target: Connector, token: str | None) -> Receipt:
        """Copy all rows of a connector into one of the same fields that has none, as one batch; their order stays.

        Raises:
            GatewayError: Where the target has rows, or it cannot be committed.
        """
        if not self.definitions.is_empty(target):
            message = f"'{target.name}' has rows already"
            raise GatewayError(Code.COPY_REFUSED, message, hint="rows are copied into a new connector only")
        name, first = target.name, self._next_ids.get(target.name, 1)
        names = ", ".join(quote(field.name) for field in target.fields)
        self._committing = frozenset((name,))
        try:
            with self._database.transaction() as writer:
                now, batch = datetime.now(UTC), self._next_batch
                writer.execute(
                    f"INSERT INTO {table_of(target)} (_id, _ingested_at, _batch, {names})"
                    f" SELECT _id + $1, $2::TIMESTAMPTZ, $3, {names} FROM {table_of(source)}",
                    [first - 1, now.isoformat(), batch],
                )
                told = writer.execute(f"SELECT count(*), min(_id), max(_id) FROM {table_of(target)}")
                rows, lowest, last = told.fetchall()[0]
                if not rows:
                    return NO_ROWS
                receipt = Receipt(batch, rows, rows, 0, 0, lowest, last)
                written = Batch(name, target.revision, pa.table({}), 0, token)
                line = ledger.lines([written], {0: receipt}, now)
                self._database.insert_lines("gateway.batches", ledger.BATCHES, line)
            self._next_batch, self._next_ids[name] = batch + 1, last + 1
            self._versions[name] = (batch, _microseconds(now))
        finally:
            self._committing = frozenset()
        return receipt

    def rehearse(self, batch: Batch, look: Callable[[Receipt, Select], _T]) -> _T:
        """Insert a batch, look at what is there then, and take it back.

        Raises:
            GatewayError: As `append` would, or `look` does.
        """
        self._require_present([batch])
        with contextlib.suppress(_Rehearsed), self._database.transaction() as writer:
            receipt = self._insert([batch]).receipts[0] if batch.table.num_rows else NO_ROWS
            seen = look(receipt, selecting(writer))
            raise _Rehearsed
        return seen

    def _require_present(self, batches: Sequence[Batch]) -> None:
        """Refuse a batch that was checked under another version of its connector than there is now."""
        if any(self.definitions.revisions.get(each.connector) != each.revision for each in batches):
            raise Superseded

    def _insert(self, batches: Sequence[Batch]) -> "_Inserted":
        """Insert batches as part of the writer's transaction."""
        now = datetime.now(UTC)
        next_batch, next_ids = self._next_batch, dict(self._next_ids)
        receipts: dict[int, Receipt] = {}
        for members in ledger.alike(batches):
            some = [batches[member] for member in members]
            name = some[0].connector
            given = ledger.receipts(some, next_batch, next_ids.get(name, 1))
            next_batch, next_ids[name] = next_batch + len(given), ledger.after(given)
            self._database.insert(table_named(name, some[0].revision), ledger.rows_of(some, given, now))
            receipts.update(zip(members, given, strict=True))
        self._database.insert_lines("gateway.batches", ledger.BATCHES, ledger.lines(batches, receipts, now))
        return _Inserted([receipts[member] for member in range(len(batches))], now, next_batch, next_ids)

    def checkpoint(self) -> bool:
        """Write the WAL into the file where a change of tables asks for it; tell whether it is still to be done."""
        if self._checkpoint_due:
            self._checkpoint_due = not self._database.checkpoint()
        return self._checkpoint_due

    def reading(self) -> Reading:
        """Make a transaction of reading; nothing runs before its first SELECT."""
        return Reading(self._database)

    def version(self, name: str) -> Version | None:
        """Tell the last batch that a connector's rows have; None while one is being committed.

        Rows that were read between two calls that gave the same version are the rows of that version.
        """
        if name in self._committing:
            return None
        return self._versions.get(name, (0, 0))

    def count(self, connector: Connector) -> int:
        """Count the rows of a connector."""
        return int(self._one(f"SELECT count(*) FROM {table_of(connector)}"))

    def counts(self, connectors: Sequence[Connector]) -> dict[str, int]:
        """Count the rows of several connectors, at one moment."""
        if not connectors:
            return {}
        each = [f"SELECT {literal(one.name)}, count(*) FROM {table_of(one)}" for one in connectors]
        return dict(self._database.rows(" UNION ALL ".join(each)))

    def latest(self) -> dict[str, StoredBatch]:
        """Give the latest batch of every connector, by its name."""
        rows = self._database.rows(
            "SELECT connector, max(batch), epoch_us(max_by(committed_at, batch)), max_by(rows, batch),"
            " max_by(bytes, batch), max_by(token, batch), max_by(first_id, batch), max(last_id)"
            " FROM gateway.batches GROUP BY connector"
        )
        return {name: StoredBatch(batch, moment(at), *others) for name, batch, at, *others in rows}

    def batches(self, name: str, limit: int) -> list[StoredBatch]:
        """List the latest batches of a connector, newest first."""
        rows = self._database.rows(
            "SELECT batch, epoch_us(committed_at), rows, bytes, token, first_id, last_id FROM gateway.batches"
            " WHERE connector = ? ORDER BY batch DESC LIMIT ?",
            [name, limit],
        )
        return [StoredBatch(batch, moment(at), *others) for batch, at, *others in rows]

    def _one(self, sql: str) -> Any:
        return self._database.rows(sql)[0][0]


def _microseconds(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
