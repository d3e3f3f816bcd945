"""`/-/status`, `/-/reload`, and the schema of connector files."""

import asyncio
from dataclasses import asdict
from typing import Any

from falcon.asgi import Request, Response

from gateway import __version__
from gateway.auth import permissions
from gateway.auth.credentials import Credentials
from gateway.connectors.file_schema import FILE_SCHEMA
from gateway.connectors.plan import FileState, Outcome
from gateway.endpoints import reply
from gateway.endpoints.live import Live
from gateway.endpoints.services import Auth, Storage
from gateway.reload.watch import Watch
from gateway.resources import Disk, Resources


class FileSchemaResource:
    """`/-/schema/connector.json`: the JSON Schema of a connector file, for editors."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Respond with the JSON Schema of a connector file."""
        reply.json(resp, FILE_SCHEMA, content_type="application/schema+json")


class StatusResource:
    """`/-/status`: the state of every connector file, and the resources of the gateway."""

    def __init__(self, auth: Auth, storage: Storage, disk: Disk, live: Live, resources: Resources) -> None:
        self._live = live
        self._credentials = auth.credentials
        self._resources, self._disk = resources, disk
        self._store_id = storage.reader.id

    async def on_get(self, req: Request, resp: Response) -> None:
        """List the files with their states and findings."""
        permissions.require_view(self._credentials.asker(req.auth))
        reply.json(resp, self.body())

    def body(self) -> dict[str, Any]:
        """Return the live snapshot as JSON."""
        snapshot = self._live.snapshot
        return {
            "version": __version__,
            "generation": snapshot.generation,
            "store": {"id": self._store_id},
            "source": {"path": snapshot.source, "problem": snapshot.source_problem},
            "files": [file_body(outcome, self._credentials) for outcome in snapshot.outcomes],
            "passed_over": [finding.body() for finding in snapshot.passed_over],
            "tokens": [finding.body() for finding in self._credentials.findings],
            "resources": asdict(self._resources),
            "disk": {"free": self._disk.free, "reserve": self._disk.reserve, "full": self._disk.is_full},
        }


def file_body(outcome: Outcome, credentials: Credentials) -> dict[str, Any]:
    """Return the state of a connector file as JSON, with the names in its `access` that no token has."""
    connector = outcome.connector
    findings = outcome.findings
    if connector and outcome.state in (FileState.LIVE, FileState.LAST_GOOD):
        findings += credentials.find_unknown_names(connector, is_as_written=outcome.state is FileState.LIVE)
    return {
        "file": outcome.file,
        "state": outcome.state.value,
        "connector": outcome.name,
        "path": connector.path if connector else None,
        "findings": [finding.body() for finding in findings],
    }


class ReloadResource:
    """`/-/reload`: reads the directory immediately."""

    def __init__(self, watch: Watch, status: StatusResource, auth: Auth) -> None:
        self._watch = watch
        self._status = status
        self._auth = auth

    async def on_post(self, req: Request, resp: Response) -> None:
        """Apply the connector files, and respond with the status once they are live."""
        permissions.require_admin(self._auth.credentials.authenticate(req.auth))
        await asyncio.to_thread(self._read_again)
        reply.json(resp, self._status.body())

    def _read_again(self) -> None:
        self._auth.credentials.refresh()
        self._watch.scan(again=True)
