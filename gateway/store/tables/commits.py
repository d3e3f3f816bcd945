"""Transactions that store batches: the numbers that they give out, their ledger entries, and the versions they lead to."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gateway.store.commit_counts import CommitCounts
from gateway.store.engine.interface import Database
from gateway.store.interface import NO_VERSION, Version
from gateway.store.tables.ledger import Ledger, LedgerEntry, Sequences


class RolledBack(Exception):  # noqa: N818  # it ends a transaction, and nothing failed
    """Raised inside a transaction to end it without a trace."""


@dataclass(slots=True)
class Changes:
    """The ledger entries of one transaction, and the next numbers in it; both count only after its commit.

    It belongs to the writer thread, during the transaction.
    """

    now: datetime
    sequences: Sequences
    lines: list[LedgerEntry]

    def record(self, line: LedgerEntry, ids: int = 0) -> None:
        """Add a ledger entry, whose receipt has the next batch number, and count the `_id`s it has taken."""
        self.lines.append(line)
        self.sequences = self.sequences.after(line.connector, ids)


class Commits:
    """Commits what changes rows. Any thread may call `version`, the writer thread alone the others."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        """Read the numbers that are next, and the version of every connector."""
        self._database = database
        self._ledger = ledger
        self._sequences = Sequences.of(database)
        self.counts = CommitCounts(ledger.last_sent())
        # The writer thread alone changes these two; any thread may look at them.
        self._committing: frozenset[str] = frozenset()
        self._versions: dict[str, Version] = {
            name: (latest.batch, _microseconds(latest.committed_at))
            for name, latest in ledger.latest().items()
        }

    def draft(self) -> Changes:
        """Return the changes of a transaction that has done nothing yet."""
        return Changes(datetime.now(UTC), self._sequences, [])

    @contextlib.contextmanager
    def commit(self, names: set[str]) -> Iterator[Changes]:
        """Commit what a block does to some connectors, with its ledger entries; then the new versions are visible.

        A block that raises is rolled back; `RolledBack` ends there, and is not raised again.
        """
        changes = self.draft()
        self._committing = frozenset(names)
        began = time.monotonic()
        try:
            with self._database.transaction():
                yield changes
                self._ledger.write(changes.lines, changes.now)
            self._sequences = changes.sequences
            committed_at = _microseconds(changes.now)
            for line in changes.lines:
                self._versions[line.connector] = (line.receipt.batch or 0, committed_at)
                self._database.note_rows(line.connector, line.receipt.stored, line.receipt.deleted)
                self.counts.count_batch(line.connector, line.action, line.receipt, committed_at)
            self.counts.count(time.monotonic() - began, len(changes.lines))
        except RolledBack:
            pass
        except BaseException as error:
            self.counts.count_failure(error)
            raise
        finally:
            self._committing = frozenset()

    def version(self, name: str) -> Version | None:
        """Return the version of a connector's rows; None while one is being committed."""
        if name in self._committing:
            return None
        return self._versions.get(name, NO_VERSION)

    def forget(self, name: str) -> None:
        """Forget the version and the counts of a connector that was purged."""
        self._versions.pop(name, None)
        self.counts.forget(name)


def _microseconds(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
