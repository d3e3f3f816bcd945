"""Batches of rows, inserted in the writer's transaction: together where one INSERT can take them."""

from collections.abc import Sequence

import pyarrow as pa

from gateway.connectors.connector import Connector
from gateway.errors import GatewayError
from gateway.store.batch import NO_ROWS, Batch, Receipt
from gateway.store.engine.interface import Database
from gateway.store.journal.interface import Changes, LedgerEntry
from gateway.store.sql.names import table_of
from gateway.store.tables.conflicts import Conflicts, Member, without
from gateway.store.tables.rejected import Rejected
from gateway.store.tables.row_runs import alike, with_own_columns
from gateway.store.tables.small_inserts import SmallInserts


class Appends:
    """Inserts batches. It belongs to the writer thread and its transaction."""

    def __init__(self, database: Database, rejected: Rejected) -> None:
        self._database = database
        self._rejected = rejected
        self._few = SmallInserts(database)

    def insert(
        self, batches: Sequence[Batch], changes: Changes, action: str | None = None
    ) -> list[Receipt | GatewayError]:
        """Insert batches, and return for each its receipt, or why it is left out."""
        answers: list[Receipt | GatewayError] = [NO_ROWS] * len(batches)
        for run in alike(batches):
            some = [batches[number] for number in run]
            members = self._met(some)
            first_of_all, stored, absent = changes.sequences.id_of(some[0].connector.name), [], []
            for number, batch, member in zip(run, some, members, strict=True):
                if member.error or batch.changes_nothing:
                    answers[number] = member.error or NO_ROWS
                    continue
                deleted = self._deleted(batch) if batch.replaces_all else member.deleted
                first, told = changes.sequences.id_of(batch.connector.name), changes.sequences.batch
                stored.append((told, member.rows))
                absent += [first - first_of_all + place for place in member.absent]
                receipt = _receipt(batch, member, told, first, deleted)
                self._rejected.keep(batch, told, changes)
                name = action or ("put" if batch.replaces_all else "post")
                line = LedgerEntry(batch.connector.name, name, receipt, batch.received_bytes, batch.token)
                changes.enter(line, member.rows.num_rows)
                answers[number] = receipt
            if not any(rows.num_rows for _, rows in stored):
                continue
            prepares = self._database.capabilities.prepares_inserts and not absent
            if prepares and SmallInserts.are(stored):
                self._few.insert(some[0].connector, stored, first_of_all, changes.now)
            else:
                rows = without(with_own_columns(stored, first_of_all, changes.now), absent)
                connector = some[0].connector
                self._database.insert(table_of(connector), _with_json_type(rows, connector))
        changes.keys += [
            (batch, each) for batch, each in zip(batches, answers, strict=True) if isinstance(each, Receipt)
        ]
        return answers

    def _met(self, batches: Sequence[Batch]) -> list[Member]:
        """Decide about rows whose primary key is there already."""
        if not batches[0].connector.primary_key:
            return [Member(batch.rows) for batch in batches]
        return Conflicts(self._database, batches).resolve()

    def _deleted(self, batch: Batch) -> int:
        """Delete all rows of a batch's connector, and return how many there were."""
        ((deleted,),) = self._database.writer.execute(f"DELETE FROM {table_of(batch.connector)}").fetchall()
        return int(deleted)


def _with_json_type(rows: pa.Table, connector: Connector) -> pa.Table:
    """Return rows with the type of JSON where their texts are JSON.

    PERF: DuckDB validates a string that becomes JSON, which takes as long as the INSERT itself.
    """
    for field in connector.fields:
        if field.type.name == "json":
            place = rows.column_names.index(field.name)
            rows = rows.set_column(place, field.name, rows.column(place).cast(_JSON))
    return rows


_JSON = pa.json_(pa.string())


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
