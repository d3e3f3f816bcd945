"""OpenAPI documents of what the asker may see: of all connectors, of one, and at `/` for the clients that look there."""

from falcon.asgi import Request, Response

from gateway.admin.openapi_documents import DocumentKey, OpenApiDocuments, Seen
from gateway.admin.visible_connectors import VisibleConnectors
from gateway.auth.permissions import Asker
from gateway.endpoints import negotiation, preconditions
from gateway.endpoints.live import Live, Snapshot
from gateway.endpoints.services import Auth
from gateway.errors import Code, GatewayError
from gateway.media_types import Media

_JSON, _OPENAPI = "application/json", "application/openapi+json"
_VARY = "Authorization, Cookie, Accept, Accept-Encoding"


class OpenApiResource:
    """`/-/openapi.json`, `/-/connectors/NAME/openapi.json`, and `/`. Belongs to the event loop."""

    def __init__(self, auth: Auth, live: Live, connectors: VisibleConnectors) -> None:
        self._auth = auth
        self._live = live
        self._connectors = connectors
        self._documents = OpenApiDocuments(live)
        self._seen_in: Snapshot | None = None
        self._seen: dict[Asker, Seen] = {}

    async def on_get(self, req: Request, resp: Response) -> None:
        """Respond with the document of every connector that the asker may see."""
        await self._respond(req, resp, DocumentKey(self._seen_by(self._auth.asker_of(req)), "../"))

    async def on_get_root(self, req: Request, resp: Response) -> None:
        """Respond with the same at `/`, where clients of PostgREST look for it. Outside `/-/` no cookie counts."""
        asker = self._auth.credentials.asker(req.auth)
        if not req.client_accepts(_JSON) and not req.client_accepts(_OPENAPI):
            message = f"'{req.accept[:200]}' accepts nothing of {_OPENAPI}, {_JSON}"
            raise GatewayError(Code.NOT_ACCEPTABLE, message, hint="send Accept: */*")
        await self._respond(req, resp, DocumentKey(self._seen_by(asker), "./"))

    async def on_get_one(self, req: Request, resp: Response, name: str) -> None:
        """Respond with the document of one connector."""
        found = self._connectors.find_for(self._auth.asker_of(req), name)
        await self._respond(req, resp, DocumentKey(((name, found.sight.verbs),), "../../../", name))

    on_head, on_head_root, on_head_one = on_get, on_get_root, on_get_one

    def _seen_by(self, asker: Asker) -> Seen:
        """Return the connectors that an asker may see, each with its verbs."""
        snapshot = self._live.snapshot
        if snapshot is not self._seen_in:
            self._seen_in, self._seen = snapshot, {}
        if asker not in self._seen:
            self._seen[asker] = tuple(
                (each.connector.name, each.sight.verbs) for each in self._connectors.all(asker)
            )
        return self._seen[asker]

    async def _respond(self, req: Request, resp: Response, key: DocumentKey) -> None:
        written = await self._documents.find(key)
        etag = f'"{written.digest}"'
        resp.set_headers({"Cache-Control": "private, no-cache", "ETag": f"W/{etag}", "Vary": _VARY})
        if preconditions.matches(req.get_header("If-None-Match"), etag):
            resp.status = 304
            return
        resp.content_type = f"{req.client_prefers((_JSON, _OPENAPI)) or _JSON}; charset=utf-8"
        if negotiation.coding_of(req.get_header("Accept-Encoding"), Media.JSON, ("gzip",)):
            resp.set_header("Content-Encoding", "gzip")
            resp.data = written.compressed
        else:
            resp.data = await self._documents.plain(written)
