"""`/-/uploads` and `/-/draft`: files that are sent in slices, drafted to connector files, and loaded into connectors."""

from collections.abc import Mapping
from typing import Any

from falcon.asgi import Request, Response

from gateway.admin.json_body import json_body
from gateway.admin.upload_requests import ANNOUNCEMENT, Announcement, UploadRequests, choice_of, owner_of
from gateway.admin.visible_connectors import VisibleConnectors
from gateway.endpoints import reply
from gateway.endpoints.request_bodies import RequestBodies
from gateway.errors import Code, GatewayError
from gateway.query import parameters
from gateway.uploads.upload import Owner, ReadingOptions, UploadedFile
from gateway.uploads.uploads import KEPT_SECONDS, SLICE_BYTES

_TARGET = 'send {"connector": "orders"}'
_OFFSET_MAX = 2**53


class UploadsResource:
    """Uploads of the token in the Authorization header."""

    def __init__(
        self, requests: UploadRequests, connectors: VisibleConnectors, bodies: RequestBodies
    ) -> None:
        self._requests = requests
        self._connectors = connectors
        self._bodies = bodies

    async def on_get(self, req: Request, resp: Response) -> None:
        """List the uploads of a token, the latest first."""
        reply.json(resp, [body_of(each) for each in self._requests.all(self._owner(req))])

    async def on_post(self, req: Request, resp: Response) -> None:
        """Begin an upload of `{"name": …, "size": …, "connector": …}`."""
        asker = self._connectors.asker(req)
        owner = owner_of(asker)
        announced = Announcement.from_json(await json_body(req, self._bodies, ANNOUNCEMENT, SLICE_BYTES))
        upload = await self._requests.begin(asker, owner, announced)
        resp.set_header("Location", f"/-/uploads/{upload.id}")
        reply.json(resp, body_of(upload), status=200 if upload.received else 201)

    async def on_get_one(self, req: Request, resp: Response, upload: str) -> None:
        """Return how far an upload and its load are."""
        reply.json(resp, body_of(self._requests.find(self._owner(req), upload)))

    async def on_put_one(self, req: Request, resp: Response, upload: str) -> None:
        """Write the slice of an upload that begins at `?at=`."""
        reply.json(resp, body_of(await append(req, self._requests, self._bodies, self._owner(req), upload)))

    async def on_delete_one(self, req: Request, resp: Response, upload: str) -> None:
        """Delete an upload."""
        await self._requests.delete(self._owner(req), upload)
        resp.status = 204

    async def on_get_columns(self, req: Request, resp: Response, upload: str) -> None:
        """Compare the columns of an upload with the fields of `?connector=`."""
        asker = self._connectors.asker(req)
        name = req.get_param("connector", default="")
        _, check = await self._requests.check(asker, owner_of(asker), upload, name)
        reply.json(resp, check.body())

    async def on_post_draft(self, req: Request, resp: Response, upload: str) -> None:
        """Draft a connector file from an upload."""
        asker = self._connectors.asker(req)
        options = ReadingOptions.of(dict(parameters.parameters_of(req.query_string)))
        reply.json(resp, (await self._requests.draft(asker, owner_of(asker), upload, options)).body())

    async def on_post_load(self, req: Request, resp: Response, upload: str) -> None:
        """Load an upload into the connector of `{"connector": NAME}`, or continue its load."""
        asker = self._connectors.asker(req)
        owner = owner_of(asker)
        given = await json_body(req, self._bodies, _TARGET, SLICE_BYTES)
        if not isinstance(given, dict) or not isinstance(given.get("connector"), str):
            raise GatewayError(Code.BODY_INVALID, "the body does not name a connector", hint=_TARGET)
        started = await self._requests.start(asker, owner, upload, given["connector"], choice_of(given))
        reply.json(resp, body_of(started), status=202)

    async def on_post_cancel(self, req: Request, resp: Response, upload: str) -> None:
        """Stop the load of an upload after its present batch."""
        reply.json(resp, body_of(await self._requests.cancel(self._owner(req), upload)))

    def _owner(self, req: Request) -> Owner:
        return owner_of(self._connectors.asker(req))


class DraftResource:
    """`/-/draft`: the connector file of a file of rows, which is the body."""

    def __init__(
        self, requests: UploadRequests, connectors: VisibleConnectors, bodies: RequestBodies
    ) -> None:
        self._requests = requests
        self._connectors = connectors
        self._bodies = bodies

    async def on_post(self, req: Request, resp: Response) -> None:
        """Draft the connector file of a body with the name `?name=orders.csv`."""
        asker = self._connectors.asker(req)
        self._requests.require_target(asker, None)
        given = dict(parameters.parameters_of(req.query_string))
        if not given.get("name"):
            hint = "write ?name=orders.csv, the name of the file"
            raise GatewayError(Code.QUERY_INVALID, "the request does not name its file", hint=hint)
        data = await self._bodies.receive_whole(req)
        draft = await self._requests.draft_body(asker, given["name"], ReadingOptions.of(given), data)
        reply.json(resp, draft.body())


async def append(
    req: Request, requests: UploadRequests, bodies: RequestBodies, owner: Owner, id: str
) -> UploadedFile:
    """Receive a slice, and write it.

    Raises:
        GatewayError: There is no such upload, or the slice does not continue it.
    """
    requests.find(owner, id)
    at = parameters.whole_number(req.query_string, "at", maximum=_OFFSET_MAX, default=0)
    return await requests.append(owner, id, at, await bodies.receive_whole(req, SLICE_BYTES))


def body_of(upload: UploadedFile) -> Mapping[str, Any]:
    """Return an upload as JSON for clients."""
    return {**upload.body(), "slice_bytes": SLICE_BYTES, "kept_seconds": KEPT_SECONDS}
