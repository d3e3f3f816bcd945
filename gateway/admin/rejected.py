"""Rejected rows under `/-/`: queried as the rows of any connector, checked, replayed, and discarded."""

import contextlib
from collections.abc import AsyncIterator, Mapping

from falcon.asgi import Request, Response

from gateway import strictjson
from gateway.admin.rejected_replay import RejectedReplay
from gateway.admin.rejected_rows import PART, RejectedRows, require_reason
from gateway.admin.visible_connectors import VisibleConnector, VisibleConnectors
from gateway.endpoints import reply
from gateway.endpoints.etag_cache import TaggedResponse
from gateway.endpoints.negotiation import RequestHeaders
from gateway.endpoints.request_bodies import RequestBodies
from gateway.endpoints.services import Services
from gateway.ingest import replay_body
from gateway.query.render import Rendering
from gateway.strictjson import Json


class RejectedResource:
    """`/-/connectors/NAME/rejected`, and the check, replay, and discard of its rows."""

    def __init__(self, connectors: VisibleConnectors, services: Services) -> None:
        self._connectors = connectors
        self._rows = RejectedRows(services.storage)
        self._replay = RejectedReplay(services.storage, services.intake, services.live)
        self._bodies = RequestBodies(services)

    async def on_get(self, req: Request, resp: Response, name: str) -> None:
        """List rejected rows; filters, order, and pages work as for the rows of a connector."""
        found = self._connectors.find(req, name)
        read, rendering = await self._rows.read(found, RequestHeaders.of_read(req))
        headers = read.headers(rendering, None)
        reply.rows(resp, TaggedResponse(read.status(rendering), headers, rendering.whole or b""), rendering)

    async def on_head(self, req: Request, resp: Response, name: str) -> None:
        """Respond as to a GET, without the rows."""
        await self.on_get(req, resp, name)
        if isinstance(resp.stream, Rendering):
            await resp.stream.close()

    async def on_get_summary(self, req: Request, resp: Response, name: str) -> None:
        """Count rejected rows by state, and those of a filter by field and code; by default those that are kept."""
        found = self._connectors.find(req, name)
        reply.json(resp, await self._rows.summary(found, req.query_string))

    async def on_post_replay(self, req: Request, resp: Response, name: str) -> None:
        """Validate rejected rows by the current schema and store them: all kept rows, those of a filter, or edited rows."""
        async with self._edited(req, name) as (found, edited):
            receipt = await self._replay.replay(found, req.query_string, edited)
        reply.json(resp, receipt.body(), status=receipt.status)

    async def on_post_check(self, req: Request, resp: Response, name: str) -> None:
        """Validate rejected rows as a replay would, and store nothing."""
        async with self._edited(req, name) as (found, edited):
            checked = await self._replay.check(found, req.query_string, edited)
        reply.json(resp, checked.body())

    async def on_post_discard(self, req: Request, resp: Response, name: str) -> None:
        """Mark the kept rows of a filter as discarded, for the reason in `{"reason": …}`."""
        self._settler(req, name)
        reason = _reason(await self._bodies.receive_whole(req))
        found = self._connectors.find(req, name)
        reply.json(resp, await self._rows.discard(found, req.query_string, reason))

    @contextlib.asynccontextmanager
    async def _edited(
        self, req: Request, name: str
    ) -> AsyncIterator[tuple[VisibleConnector, Mapping[int, Json]]]:
        """Receive the edited rows of a body, and hold its memory until the end of the block."""
        found = self._settler(req, name)
        body, reservation = await self._bodies.receive(req, found.endpoint)
        with reservation:
            edited = replay_body.parse(body.data, found.connector)
            # Permissions may have changed while the body was received.
            yield self._connectors.require(req, found.endpoint), edited

    def _settler(self, req: Request, name: str) -> VisibleConnector:
        """Find a connector whose rejected rows the asker may replay and discard.

        Raises:
            GatewayError: 401 or 403, it may not.
        """
        found = self._connectors.find(req, name)
        found.require(found.sight.settles, PART)
        return found


def _reason(data: bytes) -> str:
    try:
        given = strictjson.read(data)
    except ValueError:
        given = None
    return require_reason(given.get("reason") if isinstance(given, dict) else None)
