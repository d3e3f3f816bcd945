"""PATCH and DELETE: filter and body -> new values of the rows that match -> those rows, or nothing."""

import functools

from falcon.asgi import Request, Response

from gateway.auth import permissions
from gateway.endpoints import reply
from gateway.endpoints.edit_request import EditRequest
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.methods import require_changes
from gateway.endpoints.negotiation import RequestHeaders
from gateway.endpoints.request_bodies import RequestBodies
from gateway.endpoints.services import Services
from gateway.ingest import payload
from gateway.query.render import render
from gateway.request_context import begin_stage
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
        """Receive new values, and set them in the rows that match."""
        headers = RequestHeaders.of_write(req)
        self._parse(endpoint, req, headers)  # Errors in the head are reported before the body is received.
        body, reservation = await self._bodies.receive(req, endpoint)
        with reservation:
            store = functools.partial(self._store, req=req, resp=resp, headers=headers, data=body.data)
            await self._live.retrying(endpoint, store)

    async def delete(self, endpoint: Endpoint, req: Request, resp: Response) -> None:
        """Delete the rows that match. A body has no meaning and is not received, although some clients send one."""
        headers = RequestHeaders.of_write(req)
        store = functools.partial(self._store, req=req, resp=resp, headers=headers, data=b"")
        await self._live.retrying(endpoint, store)

    def _parse(
        self, endpoint: Endpoint, req: Request, headers: RequestHeaders
    ) -> tuple[str | None, EditRequest]:
        """Parse the head of a request, and check its permissions."""
        require_changes(req, endpoint.connector, self._credentials)
        token = self._credentials.authorize(req.auth, endpoint.connector, "change")
        request = endpoint.edit_request(headers)
        if request.head.output is not None:
            permissions.require(token, endpoint.connector, "read")
        return token, request

    async def _store(
        self, endpoint: Endpoint, req: Request, resp: Response, headers: RequestHeaders, data: bytes
    ) -> None:
        """Apply the edit in one transaction, which also reads the rows of the response."""
        # Permissions may have changed while the body was received: the token's, or the connector's.
        token, request = self._parse(endpoint, req, headers)
        values = None if request.deletes else _values_of(data, endpoint, req, request)
        if values == {}:
            reply.edited(resp, NO_ROWS, request, b"[]")
            return

        def read_rows(receipt: Receipt, select: Select) -> bytes | None:
            statement = request.response_rows(receipt)
            return None if statement is None else render(statement, select, self._max_body)

        edit = Edit(endpoint.connector, request.selection, values, request.check_row_count, token)
        receipt, shown = await self._writer.call(
            lambda store: store.edit(edit, read_rows, is_rehearsal=request.head.is_rehearsal),
            endpoint.connector.name,
        )
        reply.edited(resp, receipt, request, shown)


def _values_of(data: bytes, endpoint: Endpoint, req: Request, request: EditRequest) -> dict[str, Json]:
    """Parse and validate the new values in the body of a PATCH."""
    begin_stage("check")
    value = payload.parse_object(data, req.content_type, endpoint.connector)
    return endpoint.validator.check_values(request.select_values(value))
