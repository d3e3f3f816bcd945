"""Changes and deletions of stored rows.

A changed row is a new row with a new `_id`, so that clients that read new rows see it; the old row is deleted.
"""

from datetime import datetime
from typing import Any

from gateway.errors import Code, GatewayError
from gateway.store.batch import Receipt
from gateway.store.edit import Edit
from gateway.store.engine.interface import Database
from gateway.store.engine.stream import selecting
from gateway.store.interface import Show
from gateway.store.journal.interface import Changes, LedgerEntry
from gateway.store.sql.names import literal, quote, table_of
from gateway.store.tables.conflicts import key_column, key_exists
from gateway.store.tables.migration import constant


class Editing:
    """One running edit, in the writer's transaction and on its thread."""

    def __init__(self, database: Database, edit: Edit) -> None:
        self._database = database
        self._edit = edit
        self._table = table_of(edit.connector)
        self._ids = database.table(edit.rows.sql, edit.rows.parameters).select(["_id"])

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self._ids.num_rows)

    def change(self, batch: int, first_id: int, now: datetime) -> None:
        """Put changed rows at the end of the table, and delete the old ones."""
        values = self._edit.values or {}
        fields = {field.name: field for field in self._edit.connector.fields}
        own = {
            "_id": f"{first_id - 1} + row_number() OVER (ORDER BY _id)",
            "_ingested_at": f"CAST({literal(now.isoformat())} AS TIMESTAMPTZ)",
            "_batch": str(batch),
        }
        described = self._database.writer.execute(f"DESCRIBE {self._table}").fetchall()
        names = [name for name, *_ in described]
        given = {name: constant(fields[name].type, value) for name, value in values.items()}
        selected = ", ".join(
            f"{own.get(name) or given.get(name) or quote(name)} AS {quote(name)}" for name in names
        )
        with self._database.registered("edited", self._ids):
            self._database.insert_selected(
                self._table,
                f"SELECT {selected} FROM {self._table} AS old"
                " WHERE old._id IN (SELECT _id FROM edited) ORDER BY old._id",
            )
        self.delete()
        if not values.keys().isdisjoint(self._edit.connector.primary_key):
            self._require_other_keys(first_id)

    def delete(self) -> None:
        """Delete the rows."""
        with self._database.registered("edited", self._ids):
            self._database.writer.execute(f"DELETE FROM {self._table} WHERE _id IN (SELECT _id FROM edited)")

    def _require_other_keys(self, first_id: int) -> None:
        """Refuse changed rows that share their primary key with each other or with the rest."""
        names = ", ".join(map(quote, self._edit.connector.primary_key))
        texts = {name: value for name, value in (self._edit.values or {}).items() if isinstance(value, str)}
        keys = ", ".join(
            key_column(quote(name), len(texts.get(name, "").encode()))
            for name in self._edit.connector.primary_key
        )
        shared = self._database.table(
            f"SELECT {names} FROM (SELECT {names}, count(*) OVER (PARTITION BY {names}) AS _count FROM"
            f" (SELECT {names} FROM {self._table} WHERE ({keys}) IN"
            f" (SELECT ({keys}) FROM {self._table} WHERE _id >= {first_id}))) WHERE _count > 1 LIMIT 1"
        )
        if shared.num_rows:
            row: dict[str, Any] = shared.to_pylist()[0]
            # The values that the request did not set are visible to readers alone.
            values = self._edit.values or {}
            message = key_exists({name: row[name] if name in values else "…" for name in row})
            hint = "nothing was changed; set the fields of a primary key of one row at a time"
            raise GatewayError(Code.KEY_CONFLICT, message, hint=hint)


class RowEdits:
    """Runs edits. It belongs to the writer thread and its transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, edit: Edit, show: Show, changes: Changes) -> tuple[Receipt, bytes | None]:
        """Run an edit of rows, and return the receipt and what `show` rendered: deleted rows before, changed after.

        Raises:
            GatewayError: As `edit.check` or `show` does, or a primary key would be stored twice.
        """
        editing = Editing(self._database, edit)
        edit.check(editing.rows)
        name, rows = edit.connector.name, editing.rows
        select = selecting(self._database.writer)
        if edit.values is None:
            receipt = Receipt(changes.sequences.batch, rows, 0, 0, 0, None, None, deleted=rows, status=200)
            shown = show(receipt, select)
            editing.delete()
            changes.enter(LedgerEntry(name, "delete", receipt, token=edit.token))
            return receipt, shown
        first = changes.sequences.id_of(name)
        last = first + rows - 1
        receipt = Receipt(changes.sequences.batch, rows, rows, 0, 0, first, last, deleted=rows, status=200)
        if rows:
            editing.change(changes.sequences.batch, first, changes.now)
        changes.enter(LedgerEntry(name, "patch", receipt, token=edit.token), rows)
        return receipt, show(receipt, select)
