"""`/-/connectors`: the served connectors, with their row counts, batches, and schemas."""

from dataclasses import asdict
from typing import Any

from falcon.asgi import Request, Response

from gateway.auth import permissions
from gateway.connectors.connector import Connector
from gateway.connectors.connector_file import NAME
from gateway.connectors.plan import FileState
from gateway.connectors.policy import BadRowLimit
from gateway.endpoints import reply
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.live import Live
from gateway.endpoints.services import Auth, Storage
from gateway.errors import unknown_connector
from gateway.instants import rfc3339
from gateway.query import parameters
from gateway.store.batch import StoredBatch

MAX_BATCHES = 1000


class ConnectorsResource:
    """`/-/connectors` and the resources of one connector."""

    def __init__(self, auth: Auth, storage: Storage, live: Live) -> None:
        self._auth = auth
        self._storage = storage
        self._live = live

    async def on_get(self, req: Request, resp: Response) -> None:
        """List the connectors with their state, also removed ones whose rows are kept."""
        permissions.require_admin(self._auth.credentials.authenticate(req.auth))
        reply.json(resp, await self._live.settled(self._list))

    async def _list(self) -> list[dict[str, Any]]:
        snapshot = self._live.snapshot
        states = {each.name: each.state for each in snapshot.outcomes if each.connector}
        known = {name: each.connector for name, each in snapshot.gone.items()}
        known |= {name: each.connector for name, each in snapshot.endpoints.items()}
        counts, rejected, latest = await self._storage.read_pool.call(
            lambda: (
                self._storage.reader.counts(list(known.values())),
                self._storage.reader.rejected.counts(),
                self._storage.reader.batches.latest(),
            )
        )
        return [
            {
                **_summary(known[name]),
                "state": states.get(name, FileState.LIVE).value,
                "rows": counts[name],
                "rejected": rejected.get(name, 0),
                "last_batch": _batch(latest[name]) if name in latest else None,
            }
            for name in sorted(known)
        ]

    async def on_get_one(self, req: Request, resp: Response, name: str) -> None:
        """Describe a connector, with its row count, its last batch, and its hidden fields."""
        reply.json(resp, await self._live.settled(lambda: self._describe(req, name)))

    async def _describe(self, req: Request, name: str) -> dict[str, Any]:
        connector = self.find(req, name).connector
        rows, rejected, latest, hidden = await self._storage.read_pool.call(
            lambda: (
                self._storage.reader.counts([connector])[connector.name],
                self._storage.reader.rejected.counts(),
                self._storage.reader.batches.newest(name, 1),
                self._storage.reader.definitions.hidden(connector),
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
        return {
            **_summary(connector),
            "rows": rows,
            "rejected": rejected.get(name, 0),
            "last_batch": _batch(latest[0]) if latest else None,
            "fields": fields,
            "primary_key": list(connector.primary_key),
            "terms": _terms(connector),
            "hidden": [{"name": each, "type": type.name} for each, type in hidden.items()],
        }

    async def on_get_schema(self, req: Request, resp: Response, name: str) -> None:
        """Respond with the JSON Schema of a row."""
        endpoint = self.find(req, name)
        reply.json(resp, endpoint.validator.published, content_type="application/schema+json")

    async def on_get_batches(self, req: Request, resp: Response, name: str) -> None:
        """List up to `?limit=` batches, newest first."""
        self.find(req, name)
        limit = parameters.whole_number(req.query_string, "limit", maximum=MAX_BATCHES, default=100)
        batches = await self._storage.read_pool.call(lambda: self._storage.reader.batches.newest(name, limit))
        reply.json(resp, [_batch(each) for each in batches])

    def find(self, req: Request, name: str) -> Endpoint:
        """Find the endpoint of a connector for the admin token.

        Raises:
            GatewayError: The token is not the admin token, or the connector is unknown or removed.
        """
        permissions.require_admin(self._auth.credentials.authenticate(req.auth))
        snapshot = self._live.snapshot
        endpoint = snapshot.endpoints.get(name) if NAME.fullmatch(name) else None
        if endpoint is None and name in snapshot.gone:
            raise snapshot.gone[name].error()
        if endpoint is None:
            raise unknown_connector(name)
        return endpoint


def _summary(connector: Connector) -> dict[str, Any]:
    allowed = {verb: sorted(getattr(connector.access, verb)) for verb in ("ingest", "read", "change")}
    return {
        "name": connector.name,
        "path": connector.path,
        "file": connector.file,
        "description": connector.description,
        "access": allowed,
    }


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
