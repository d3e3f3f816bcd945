"""The operating plane: everything under `/-/`."""

import asyncio
from dataclasses import asdict
from typing import Any

from falcon.asgi import App, Request, Response

from gateway import __version__
from gateway.admin import docs
from gateway.auth import permissions
from gateway.connectors.connector import Connector
from gateway.connectors.connector_file import NAME
from gateway.connectors.file_schema import FILE_SCHEMA
from gateway.connectors.plan import FileState, Outcome
from gateway.connectors.policy import BadRowLimit
from gateway.endpoints import reply
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.live import Live
from gateway.endpoints.services import Auth, Services, Storage
from gateway.errors import Code, GatewayError
from gateway.query import parameters
from gateway.reload.watch import Watch
from gateway.resources import Disk, Resources
from gateway.store.batch import StoredBatch

MAX_BATCHES = 1000


def add_routes(app: App[Any, Any], *, services: Services, resources: Resources, watch: Watch) -> "Served":
    """Add the operating plane to the Falcon app, and return what finds connectors there."""
    auth, storage, live = services.auth, services.storage, services.live
    status = Status(auth, storage, services.intake.disk, live, resources)
    app.add_route("/-/healthy", Healthy())
    app.add_route("/-/ready", Ready(live))
    app.add_route("/-/schema/connector.json", FileSchema())
    docs.add_routes(app)
    app.add_route("/-/status", status)
    app.add_route("/-/reload", Reloading(watch, status, auth))
    served = Served(auth, storage, live)
    app.add_route("/-/connectors", served)
    app.add_route("/-/connectors/{name}", served, suffix="one")
    app.add_route("/-/connectors/{name}/schema", served, suffix="schema")
    app.add_route("/-/connectors/{name}/batches", served, suffix="batches")
    return served


class Healthy:
    """`/-/healthy`: the process answers."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Say so."""
        reply.json(resp, {"healthy": True, "version": __version__})


class Ready:
    """`/-/ready`: the store is open and the connectors have been read once."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def on_get(self, req: Request, resp: Response) -> None:
        """Say which snapshot is live. Until there is one, the shell answers 503."""
        snapshot = self._live.snapshot
        reply.json(
            resp, {"ready": True, "generation": snapshot.generation, "connectors": len(snapshot.endpoints)}
        )


class FileSchema:
    """`/-/schema/connector.json`: the JSON Schema of a connector file, for editors."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Give it."""
        reply.json(resp, FILE_SCHEMA, content_type="application/schema+json")


class Status:
    """`/-/status`: what became of every file, and what the machine gives."""

    def __init__(self, auth: Auth, storage: Storage, disk: Disk, live: Live, resources: Resources) -> None:
        self._live = live
        self._credentials = auth.credentials
        self._resources, self._disk = resources, disk
        self._store_id = storage.reader.id

    async def on_get(self, req: Request, resp: Response) -> None:
        """List the files with their states and findings."""
        permissions.require_admin(self._credentials.name_of(req.auth))
        reply.json(resp, self.body())

    def body(self) -> dict[str, Any]:
        """Give the live snapshot as JSON."""
        snapshot = self._live.snapshot
        return {
            "version": __version__,
            "generation": snapshot.generation,
            "store": {"id": self._store_id},
            "source": {"path": snapshot.source, "problem": snapshot.source_problem},
            "files": [self._file(outcome) for outcome in snapshot.outcomes],
            "passed_over": [finding.body() for finding in snapshot.passed_over],
            "tokens": [finding.body() for finding in self._credentials.findings],
            "resources": asdict(self._resources),
            "disk": {"free": self._disk.free, "reserve": self._disk.reserve, "full": self._disk.is_full},
        }

    def _file(self, outcome: Outcome) -> dict[str, Any]:
        connector = outcome.connector
        findings = outcome.findings
        if connector and outcome.state in (FileState.LIVE, FileState.LAST_GOOD):
            findings += self._credentials.unknown(connector, is_as_written=outcome.state is FileState.LIVE)
        return {
            "file": outcome.file,
            "state": outcome.state.value,
            "connector": outcome.name,
            "path": connector.path if connector else None,
            "findings": [finding.body() for finding in findings],
        }


class Reloading:
    """`/-/reload`: read the directory now."""

    def __init__(self, watch: Watch, status: Status, auth: Auth) -> None:
        self._watch = watch
        self._status = status
        self._auth = auth

    async def on_post(self, req: Request, resp: Response) -> None:
        """Show what the directory holds, and answer with the findings once it is live."""
        permissions.require_admin(self._auth.credentials.name_of(req.auth))
        await asyncio.to_thread(self._read_again)
        reply.json(resp, self._status.body())

    def _read_again(self) -> None:
        self._auth.credentials.refresh()
        self._watch.scan(again=True)


class Served:
    """`/-/connectors`: the connectors that are served."""

    def __init__(self, auth: Auth, storage: Storage, live: Live) -> None:
        self._auth = auth
        self._storage = storage
        self._live = live

    async def on_get(self, req: Request, resp: Response) -> None:
        """List them, and those that were removed while their rows are kept, each with its state."""
        permissions.require_admin(self._auth.credentials.name_of(req.auth))
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
        """Describe one, with its record count, its last batch, and the fields that are kept out of sight."""
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
        """Give the JSON Schema that each row must satisfy."""
        endpoint = self.find(req, name)
        reply.json(resp, endpoint.validator.published, content_type="application/schema+json")

    async def on_get_batches(self, req: Request, resp: Response, name: str) -> None:
        """List the latest batches, newest first; `?limit=` says how many."""
        self.find(req, name)
        limit = parameters.whole_number(req.query_string, "limit", most=MAX_BATCHES, default=100)
        batches = await self._storage.read_pool.call(lambda: self._storage.reader.batches.newest(name, limit))
        reply.json(resp, [_batch(each) for each in batches])

    def find(self, req: Request, name: str) -> Endpoint:
        """Find the endpoint of a connector for the admin token, or raise."""
        permissions.require_admin(self._auth.credentials.name_of(req.auth))
        snapshot = self._live.snapshot
        endpoint = snapshot.endpoints.get(name) if NAME.fullmatch(name) else None
        if endpoint is None and name in snapshot.gone:
            raise snapshot.gone[name].error()
        if endpoint is None:
            raise GatewayError(
                Code.ENDPOINT_UNKNOWN, f"there is no connector {name[:80]!r}", hint="see /-/connectors"
            )
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
    terms = connector.terms
    return {
        "on_conflict": terms.on_conflict if connector.primary_key else None,
        "on_invalid": terms.on_invalid,
        "keep_at_most": None if terms.keep_at_most == BadRowLimit() else str(terms.keep_at_most),
        "idempotency": "required" if terms.key_required else "optional",
        "retention": asdict(terms.retention),
        "limits": asdict(terms.limits),
        "read_limit": terms.read_limit,
    }


def _batch(batch: StoredBatch) -> dict[str, Any]:
    return {
        "batch": batch.batch,
        "committed_at": batch.committed_at.isoformat().replace("+00:00", "Z"),
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
