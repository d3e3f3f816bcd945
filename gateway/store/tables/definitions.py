"""The tables of connectors: created, changed, and dropped together with the record of it in the journal."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gateway.connectors.change import SchemaDiff
from gateway.connectors.connector import SYSTEM_FIELDS, Connector
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.fieldtypes.type_names import type_of_column
from gateway.connectors.finding import InvalidFileError
from gateway.store.definition import NOBODY, Definition, Event, Move, RowsArrived
from gateway.store.engine.interface import Database
from gateway.store.engine.stream import selecting
from gateway.store.errors import ConnectorChanged
from gateway.store.journal.interface import Journal, NewEvent
from gateway.store.sql.names import rejected_table, table_of
from gateway.store.tables import migration, row_check


class Definitions:
    """The applied versions of connectors. `apply`, `remove`, and `purge` belong to the writer thread, the others to any."""

    def __init__(self, database: Database, journal: Journal) -> None:
        self._database = database
        self._journal = journal

    def all(self) -> list[Definition]:
        """List the last applied version of every connector, removed ones included, purged ones not."""
        return self._journal.definitions.all()

    def history(self, name: str, limit: int) -> list[Event]:
        """List the events of a connector, newest first."""
        return self._journal.definitions.history(name, limit)

    def moves(self) -> list[Move]:
        """List the changes of paths, oldest first; those of a purged connector are left out."""
        return self._journal.definitions.moves()

    def last_change(self) -> int:
        """Return a number that is another one after a change of connectors by another gateway; from memory."""
        return self._journal.definitions.last_change()

    def purged(self) -> list[str]:
        """List the connectors of which only the history is left."""
        return self._journal.definitions.purged()

    def hidden(self, connector: Connector) -> Mapping[str, FieldType]:
        """Return the columns of a connector's table that are not fields, with their types."""
        return hidden_columns(connector, self._database.rows(f"DESCRIBE {table_of(connector)}"))

    def stored(self, connector: Connector) -> Connector:
        """Return a connector with what the engine knows about its table."""
        return replace(connector, is_stored_in_order=self._database.capabilities.keeps_order)

    def is_empty(self, connector: Connector) -> bool:
        """Return whether a connector has no rows."""
        return not self._database.rows(f"SELECT 1 FROM {table_of(connector)} LIMIT 1")

    def is_present(self, connector: Connector) -> bool:
        """Return whether a connector is the applied version."""
        return self._journal.revision(connector.name) == connector.revision

    # -- changes

    def apply(
        self, comparisons: Sequence[SchemaDiff], authors: Mapping[str, str] = NOBODY
    ) -> list[Connector]:
        """Apply new versions of tables and record them in one transaction; return them with their revisions.

        Raises:
            ConnectorChanged: A comparison is with another version than the applied one.
            InvalidFileError: Rows that arrived after `SchemaDiff.checked_through` conflict with a change.
            RowsArrived: Rows arrived although `SchemaDiff.is_empty`.
            GatewayError: It could not be committed.
        """
        with self._database.transaction():
            changes = self._journal.begin()
            before = {each.name: each for each in self._journal.definitions.all()}
            for comparison in comparisons:
                _require_applied(comparison, before.get(comparison.new.name))
            changes.versions = [self.stored(self._alter(comparison)) for comparison in comparisons]
            changes.events = [
                _event_of(comparison, new, before.get(new.name), authors.get(new.name))
                for comparison, new in zip(comparisons, changes.versions, strict=True)
            ]
            self._journal.write(changes)
        self._journal.note_commit(changes)
        return list(changes.versions)

    def _alter(self, comparison: SchemaDiff) -> Connector:
        """Apply a new version to its table, and return it with its revision."""
        old, new = comparison.old, comparison.new
        if old is None:
            new = replace(new, revision=self._journal.definitions.purged_revision(new.name) + 1)
            statements = migration.create(new)
        elif comparison.is_schema_change:
            self._require_still(comparison)
            new = replace(new, revision=old.revision + 1)
            described = self._database.writer.execute(f"DESCRIBE {table_of(old)}").fetchall()
            hidden = hidden_columns(old, described)
            narrows = self._database.capabilities.narrows_in_place
            statements = migration.migrate(comparison, new, hidden, narrows_in_place=narrows)
        else:
            new, statements = replace(new, revision=old.revision), []
        for statement in statements:
            self._database.writer.execute(statement)
        return new

    def _require_still(self, comparison: SchemaDiff) -> None:
        """Check the rows that arrived after the first check."""
        assert comparison.old is not None
        select = selecting(self._database.writer)
        if comparison.is_empty:
            if any(
                batch.num_rows for batch in select(f"SELECT 1 FROM {table_of(comparison.old)} LIMIT 1", ())
            ):
                raise RowsArrived
            return
        again = row_check.check_rows(
            replace(comparison, changes=comparison.unchecked_changes or comparison.changes),
            select,
            comparison.checked_through,
        )
        if again.refused:
            raise InvalidFileError([change.finding(comparison.new.file) for change in again.refused])

    def remove(self, connectors: Sequence[Connector], authors: Mapping[str, str] = NOBODY) -> None:
        """Record that connectors are no longer served, and by whose doing. Their rows stay."""
        with self._database.transaction():
            changes = self._journal.begin()
            live = {each.name for each in self._journal.definitions.all() if each.removed_at is None}
            changes.removed = [each for each in connectors if each.name in live]
            changes.events = [
                NewEvent(each, "removed", old=each.text, by=authors.get(each.name))
                for each in changes.removed
            ]
            self._journal.write(changes)
        self._journal.note_commit(changes)

    def purge(self, connector: Connector, by: str | None = None) -> None:
        """Delete the rows of a connector that is no longer served. Its numbers are never used again."""
        with self._database.transaction() as writer:
            changes = self._journal.begin()
            writer.execute(f"DROP TABLE {table_of(connector)}")
            writer.execute(f"DROP TABLE IF EXISTS {rejected_table(connector.name)}")
            changes.purged = connector
            changes.events = [NewEvent(connector, "purged", old=connector.text, by=by)]
            self._journal.write(changes)
        self._journal.note_commit(changes)


def _require_applied(comparison: SchemaDiff, applied: Definition | None) -> None:
    """Refuse a comparison with another version than the applied one; another process may have applied that."""
    old = comparison.old
    if (old and (old.revision, old.text)) != (applied and (applied.revision, applied.text)):
        raise ConnectorChanged


def _event_of(comparison: SchemaDiff, new: Connector, before: Definition | None, by: str | None) -> NewEvent:
    """Return the event of an applied version."""
    old = comparison.old
    was_removed = before is not None and before.removed_at is not None
    action = "created" if old is None else "restored" if was_removed else "changed"
    changes = [change.body() for change in comparison.changes]
    return NewEvent(new, action, changes, old.text if old else None, new.text, by)


def hidden_columns(connector: Connector, described: Sequence[tuple[Any, ...]]) -> Mapping[str, FieldType]:
    """Return the columns of a described table that are not fields of its connector, with their types."""
    known = {field.name for field in (*SYSTEM_FIELDS, *connector.fields)}
    return {name: type_of_column(column) for name, column, *_ in described if name not in known}
