"""`/-/connectors`: the served connectors, with their row counts, batches, and schemas, as far as a token may see them."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from falcon.asgi import Request, Response

from gateway.admin.activity_report import HOUR, ActivityReports
from gateway.admin.visible_connectors import VisibleConnector, VisibleConnectors
from gateway.auth import permissions
from gateway.auth.permissions import Asker, Sight
from gateway.connectors.connector import Connector
from gateway.connectors.plan import FileState
from gateway.connectors.policy import BadRowLimit
from gateway.endpoints import reply
from gateway.endpoints.live import Live
from gateway.endpoints.services import Storage
from gateway.instants import rfc3339
from gateway.query import parameters
from gateway.store.batch import StoredBatch

MAX_BATCHES = 1000


class ConnectorsResource:
    """`/-/connectors` and the resources of one connector."""

    def __init__(
        self, connectors: VisibleConnectors, storage: Storage, live: Live, reports: ActivityReports
    ) -> None:
        self._connectors = connectors
        self._reports = reports
        self._storage = storage
        self._live = live

    async def on_get(self, req: Request, resp: Response) -> None:
        """List the connectors that the token may see; a viewer also sees removed ones whose rows are kept."""
        asker = self._connectors.asker(req)
        reply.json(resp, await self._live.settled(lambda: self._list(asker)))

    async def _list(self, asker: Asker) -> list[dict[str, Any]]:
        snapshot = self._live.snapshot
        states = {each.name: each.state for each in snapshot.outcomes if each.connector}
        known = {each.connector.name: (each.connector, each.sight) for each in self._connectors.all(asker)}
        if asker.views:
            gone = (removed.connector for removed in snapshot.gone.values())
            known |= {each.name: (each, permissions.sight_of(asker, each.access)) for each in gone}
        # Only what is shown is read: a request without a token must not cost a query of every table.
        counted = [connector for connector, sight in known.values() if sight.has_row_count]
        with_rejected = [name for name, (_, sight) in known.items() if sight.rejected_counts != "none"]
        has_batches = any(sight.batches != "none" for _, sight in known.values())
        token, reader = None if asker.views else asker.token, self._storage.reader
        watched = sorted(known) if asker.views else []
        rows, rejected, latest, activity = await self._storage.read_pool.call(
            lambda: (
                reader.counts(counted),
                reader.rejected.counts(with_rejected, token),
                reader.batches.latest(token) if has_batches else {},
                self._last_day(watched),
            )
        )
        return [
            {
                **_summary(connector, sight),
                **({"state": states.get(name, FileState.LIVE).value} if sight.has_state else {}),
                **_figures(sight, rows.get(name, 0), rejected.get(name, 0), latest.get(name)),
                **({"last_day": activity[name]} if name in activity else {}),
            }
            for name, (connector, sight) in sorted(known.items())
        ]

    def _last_day(self, names: Sequence[str]) -> dict[str, dict[str, int]]:
        """Return the activity of connectors since 24 hours before the start of this hour. It reads the store."""
        now = int(time.time())
        totals = self._reports.totals(names, now // HOUR * HOUR - 24 * HOUR, now + 1) if names else {}
        return {name: asdict(counts) | asdict(figures) for name, (counts, figures) in totals.items()}

    async def on_get_one(self, req: Request, resp: Response, name: str) -> None:
        """Describe a connector, with the counts and the last batch that the token may see."""
        reply.json(resp, await self._live.settled(lambda: self._describe(self._connectors.find(req, name))))

    async def _describe(self, found: VisibleConnector) -> dict[str, Any]:
        connector, sight, reader = found.connector, found.sight, self._storage.reader
        name, counted = connector.name, [connector] if sight.has_row_count else []
        with_rejected = [name] if sight.rejected_counts != "none" else []
        most_batches = 1 if sight.batches != "none" else 0
        rows, rejected, latest, hidden = await self._storage.read_pool.call(
            lambda: (
                reader.counts(counted),
                reader.rejected.counts(with_rejected, found.token_of(sight.rejected_counts)),
                reader.batches.newest(name, most_batches, found.token_of(sight.batches)),
                reader.definitions.hidden(connector) if sight.has_state else {},
            )
        )
        fields = [
            {
                "name": field.name,
                "type": field.type.name,
                "nullable": field.nullable,
                "description": field.description,
            }
            for field in connector.fields
        ]
        described = {
            **_summary(connector, sight),
            **_figures(sight, rows.get(name, 0), rejected.get(name, 0), latest[0] if latest else None),
            "fields": fields,
            "primary_key": list(connector.primary_key),
            "terms": _terms(connector),
        }
        if sight.has_state:
            described["hidden"] = [{"name": each, "type": type.name} for each, type in hidden.items()]
        return described

    async def on_get_schema(self, req: Request, resp: Response, name: str) -> None:
        """Respond with the JSON Schema of a row."""
        endpoint = self._connectors.find(req, name).endpoint
        reply.json(resp, endpoint.validator.published, content_type="application/schema+json")

    async def on_get_batches(self, req: Request, resp: Response, name: str) -> None:
        """List up to `?limit=` batches that the token may see, newest first."""
        found = self._connectors.find(req, name)
        found.require(found.sight.batches, "the batches")
        limit = parameters.whole_number(req.query_string, "limit", maximum=MAX_BATCHES, default=100)
        token = found.token_of(found.sight.batches)
        batches = await self._storage.read_pool.call(
            lambda: self._storage.reader.batches.newest(name, limit, token)
        )
        reply.json(resp, [_batch(each) for each in batches])


def _summary(connector: Connector, sight: Sight) -> dict[str, Any]:
    summary: dict[str, Any] = {"name": connector.name, "path": connector.path}
    if sight.has_state:
        summary["file"] = connector.file
    summary["description"] = connector.description
    if sight.has_state:
        summary["access"] = {verb: sorted(getattr(connector.access, verb)) for verb in permissions.VERBS}
    return {**summary, "permissions": [verb for verb in permissions.VERBS if verb in sight.verbs]}


def _figures(sight: Sight, rows: int, rejected: int, latest: StoredBatch | None) -> dict[str, Any]:
    """Return the counts and the last batch that an asker may see; the other members are left out."""
    figures: dict[str, Any] = {"rows": rows} if sight.has_row_count else {}
    if sight.rejected_counts != "none":
        figures["rejected"] = rejected
    if sight.batches != "none":
        figures["last_batch"] = _batch(latest) if latest else None
    return figures


def _terms(connector: Connector) -> dict[str, Any]:
    terms = connector.policy
    return {
        "on_conflict": terms.on_conflict if connector.primary_key else None,
        "on_invalid": terms.on_invalid,
        "keep_at_most": None if terms.keep_at_most == BadRowLimit() else str(terms.keep_at_most),
        "idempotency": "required" if terms.needs_key else "optional",
        "retention": asdict(terms.retention),
        "limits": asdict(terms.limits),
        "read_limit": terms.read_limit,
    }


def _batch(batch: StoredBatch) -> dict[str, Any]:
    return {
        "batch": batch.batch,
        "committed_at": rfc3339(batch.committed_at),
        "action": batch.action,
        "received": batch.received,
        "rows": batch.rows,
        "rejected": batch.rejected,
        "duplicates": batch.duplicates,
        "deleted": batch.deleted,
        "bytes": batch.bytes,
        "token": batch.token,
        "first_id": batch.first_id,
        "last_id": batch.last_id,
    }
