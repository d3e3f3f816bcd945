"""The applied versions of connectors and their history, in the DuckDB file."""

import json

import pyarrow as pa

from gateway.connectors.change import Rule
from gateway.connectors.connector import Connector
from gateway.store.definition import Definition, Event, Move
from gateway.store.engine.interface import Database
from gateway.store.journal.interface import Changes
from gateway.store.sql.names import quote
from gateway.store.sql.times import instant, moment

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


class VersionTables:
    """The versions and the events. `write` belongs to the writer thread and its transaction, the others to any thread."""

    def __init__(self, database: Database) -> None:
        """Create the tables, or upgrade those of an earlier gateway."""
        self._database = database
        database.writer.execute(_TABLES)
        self._upgrade()

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

    def last_change(self) -> int:
        """Return always the same number: one process alone changes connectors."""
        return 0

    def purged_revision(self, name: str) -> int:
        """Return the last revision of a purged connector, 0 if it was never purged."""
        sql = "SELECT coalesce(max(revision), 0) FROM gateway.purged WHERE connector = ?"
        ((revision,),) = self._database.rows(sql, [name])
        return int(revision)

    def write(self, changes: Changes) -> None:
        """Replace the stored versions by new ones, note removed and purged connectors, and add events to the history."""
        writer, now = self._database.writer, changes.now
        if changes.versions:
            names = [each.name for each in changes.versions]
            writer.execute("DELETE FROM gateway.connectors WHERE list_contains(?, name)", [names])
            versions = [(each.name, each.file, each.text, now, each.revision) for each in changes.versions]
            self._database.insert_values("gateway.connectors", _VERSIONS, versions)
        if changes.removed:
            writer.execute(
                "UPDATE gateway.connectors SET removed_at = ?::TIMESTAMPTZ WHERE list_contains(?, name)",
                [now.isoformat(), [each.name for each in changes.removed]],
            )
        if changes.purged is not None:
            self._purge(changes.purged)
        events = [
            (
                *(each.connector.name, now, each.action, each.connector.file, each.connector.revision),
                *(json.dumps(each.changes), each.old, each.new, each.by),
            )
            for each in changes.events
        ]
        self._database.insert_values("gateway.history", _EVENTS, events)

    def _purge(self, connector: Connector) -> None:
        writer, name = self._database.writer, connector.name
        writer.execute(
            "INSERT INTO gateway.purged SELECT ?, now(), ?, max(last_id), max(batch) FROM gateway.batches"
            " WHERE connector = ?",
            [name, connector.revision, name],
        )
        for table, column in _PURGED:
            writer.execute(f"DELETE FROM gateway.{table} WHERE {column} = ?", [name])

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
