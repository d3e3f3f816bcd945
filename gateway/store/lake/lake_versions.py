"""The applied versions of connectors and their history in PostgreSQL."""

import json

from gateway.connectors.change import Rule
from gateway.store.definition import Definition, Event, Move
from gateway.store.lake.catalog_watch import CatalogWatch
from gateway.store.lake.postgres import PostgreSQL


class LakeVersions:
    """The versions and the events, as `JournaledDefinitions` describes them. Any thread may call it."""

    def __init__(self, postgres: PostgreSQL, watch: CatalogWatch) -> None:
        self._postgres = postgres
        self._watch = watch

    def last_change(self) -> int:
        """Return the number of the last commit that changed connectors, by whichever gateway."""
        return self._watch.last_change

    def all(self) -> list[Definition]:
        """List the last applied version of every connector, removed ones included, purged ones not."""
        rows = self._postgres.rows(
            "SELECT name, file, text, revision, removed_at FROM gw.connectors ORDER BY name"
        )
        return [Definition(*row) for row in rows]

    def history(self, name: str, limit: int) -> list[Event]:
        """List the events of a connector, newest first."""
        rows = self._postgres.rows(
            "SELECT happened_at, action, file, revision, changes, old_text, new_text, author FROM gw.history"
            " WHERE connector = %s ORDER BY event DESC LIMIT %s",
            [name, limit],
        )
        return [
            Event(at, action, file, revision, json.loads(changes), old, new, by)
            for at, action, file, revision, changes, old, new, by in rows
        ]

    def moves(self) -> list[Move]:
        """List the changes of paths, oldest first; those of a purged connector are left out."""
        rows = self._postgres.rows(
            "SELECT connector, happened_at, old_text FROM gw.history AS moved"
            " WHERE strpos(changes, %s) > 0 AND old_text IS NOT NULL AND NOT EXISTS (SELECT FROM gw.history AS purged"
            " WHERE purged.connector = moved.connector AND purged.action = 'purged' AND purged.event > moved.event)"
            " ORDER BY event",
            [json.dumps(Rule.PATH_CHANGED.kind)],
        )
        return [Move(*row) for row in rows]

    def purged(self) -> list[str]:
        """List the connectors of which only the history is left."""
        rows = self._postgres.rows(
            "SELECT DISTINCT connector FROM gw.purged"
            " WHERE connector NOT IN (SELECT name FROM gw.connectors) ORDER BY connector"
        )
        return [name for (name,) in rows]

    def purged_revision(self, name: str) -> int:
        """Return the last revision of a purged connector, 0 if it was never purged."""
        sql = "SELECT coalesce(max(revision), 0) FROM gw.purged WHERE connector = %s"
        ((revision,),) = self._postgres.rows(sql, [name])
        return int(revision)
