"""PATCH and DELETE: filter and body -> new values of the rows that match -> those rows, or nothing."""

from falcon.asgi import Request, Response

from gateway.auth import permissions
from gateway.endpoints import reply
from gateway.endpoints.edit_request import EditRequest
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.intake import RequestBodies
from gateway.endpoints.methods import authorize_write
from gateway.endpoints.negotiation import RequestHeaders
from gateway.endpoints.services import Services
from gateway.ingest import payload
from gateway.query.render import render
from gateway.store.batch import NO_ROWS, Receipt
from gateway.store.edit import Edit
from gateway.store.interface import Select
from gateway.strictjson import Json


class Edits:
    """Answers PATCH and DELETE. Belongs to the event loop."""

    def __init__(self, services: Services) -> None:
        self._credentials = services.auth.credentials
        self._bodies = RequestBodies(services)
        self._writer = services.storage.writer
        self._max_body = services.intake.settings.max_body
        self._live = services.live

    async def patch(self, endpoint: Endpoint, req: Request, resp: Response) -> None:
        """Receive new values, and give them to the rows that match."""
        self._parse(endpoint, req)  # Its errors are best told before the body comes.
        with self._bodies.reserve(req, endpoint) as room:
            received = await self._bodies.receive(req, room, endpoint)
            await self._live.retrying(endpoint, lambda each: self._store(each, req, resp, received.data))

    async def delete(self, endpoint: Endpoint, req: Request, resp: Response) -> None:
        """Delete the rows that match. A body, which some clients send, has no meaning and is not received."""
        await self._live.retrying(endpoint, lambda each: self._store(each, req, resp, b""))

    def _parse(self, endpoint: Endpoint, req: Request) -> tuple[str | None, EditRequest]:
        """Authorize a request and parse its head, or raise."""
        token = authorize_write(req, endpoint.connector, self._credentials, "change")
        filtered = EditRequest.of(endpoint.connector, RequestHeaders.of_write(req))
        if filtered.head.output is not None:
            permissions.require(token, endpoint.connector, "read")
        return token, filtered

    async def _store(self, endpoint: Endpoint, req: Request, resp: Response, data: bytes) -> None:
        """Change or delete rows in one transaction, which also reads the rows of the response."""
        # Rights may have changed while the body came: those of the token, or the connector that gives them.
        token, filtered = self._parse(endpoint, req)
        values = None if filtered.deletes else _values_of(data, endpoint, req, filtered)
        if values == {}:
            reply.edited(resp, NO_ROWS, filtered, b"[]")
            return

        def look(receipt: Receipt, select: Select) -> bytes | None:
            shown = filtered.shown(receipt)
            return None if shown is None else render(shown, select, self._max_body)

        edit = Edit(endpoint.connector, filtered.selection, values, filtered.check, token)
        receipt, shown = await self._writer.call(
            lambda store: store.edit(edit, look, is_rehearsal=filtered.head.is_rehearsal),
            endpoint.connector.name,
        )
        reply.edited(resp, receipt, filtered, shown)


def _values_of(data: bytes, endpoint: Endpoint, req: Request, filtered: EditRequest) -> dict[str, Json]:
    """Parse and validate the values that a PATCH gives to rows."""
    value = payload.parse_object(data, req.content_type, endpoint.connector)
    return endpoint.validator.check_values(filtered.taken(value))
