"""Request bodies: memory is reserved before a body is received, and the body is decoded while it comes."""

from collections.abc import Callable

from falcon.asgi import Request

from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.services import Services
from gateway.errors import Code, GatewayError
from gateway.ingest import body
from gateway.ingest.arrival import Pace
from gateway.ingest.body import Body
from gateway.ingest.memory_budget import Reservation
from gateway.request_context import current


class RequestBodies:
    """Receives the bodies of requests. Belongs to the event loop."""

    def __init__(self, services: Services) -> None:
        self._writer = services.storage.writer
        self._spool = services.caches.spool
        self._parse_pool = services.intake.parse_pool
        self._max_body = services.intake.settings.max_body
        self._pace = Pace(services.intake.settings.body_timeout, services.intake.settings.body_rate)

    def reserve(self, req: Request, endpoint: Endpoint) -> Reservation:
        """Reserve memory for the body of a request to an endpoint.

        Raises:
            GatewayError: 413 if its declared length is over the limit; 503 or 507 with `Retry-After` if memory or
                disk is full.
        """
        size = req.content_length or 0
        if size > self._max_body:
            raise body.too_large(self._max_body)
        try:
            return self._writer.reserve(size, endpoint.connector.name)
        except GatewayError as error:
            if error.code is Code.DISK_FULL:
                self._spool.evict_unused()
            raise

    async def receive(self, req: Request, reservation: Reservation, endpoint: Endpoint) -> Body:
        """Receive and decode a body within its reservation, which grows with what is decoded.

        Raises:
            GatewayError: The body is too large, too slow, incomplete, or its encoding is unknown or corrupt.
        """
        return await self._receive(req, reservation.grow, endpoint.connector.name)

    async def receive_whole(self, req: Request) -> bytes:
        """Receive the body of a request under `/-/`, without a reservation; it raises what `receive` does."""
        return (await self._receive(req, lambda _: None, "")).data

    async def _receive(self, req: Request, grow: Callable[[int], None], connector: str) -> Body:
        return await body.receive(
            current.get().receive,
            req.get_header("Content-Encoding"),
            limit=self._max_body,
            grow=grow,
            pace=self._pace,
            threads=self._parse_pool.executor_for(connector),
        )
