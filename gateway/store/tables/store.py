"""Store: connectors' rows, and the batches they came in."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from gateway.connectors.change import SchemaDiff
from gateway.connectors.connector import Connector
from gateway.connectors.plan import TableState
from gateway.connectors.policy import Retention
from gateway.errors import Code, GatewayError
from gateway.store.batch import NO_ROWS, Batch, Key, Receipt, rehearsed
from gateway.store.edit import Edit
from gateway.store.engine.backup import Backup
from gateway.store.engine.duckdb_file import Database
from gateway.store.engine.read_transaction import Reading
from gateway.store.engine.stream import interrupted_after, selecting
from gateway.store.errors import Superseded
from gateway.store.files.integrity_check import mend
from gateway.store.interface import EXPIRED_ROWS_MAX, NO_VERSION, ReadTransaction, Show, Version
from gateway.store.rejection import Amendment, Part, rejected_of
from gateway.store.sql.names import literal, quote, table_of
from gateway.store.tables import ledger, row_check
from gateway.store.tables.conflicts import Conflicts, Member, without
from gateway.store.tables.definitions import Definitions
from gateway.store.tables.edits import Editing
from gateway.store.tables.idempotency import Keys
from gateway.store.tables.identity import identify
from gateway.store.tables.ledger import LATEST, Ledger, Line, Numbers, with_own_columns
from gateway.store.tables.rejected import Rejected
from gateway.store.tables.small_inserts import FewRows


class _Rehearsed(Exception):  # noqa: N818  # it only ends a transaction
    """The rehearsal is over."""


@dataclass(slots=True)
class _Work:
    """What one transaction does, and what it gives out, which counts only once it is committed.

    The writer thread alone has one, for the time of the transaction.
    """

    now: datetime
    numbers: Numbers
    lines: list[Line]

    def record(self, line: Line, ids: int = 0) -> None:
        """Note a line, whose receipt has the next number, and that it has taken so many `_id`s."""
        self.lines.append(line)
        self.numbers = self.numbers.after(line.connector, ids)


class Store:
    """Rows at rest in one DuckDB file.

    What changes them, or makes a checkpoint, belongs to the writer thread; the others may be called from any.
    """

    def __init__(
        self,
        directory: Path,
        *,
        memory: int,
        threads: int | None = None,
        spill: int | None = None,
        lock_seconds: float = 20.0,
    ) -> None:
        """Open it, as `Database` does."""
        self._database = Database(
            directory, memory=memory, threads=threads, spill=spill, lock_seconds=lock_seconds, mend=mend
        )
        try:
            #: What tells this store from all others but its copies.
            self.id = identify(self._database)
            self.batches = Ledger(self._database)
            self.definitions = Definitions(self._database)
            self._keys = Keys(self._database)
            self.rejected = Rejected(self._database)
            self._few = FewRows(self._database)
            self._backup = Backup(self._database)
            # Only the writer thread touches these two.
            self._checkpoint_due = False
            self._numbers = Numbers.of(self._database)
            # What rows said last of a change of their connector, after what they were asked and when; any
            # thread may replace an answer, for it can be had again.
            self._answers: dict[str, tuple[tuple[SchemaDiff, int, Version | None], SchemaDiff]] = {}
            # The writer thread alone changes these two; any thread may look at them.
            self._committing: frozenset[str] = frozenset()
            self._versions: dict[str, Version] = {
                name: (latest.batch, _microseconds(latest.committed_at))
                for name, latest in self.batches.latest().items()
            }
        except BaseException:
            self._database.close()
            raise

    def on_failure(self, callback: Callable[[], None]) -> None:
        """Have `callback` called once the database can no longer be used, by any thread, and maybe by several."""
        self._database.when_broken = callback

    def close(self) -> None:
        """Close the file; nobody may use the store afterwards."""
        self._backup.stop()
        self._database.close()

    # -- definitions

    def look(self, connector: Connector) -> TableState:
        """Look at a connector's table."""
        return TableState(self.definitions.hidden(connector), self.definitions.is_empty(connector))

    def settle(self, comparison: SchemaDiff) -> SchemaDiff:
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

    def _ask(self, comparison: SchemaDiff) -> SchemaDiff:
        assert comparison.old is not None
        # What the gateway asks by itself has an end.
        is_endless = any(column.using or column.repair for column in comparison.columns)
        with self._database.cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            try:
                with interrupted_after(row_check.SECONDS, cursor) if is_endless else contextlib.nullcontext():
                    last = cursor.execute(f"SELECT coalesce(max(_id), 0) FROM {table_of(comparison.old)}")
                    through = int(last.fetchall()[0][0])
                    return replace(row_check.settle(comparison, selecting(cursor)), asked_through=through)
            finally:
                cursor.execute("ROLLBACK")

    def apply(self, comparisons: Sequence[SchemaDiff]) -> list[Connector]:
        """Apply new versions of connectors in one transaction, as `Definitions.apply` says."""
        # What is done to tables is best not left to the recovery of the WAL, where DuckDB has had its bugs.
        self._checkpoint_due = self._checkpoint_due or any(each.old and each.alters for each in comparisons)
        applied = self.definitions.apply(comparisons)
        self._database.epoch += 1
        return applied

    def remove(self, connectors: Sequence[Connector]) -> None:
        """Remember that connectors are no longer served. Their rows stay."""
        self.definitions.remove(connectors)

    def purge(self, connector: Connector) -> int:
        """Drop the rows of a connector, and tell how many there were."""
        rows = self.counts([connector])[connector.name]
        self._checkpoint_due = True
        self.definitions.purge(connector)
        self._database.epoch += 1
        self._versions.pop(connector.name, None)
        return rows

    # -- rows

    def append(self, batches: Sequence[Batch]) -> list[Receipt | GatewayError]:
        """Store batches in one transaction; returns after COMMIT, with a receipt or why nothing of a batch is stored.

        One that was stored before under its key is not stored again. No two may have the same key.

        Raises:
            GatewayError: When nothing of any was stored.
        """
        answers = [self._answered_before(batch) for batch in batches]
        new = [number for number, answer in enumerate(answers) if answer is None]
        if new:
            with self._committed({batches[number].connector.name for number in new}) as work:
                receipts = self._insert([batches[number] for number in new], work)
            for number, receipt in zip(new, receipts, strict=True):
                answers[number] = receipt
            self.maintain()
        return [answer or NO_ROWS for answer in answers]

    def _answered_before(self, batch: Batch) -> Receipt | GatewayError | None:
        """Give what needs no transaction: an earlier answer under the key, or why the batch has to be made anew."""
        try:
            self._require_present(batch.connector)
            if batch.key is None:
                return None
            return self._keys.find(batch.connector.name, batch.token, batch.key)
        except GatewayError as error:
            return error

    def append_and_show(
        self, batch: Batch, show: Show, *, is_rehearsal: bool = False
    ) -> tuple[Receipt, bytes | None]:
        """Store one batch as `append` does, and look at its rows before anybody can replace them.

        What was stored before under its key is not looked at. A rehearsal is taken back.

        Raises:
            GatewayError: When nothing was stored, also where `show` raises one.
        """
        if is_rehearsal:
            return self._rehearse(batch, show)
        answer = self._answered_before(batch)
        if answer is not None:
            return _given([answer]), None
        with self._committed({batch.connector.name}) as work:
            receipt = _given(self._insert([batch], work))
            seen = show(receipt, selecting(self._database.writer))
        self.maintain()
        return receipt, seen

    def _rehearse(self, batch: Batch, show: Show) -> tuple[Receipt, bytes | None]:
        self._require_present(batch.connector)
        receipt, seen = NO_ROWS, None
        with contextlib.suppress(_Rehearsed), self._database.transaction() as writer:
            receipt = _given(self._insert([batch], self._work()))
            seen = show(receipt, selecting(writer))
            raise _Rehearsed
        return rehearsed(receipt), seen

    def edit(self, edit: Edit, show: Show, *, is_rehearsal: bool = False) -> tuple[Receipt, bytes | None]:
        """Change or delete the rows that a filter lets through, all of them or none; returns after COMMIT.

        `show` sees rows as they are deleted, or after they are changed.

        Raises:
            Superseded: When the edit was made for a version of its connector that is no more.
            GatewayError: When nothing was done.
        """
        self._require_present(edit.connector)
        receipt, seen = NO_ROWS, None
        with contextlib.suppress(_Rehearsed), self._committed({edit.connector.name}) as work:
            editing = Editing(self._database, edit)
            edit.check(editing.rows)
            receipt, seen = self._edited(editing, edit, work, show)
            if is_rehearsal or not editing.rows:
                receipt = rehearsed(receipt)
                raise _Rehearsed
        self.maintain()
        return receipt, seen

    def _edited(self, editing: Editing, edit: Edit, work: _Work, show: Show) -> tuple[Receipt, bytes | None]:
        name, rows = edit.connector.name, editing.rows
        select = selecting(self._database.writer)
        if edit.values is None:
            receipt = Receipt(work.numbers.batch, rows, 0, 0, 0, None, None, deleted=rows, status=200)
            seen = show(receipt, select)
            editing.delete()
            work.record(Line(name, "delete", receipt, token=edit.token))
            return receipt, seen
        first = work.numbers.id_of(name)
        last = first + rows - 1
        receipt = Receipt(work.numbers.batch, rows, rows, 0, 0, first, last, deleted=rows, status=200)
        if rows:
            editing.change(work.numbers.batch, first, work.now)
        work.record(Line(name, "patch", receipt, token=edit.token), rows)
        return receipt, show(receipt, select)

    def duplicate(self, source: Connector, target: Connector, token: str | None) -> Receipt:
        """Copy all rows of a connector into one of the same fields that has none, as one batch; their order stays.

        Raises:
            GatewayError: Where the target has rows, or it cannot be committed.
        """
        if not self.definitions.is_empty(target):
            message = f"'{target.name}' has rows already"
            raise GatewayError(Code.COPY_REFUSED, message, hint="rows are copied into a new connector only")
        names = ", ".join(quote(field.name) for field in target.fields)
        with contextlib.suppress(_Rehearsed), self._committed({target.name}) as work:
            first, batch = work.numbers.id_of(target.name), work.numbers.batch
            self._database.writer.execute(
                f"INSERT INTO {table_of(target)} (_id, _ingested_at, _batch, {names})"
                f" SELECT $1 + row_number() OVER (ORDER BY _id), $2::TIMESTAMPTZ, $3, {names} FROM {table_of(source)}"
                " ORDER BY _id",
                [first - 1, work.now.isoformat(), batch],
            )
            told = self._database.writer.execute(f"SELECT count(*) FROM {table_of(target)}")
            rows = int(told.fetchall()[0][0])
            if not rows:
                raise _Rehearsed
            receipt = Receipt(batch, rows, rows, 0, 0, first, first + rows - 1)
            work.record(Line(target.name, "copy", receipt, token=token), rows)
            return receipt
        return NO_ROWS

    def expire(self, connector: Connector, retention: Retention, now: datetime) -> int:
        """Delete some of the rows that are kept no longer, and tell how many; again, until there are none.

        Rejected rows go after as many days as rows do.
        """
        if self.definitions.revisions.get(connector.name) != connector.revision:
            return 0  # It is being changed: the next time is for what it is then.
        before = now - timedelta(days=retention.days) if retention.days is not None else None
        table, rows, expired = table_of(connector), 0, 0
        with contextlib.suppress(_Rehearsed), self._committed({connector.name}) as work:
            conditions, parameters = self._too_many(connector, retention)
            if before is not None:
                conditions.append("_ingested_at < $1::TIMESTAMPTZ")
                parameters = [before.isoformat()]
                expired = self.rejected.expire(connector, before, EXPIRED_ROWS_MAX)
            if conditions:
                rows = self._deleted(
                    f"{table} WHERE _id IN (SELECT _id FROM {table} WHERE {' OR '.join(conditions)}"
                    f" LIMIT {EXPIRED_ROWS_MAX})",
                    parameters,
                )
            if rows:
                receipt = Receipt(work.numbers.batch, 0, 0, 0, 0, None, None, deleted=rows)
                work.record(Line(connector.name, "retention", receipt))
                self._checkpoint_due = True  # That is what gives the space back.
            elif not expired:
                raise _Rehearsed
        return max(rows, expired)

    def _too_many(self, connector: Connector, retention: Retention) -> tuple[list[str], list[Any]]:
        """Give the condition of the rows that are beyond the number that is kept."""
        if retention.rows is None:
            return [], []
        table = table_of(connector)
        ((rows,),) = self._database.writer.execute(f"SELECT count(*) FROM {table}").fetchall()
        beyond = min(rows - retention.rows, EXPIRED_ROWS_MAX)
        if beyond <= 0:
            return [], []
        return [f"_id <= (SELECT max(_id) FROM (SELECT _id FROM {table} ORDER BY _id LIMIT {beyond}))"], []

    def forget_keys(self) -> None:
        """Forget the Idempotency-Keys of long ago."""
        with self._database.transaction():
            self._keys.forget_old()

    # -- rejected rows

    def replay(
        self, connector: Connector, parts: Sequence[Part], amendments: Sequence[Amendment]
    ) -> list[Receipt]:
        """Store rejected rows that are good now, in one transaction with what is noted about the others.

        Args:
            connector: Whose rows.
            parts: The good ones, each of which has a receipt.
            amendments: What is noted about those that are still bad.

        Raises:
            Superseded: When they were checked under another version of the connector.
            GatewayError: When nothing was done.
        """
        self._require_present(connector)
        receipts = []
        with self._committed({connector.name}) as work:
            for part in parts:
                receipt = _given(self._insert([part.batch], work, action="replay"))
                self.rejected.settle(connector, part.ids, "replayed", work.now, batch=receipt.batch)
                receipts.append(receipt)
            self.rejected.amend(connector, amendments)
        return receipts

    def discard(self, connector: Connector, ids: Sequence[int], reason: str) -> None:
        """Mark rejected rows as discarded.

        Raises:
            GatewayError: Where one of them is not kept any more.
        """
        with self._database.transaction():
            self.rejected.settle(connector, ids, "discarded", datetime.now(UTC), reason=reason)

    def ensure_rejected(self, connector: Connector) -> Connector:
        """Give the connector of another's rejected rows, whose table is there then."""
        with self._database.transaction():
            self.rejected.ensure(connector)
        return rejected_of(connector)

    # -- transactions

    def _work(self) -> _Work:
        return _Work(datetime.now(UTC), self._numbers, [])

    @contextlib.contextmanager
    def _committed(self, names: set[str]) -> Iterator[_Work]:
        """Commit what a block does to some connectors, with its lines, and make known what it gave out."""
        work = self._work()
        self._committing = frozenset(names)
        try:
            with self._database.transaction():
                yield work
                self.batches.write(work.lines, work.now)
            self._numbers = work.numbers
            moment = _microseconds(work.now)
            for line in work.lines:
                self._versions[line.connector] = (line.receipt.batch or 0, moment)
        finally:
            self._committing = frozenset()

    def _require_present(self, connector: Connector) -> None:
        """Refuse what was made for another version of a connector than there is now."""
        if self.definitions.revisions.get(connector.name) != connector.revision:
            raise Superseded

    def _insert(
        self, batches: Sequence[Batch], work: _Work, action: str | None = None
    ) -> list[Receipt | GatewayError]:
        """Insert batches as part of the writer's transaction; give the receipt of each, or why it is left out."""
        answers: list[Receipt | GatewayError] = [NO_ROWS] * len(batches)
        for run in ledger.alike(batches):
            some = [batches[number] for number in run]
            members = self._met(some)
            first_of_all, stored, absent = work.numbers.id_of(some[0].connector.name), [], []
            for number, batch, member in zip(run, some, members, strict=True):
                if member.error or batch.changes_nothing:
                    answers[number] = member.error or NO_ROWS
                    continue
                deleted = self._deleted(table_of(batch.connector)) if batch.replaces_all else member.deleted
                first, told = work.numbers.id_of(batch.connector.name), work.numbers.batch
                stored.append((told, member.rows))
                absent += [first - first_of_all + place for place in member.absent]
                receipt = _receipt(batch, member, told, first, deleted)
                self.rejected.keep(batch.connector, batch.bad, told, batch.token, work.now)
                name = action or ("put" if batch.replaces_all else "post")
                line = Line(batch.connector.name, name, receipt, batch.received_bytes, batch.token)
                work.record(line, member.rows.num_rows)
                answers[number] = receipt
            if not any(rows.num_rows for _, rows in stored):
                continue
            if FewRows.are(stored) and not absent:
                self._few.insert(some[0].connector, stored, first_of_all, work.now)
            else:
                rows = without(with_own_columns(stored, first_of_all, work.now), absent)
                self._database.insert(table_of(some[0].connector), rows)
        kept = [
            (batch, each) for batch, each in zip(batches, answers, strict=True) if isinstance(each, Receipt)
        ]
        self._keys.keep([batch for batch, _ in kept], [each for _, each in kept], work.now)
        return answers

    def _met(self, batches: Sequence[Batch]) -> list[Member]:
        """Decide about rows whose primary key is there already."""
        if not batches[0].connector.primary_key:
            return [Member(batch.rows) for batch in batches]
        return Conflicts(self._database, batches).resolve()

    def _deleted(self, rows: str, parameters: Sequence[Any] = ()) -> int:
        """Delete rows, and tell how many."""
        ((deleted,),) = self._database.writer.execute(f"DELETE FROM {rows}", list(parameters)).fetchall()
        return int(deleted)

    def maintain(self) -> bool:
        """Write the WAL into the file where a change of tables asks for it; tell whether it is still to be done."""
        if self._checkpoint_due:
            self._checkpoint_due = not self._database.checkpoint()
        return self._checkpoint_due

    def read(self) -> Reading:
        """Make a transaction of reading; nothing runs before its first SELECT."""
        return Reading(self._database)

    def version(self, name: str) -> Version | None:
        """Tell the last batch that a connector's rows have; None while one is being committed.

        Rows that were read between two calls that gave the same version are the rows of that version.
        """
        if name in self._committing:
            return None
        return self._versions.get(name, NO_VERSION)

    def version_in(self, transaction: ReadTransaction, name: str) -> Version:
        """Return the version of a connector's rows that a transaction of reading sees, also amid a commit.

        All its SELECTs from now on see the rows of that version.

        Raises:
            GatewayError: As `Reading.fetch`.
        """
        transaction.begin()
        latest = transaction.fetch(LATEST, (name,))
        return latest[0] if latest else NO_VERSION

    def counts(self, connectors: Sequence[Connector]) -> dict[str, int]:
        """Count the rows of several connectors, at one moment."""
        if not connectors:
            return {}
        each = [f"SELECT {literal(one.name)}, count(*) FROM {table_of(one)}" for one in connectors]
        return dict(self._database.rows(" UNION ALL ".join(each)))

    def find_receipt(self, connector: str, token: str | None, key: Key) -> Receipt | None:
        """Give the receipt of the batch that was stored under a key; None where there is none.

        Raises:
            GatewayError: Where it came with another body then.
        """
        return self._keys.find(connector, token, key)

    def backup(self) -> BinaryIO:
        """Make a copy of what is committed now, as `Backup.make` does."""
        return self._backup.make()


def _given(answers: Sequence[Receipt | GatewayError]) -> Receipt:
    """Give the one receipt there is, or raise why there is none."""
    (answer,) = answers
    if isinstance(answer, GatewayError):
        raise answer
    return answer


def _receipt(batch: Batch, member: Member, number: int, first_id: int, deleted: int) -> Receipt:
    stored = member.rows.num_rows
    is_update = batch.on_conflict == "merge" and 0 < stored <= deleted
    return Receipt(
        number,
        batch.received,
        stored,
        len(batch.bad),
        batch.rows.num_rows - stored,
        first_id if stored else None,
        first_id + stored - 1 if stored else None,
        batch.errors,
        deleted,
        batch.replaces_all,
        207 if batch.bad else 200 if is_update else 201,
    )


def _microseconds(moment: datetime) -> int:
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
