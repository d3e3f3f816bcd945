"""The connectors that the store knows: their applied versions, their tables, and the history of both."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from gateway.connectors.change import Rule, SchemaDiff
from gateway.connectors.connector import SYSTEM_FIELDS, Connector
from gateway.connectors.fieldtypes.field_type import FieldType
from gateway.connectors.fieldtypes.type_names import type_of_column
from gateway.connectors.finding import InvalidFileError
from gateway.store.definition import NOBODY, Definition, Event, Move, RowsArrived
from gateway.store.engine.interface import Database
from gateway.store.engine.stream import selecting
from gateway.store.sql.names import quote, rejected_table, table_of
from gateway.store.sql.times import instant, moment
from gateway.store.tables import migration, row_check

_TABLES = """
CREATE SCHEMA IF NOT EXISTS gateway;
CREATE SCHEMA IF NOT EXISTS rows;
CREATE TABLE IF NOT EXISTS gateway.connectors (
    name VARCHAR, file VARCHAR, text VARCHAR, applied_at TIMESTAMPTZ, removed_at TIMESTAMPTZ, revision BIGINT
);
CREATE TABLE IF NOT EXISTS gateway.history (
    connector VARCHAR, happened_at TIMESTAMPTZ, action VARCHAR, file VARCHAR, revision BIGINT,
    changes VARCHAR, old_text VARCHAR, new_text VARCHAR, author VARCHAR
);
CREATE TABLE IF NOT EXISTS gateway.purged (
    connector VARCHAR, purged_at TIMESTAMPTZ, revision BIGINT, last_id BIGINT, last_batch BIGINT
);
"""


#: The tables with rows of a connector, and the column that has its name.
_PURGED = (("batches", "connector"), ("activity", "connector"), ("keys", "connector"), ("connectors", "name"))
_VERSIONS = pa.schema(
    [
        ("name", pa.string()),
        ("file", pa.string()),
        ("text", pa.string()),
        ("applied_at", pa.timestamp("us", "UTC")),
        ("revision", pa.int64()),
    ]
)
_EVENTS = pa.schema(
    [
        ("connector", pa.string()),
        ("happened_at", pa.timestamp("us", "UTC")),
        ("action", pa.string()),
        ("file", pa.string()),
        ("revision", pa.int64()),
        ("changes", pa.string()),
        ("old_text", pa.string()),
        ("new_text", pa.string()),
        ("author", pa.string()),
    ]
)


class Definitions:
    """The applied versions of connectors. `apply`, `remove`, and `purge` belong to the writer thread, the others to any."""

    def __init__(self, database: Database) -> None:
        """Create the tables, or upgrade those of an earlier gateway."""
        self._database = database
        database.writer.execute(_TABLES)
        self._upgrade()
        # Only the writer thread changes them, after each commit.
        self.revisions: dict[str, int] = {each.name: each.revision for each in self.all()}
        self._purged: dict[str, int] = dict(
            database.rows("SELECT connector, max(revision) FROM gateway.purged GROUP BY connector")
        )

    def all(self) -> list[Definition]:
        """List the last applied version of every connector, removed ones included, purged ones not."""
        rows = self._database.rows(
            "SELECT name, file, text, revision, epoch_us(removed_at) FROM gateway.connectors ORDER BY name"
        )
        return [
            Definition(name, file, text, revision, instant(removed))
            for name, file, text, revision, removed in rows
        ]

    def history(self, name: str, limit: int) -> list[Event]:
        """List the events of a connector, newest first."""
        rows = self._database.rows(
            "SELECT epoch_us(happened_at), action, file, revision, changes, old_text, new_text, author FROM gateway.history"
            " WHERE connector = ? ORDER BY happened_at DESC, revision DESC LIMIT ?",
            [name, limit],
        )
        return [
            Event(moment(at), action, file, revision, json.loads(changes), old, new, by)
            for at, action, file, revision, changes, old, new, by in rows
        ]

    def moves(self) -> list[Move]:
        """List the changes of paths, oldest first; those of a purged connector are left out."""
        rows = self._database.rows(
            "SELECT connector, epoch_us(happened_at), old_text FROM gateway.history AS moved"
            " WHERE contains(changes, ?) AND old_text IS NOT NULL AND NOT EXISTS (SELECT 1 FROM gateway.history AS purged"
            " WHERE purged.connector = moved.connector AND purged.action = 'purged'"
            " AND purged.happened_at >= moved.happened_at) ORDER BY happened_at",
            [json.dumps(Rule.PATH_CHANGED.kind)],
        )
        return [Move(name, moment(at), text) for name, at, text in rows]

    def purged(self) -> list[str]:
        """List the connectors of which only the history is left."""
        rows = self._database.rows(
            "SELECT DISTINCT connector FROM gateway.purged"
            " WHERE connector NOT IN (SELECT name FROM gateway.connectors) ORDER BY connector"
        )
        return [name for (name,) in rows]

    def hidden(self, connector: Connector) -> Mapping[str, FieldType]:
        """Return the columns of a connector's table that are not fields, with their types."""
        return hidden_columns(connector, self._database.rows(f"DESCRIBE {table_of(connector)}"))

    def is_empty(self, connector: Connector) -> bool:
        """Return whether a connector has no rows."""
        return not self._database.rows(f"SELECT 1 FROM {table_of(connector)} LIMIT 1")

    def is_present(self, connector: Connector) -> bool:
        """Return whether a connector is the applied version."""
        return self.revisions.get(connector.name) == connector.revision

    # -- changes

    def apply(
        self, comparisons: Sequence[SchemaDiff], authors: Mapping[str, str] = NOBODY
    ) -> list[Connector]:
        """Apply new versions of tables and record them in one transaction; return them with their revisions.

        Raises:
            InvalidFileError: Rows that arrived after `SchemaDiff.checked_through` conflict with a change.
            RowsArrived: Rows arrived although `SchemaDiff.is_empty`.
            GatewayError: It could not be committed.
        """
        with self._database.transaction():
            applied = [self._alter(comparison) for comparison in comparisons]
            self._remember(comparisons, applied, authors)
        self.revisions |= {connector.name: connector.revision for connector in applied}
        return applied

    def _alter(self, comparison: SchemaDiff) -> Connector:
        """Apply a new version to its table, and return it with its revision."""
        old, new = comparison.old, comparison.new
        if old is None:
            new = replace(new, revision=self._purged.get(new.name, 0) + 1)
            statements = migration.create(new)
        elif comparison.is_schema_change:
            self._require_still(comparison)
            new = replace(new, revision=old.revision + 1)
            described = self._database.writer.execute(f"DESCRIBE {table_of(old)}").fetchall()
            statements = migration.migrate(comparison, new, hidden_columns(old, described))
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

    def _remember(
        self, comparisons: Sequence[SchemaDiff], applied: Sequence[Connector], authors: Mapping[str, str]
    ) -> None:
        """Replace the stored versions by the new ones, and add events to the history."""
        now, names = datetime.now(UTC), [connector.name for connector in applied]
        gone = self._database.writer.execute(
            "DELETE FROM gateway.connectors WHERE list_contains(?, name) RETURNING name, removed_at IS NOT NULL",
            [names],
        ).fetchall()
        removed = {name for name, was_removed in gone if was_removed}
        versions = [(each.name, each.file, each.text, now, each.revision) for each in applied]
        self._database.insert_values("gateway.connectors", _VERSIONS, versions)
        events = []
        for comparison, new in zip(comparisons, applied, strict=True):
            old = comparison.old
            action = "created" if old is None else "restored" if new.name in removed else "changed"
            changes = [change.body() for change in comparison.changes]
            events.append((new, action, changes, old.text if old else None, new.text))
        self._record(events, now, authors)

    def _record(
        self,
        events: Sequence[tuple[Connector, str, list[dict[str, Any]], str | None, str | None]],
        now: datetime,
        authors: Mapping[str, str],
    ) -> None:
        """Write events of the history, in the writer's transaction."""
        lines = [
            (
                *(each.name, now, action, each.file, each.revision, json.dumps(changes), old, new),
                authors.get(each.name),
            )
            for each, action, changes, old, new in events
        ]
        self._database.insert_values("gateway.history", _EVENTS, lines)

    def remove(self, connectors: Sequence[Connector], authors: Mapping[str, str] = NOBODY) -> None:
        """Record that connectors are no longer served, and by whose doing. Their rows stay."""
        now, names = datetime.now(UTC), [each.name for each in connectors]
        with self._database.transaction() as writer:
            writer.execute(
                "UPDATE gateway.connectors SET removed_at = ?::TIMESTAMPTZ WHERE list_contains(?, name)",
                [now.isoformat(), names],
            )
            self._record([(each, "removed", [], each.text, None) for each in connectors], now, authors)

    def purge(self, connector: Connector, by: str | None = None) -> None:
        """Delete the rows of a connector that is no longer served. Its numbers are never used again."""
        name = connector.name
        with self._database.transaction() as writer:
            writer.execute(f"DROP TABLE {table_of(connector)}")
            writer.execute(f"DROP TABLE IF EXISTS {rejected_table(name)}")
            writer.execute(
                "INSERT INTO gateway.purged SELECT ?, now(), ?, max(last_id), max(batch) FROM gateway.batches"
                " WHERE connector = ?",
                [name, connector.revision, name],
            )
            for table, column in _PURGED:
                writer.execute(f"DELETE FROM gateway.{table} WHERE {column} = ?", [name])
            events = [(connector, "purged", list[dict[str, Any]](), connector.text, None)]
            self._record(events, datetime.now(UTC), {name: by} if by else NOBODY)
        self._purged[name] = connector.revision
        del self.revisions[name]

    # -- files of an earlier gateway

    def _upgrade(self) -> None:
        """Add the author to an older history, and rename the tables of gateway 0.1.0, whose names had no revision."""
        writer = self._database.writer
        writer.execute("ALTER TABLE gateway.history ADD COLUMN IF NOT EXISTS author VARCHAR")
        writer.execute("ALTER TABLE gateway.connectors ADD COLUMN IF NOT EXISTS revision BIGINT")
        tables = writer.execute(
            "SELECT table_name, bool_or(column_default IS NOT NULL) FROM duckdb_columns()"
            " WHERE schema_name = 'rows' AND NOT contains(table_name, '@') GROUP BY ALL"
        ).fetchall()
        if not tables:
            return
        with self._database.transaction():
            for name, has_defaults in tables:
                first = quote(f"{name}@1")
                if has_defaults:  # An ALTER of such a table cannot be replayed by DuckDB 1.5.
                    writer.execute(f"CREATE TABLE rows.{first} AS SELECT * FROM rows.{quote(name)}")
                    writer.execute(f"DROP TABLE rows.{quote(name)}")
                else:
                    writer.execute(f"ALTER TABLE rows.{quote(name)} RENAME TO {first}")
            writer.execute("UPDATE gateway.connectors SET revision = 1 WHERE revision IS NULL")
        self._database.request_maintenance()
        self._database.maintain()


def hidden_columns(connector: Connector, described: Sequence[tuple[Any, ...]]) -> Mapping[str, FieldType]:
    """Return the columns of a described table that are not fields of its connector, with their types."""
    known = {field.name for field in (*SYSTEM_FIELDS, *connector.fields)}
    return {name: type_of_column(column) for name, column, *_ in described if name not in known}
