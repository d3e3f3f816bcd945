"""Transactions that store batches, and the versions they lead to."""

import contextlib
import time
from collections.abc import Iterator

from gateway.store.commit_counts import CommitCounts
from gateway.store.engine.interface import Database
from gateway.store.interface import Version
from gateway.store.journal.interface import Changes, Journal


class RolledBack(Exception):  # noqa: N818  # it ends a transaction, and nothing failed
    """Raised inside a transaction to end it without a trace."""


class Commits:
    """Commits what changes rows. Any thread may call `version`, the writer thread alone the others."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal
        self.counts = CommitCounts(journal.last_sent)
        # The writer thread alone changes it; any thread may look at it.
        self._committing: frozenset[str] = frozenset()

    @contextlib.contextmanager
    def commit(self, names: set[str]) -> Iterator[Changes]:
        """Commit what a block does to some connectors, with its ledger entries; then the new versions are visible.

        A block that raises is rolled back; `RolledBack` ends there, and is not raised again.
        """
        self._committing = frozenset(names)
        began = time.monotonic()
        try:
            with self._database.transaction():
                changes = self._journal.begin(names)
                yield changes
                self._journal.write(changes)
            self._journal.note_commit(changes)
            self._count(changes)
            self.counts.count(time.monotonic() - began, len(changes.entries))
        except RolledBack:
            pass
        except BaseException as error:
            self.counts.count_failure(error)
            raise
        finally:
            self._committing = frozenset()

    def _count(self, changes: Changes) -> None:
        for entry in changes.entries:
            self._database.note_rows(entry.connector, entry.receipt.stored, entry.receipt.deleted)
            self.counts.count_batch(entry.connector, entry.action, entry.receipt)

    def version(self, name: str) -> Version | None:
        """Return the version of a connector's rows; None while one is being committed."""
        return None if name in self._committing else self._journal.version(name)
