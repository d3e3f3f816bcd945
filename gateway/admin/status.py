"""`/-/status`, `/-/reload`, and the schema of connector files."""

import asyncio

from falcon.asgi import Request, Response

from gateway.admin.status_report import StatusReports
from gateway.auth import permissions
from gateway.connectors.file_schema import FILE_SCHEMA
from gateway.endpoints import reply
from gateway.endpoints.services import Auth
from gateway.reload.watch import Watch


class FileSchemaResource:
    """`/-/schema/connector.json`: the JSON Schema of a connector file, for editors."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Respond with the JSON Schema of a connector file."""
        reply.json(resp, FILE_SCHEMA, content_type="application/schema+json")


class StatusResource:
    """`/-/status`: the state of every connector file, and the resources of the gateway."""

    def __init__(self, auth: Auth, reports: StatusReports) -> None:
        self._credentials = auth.credentials
        self._reports = reports

    async def on_get(self, req: Request, resp: Response) -> None:
        """List the files with their states and findings."""
        asker = self._credentials.asker(req.auth)
        permissions.require_view(asker)
        reply.json(resp, self._reports.body(asker))


class ReloadResource:
    """`/-/reload`: reads the directory immediately."""

    def __init__(self, watch: Watch, reports: StatusReports, auth: Auth) -> None:
        self._watch = watch
        self._reports = reports
        self._auth = auth

    async def on_post(self, req: Request, resp: Response) -> None:
        """Apply the connector files, and respond with the status once they are live."""
        asker = self._auth.credentials.asker(req.auth)
        permissions.require_admin(asker.token)
        await asyncio.to_thread(self._read_again)
        reply.json(resp, self._reports.body(asker))

    def _read_again(self) -> None:
        self._auth.credentials.refresh()
        self._watch.scan(again=True)
