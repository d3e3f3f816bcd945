"""`/-/plan`, and the history, copies, and purges of a connector."""

import asyncio
from typing import Any

from falcon.asgi import Request, Response

from gateway.admin.connector_history import MAX_EVENTS, ConnectorHistory
from gateway.admin.json_body import json_body
from gateway.admin.visible_connectors import VisibleConnectors
from gateway.auth import permissions
from gateway.connectors.directory import ConnectorFile
from gateway.connectors.name_patterns import NAME
from gateway.endpoints import reply
from gateway.endpoints.request_bodies import RequestBodies
from gateway.endpoints.services import Auth, Services
from gateway.errors import Code, GatewayError, unknown_connector
from gateway.instants import rfc3339
from gateway.query import parameters
from gateway.reload.authors import author_of
from gateway.reload.reload import Reload
from gateway.store.definition import Event
from gateway.strictjson import Json

_TARGET = 'send {"to": NAME}'
_FILES = 'send {"files": {"orders.yaml": "fields: …"}}'


class PlanResource:
    """`/-/plan`: the effects that connector files would have."""

    def __init__(self, auth: Auth, bodies: RequestBodies, reload: Reload) -> None:
        self._auth = auth
        self._bodies = bodies
        self._reload = reload

    async def on_post(self, req: Request, resp: Response) -> None:
        """Plan `{"files": {NAME: TEXT}}`, a whole directory, and add the names of the tokens; nothing is changed."""
        permissions.require_admin(self._auth.credentials.authenticate(req.auth))
        files = _files_of(await json_body(req, self._bodies, _FILES))
        preview = await asyncio.to_thread(self._reload.preview, files)
        reply.json(resp, {**preview, "token_names": self._auth.credentials.names})


class LifecycleResource:
    """The history of a connector, and copies and purges of its rows."""

    def __init__(
        self, connectors: VisibleConnectors, services: Services, bodies: RequestBodies, reload: Reload
    ) -> None:
        self._connectors = connectors
        self._history = ConnectorHistory(connectors, services.storage)
        self._figures = services.observed.figures
        self._bodies = bodies
        self._reload = reload

    async def on_get_history(self, req: Request, resp: Response, name: str) -> None:
        """List up to `?limit=` events of a connector, newest first, also of one that was removed.

        With `?at=` the list has only the last event up to an instant, whose `new` is the file as it was then.
        """
        asker = self._connectors.asker(req)
        at = dict(reversed(parameters.parameters_of(req.query_string))).get("at")
        if at is not None:
            event, _ = await self._history.version(asker, name, at)
            reply.json(resp, [_event(event)])
            return
        limit = parameters.whole_number(req.query_string, "limit", maximum=MAX_EVENTS, default=100)
        events = await self._history.read(asker, name, limit)
        reply.json(resp, [_event(each) for each in events])

    async def on_post_copy(self, req: Request, resp: Response, name: str) -> None:
        """Copy the rows into the connector of `{"to": NAME}`, which has none yet."""
        token = self._admin(req, name)
        given = await json_body(req, self._bodies, _TARGET)
        target = given.get("to") if isinstance(given, dict) else None
        if not isinstance(target, str):
            raise GatewayError(Code.BODY_INVALID, "the body does not name a connector", hint=_TARGET)
        receipt = await asyncio.to_thread(self._reload.duplicate, name, target, token)
        reply.json(resp, receipt.body(), status=201)

    async def on_post_purge(self, req: Request, resp: Response, name: str) -> None:
        """Delete the rows of a removed connector permanently."""
        token = self._admin(req, name)
        rows = await asyncio.to_thread(self._reload.purge, name, author_of(token or "", "api"))
        self._figures.forget(name)
        reply.json(resp, {"connector": name, "purged": rows})

    def _admin(self, req: Request, name: str) -> str | None:
        """Check that the admin token names a possible connector, and return the name of the token."""
        token = self._connectors.asker(req).token
        permissions.require_admin(token)
        _require_name(name)
        return token


def _require_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise unknown_connector(name)


def _files_of(given: Json) -> list[ConnectorFile]:
    files = given.get("files") if isinstance(given, dict) else None
    if not isinstance(files, dict) or not all(isinstance(text, str) for text in files.values()):
        raise GatewayError(Code.BODY_INVALID, "the body has no files", hint=_FILES)
    return [ConnectorFile.of(name, text.encode()) for name, text in sorted(files.items())]


def _event(event: Event) -> dict[str, Any]:
    return {
        "at": rfc3339(event.at),
        "action": event.action,
        "file": event.file,
        "revision": event.revision,
        "changes": event.changes,
        "old": event.old,
        "new": event.new,
        "by": event.by,
    }
