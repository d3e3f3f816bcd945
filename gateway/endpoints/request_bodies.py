"""Request bodies: memory is reserved before a body is received, and the body is decoded while it comes."""

import functools
from collections.abc import Callable

from falcon.asgi import Request

from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.services import Services
from gateway.errors import Code, GatewayError
from gateway.ingest import body
from gateway.ingest.arrival import Pace
from gateway.ingest.body import Body
from gateway.ingest.memory_budget import Reservation
from gateway.request_context import begin_stage, current, end_stage


class RequestBodies:
    """Receives the bodies of requests. Belongs to the event loop."""

    def __init__(self, services: Services) -> None:
        self._writer = services.storage.writer
        self._spool = services.caches.spool
        self._parse_pool = services.intake.parse_pool
        self._max_body = services.intake.settings.max_body
        self._pace = Pace(services.intake.settings.body_timeout, services.intake.settings.body_rate)

    async def receive(self, req: Request, endpoint: Endpoint) -> tuple[Body, Reservation]:
        """Receive and decode the body of a request to an endpoint.

        Returns:
            The body, and its memory, which the caller releases by leaving the reservation's context.

        Raises:
            GatewayError: The body is too large, too slow, incomplete, or its encoding is unknown or corrupt; 503 or 507
                with `Retry-After` if memory or disk is full.
        """
        begin_stage("body")
        connector = endpoint.connector.name
        reservation = self._reserve(req.content_length or 0, connector)
        try:
            received = await self._receive(req, reservation.grow, connector)
        except BaseException:
            reservation.release(is_stored=False)
            raise
        end_stage()
        return received, reservation

    def _reserve(self, size: int, connector: str) -> Reservation:
        if size > self._max_body:
            raise body.too_large(self._max_body)
        try:
            return self._writer.reserve(size, connector)
        except GatewayError as error:
            if error.code is Code.DISK_FULL:
                self._spool.evict_unused()
            raise

    async def receive_whole(self, req: Request, limit: int | None = None) -> bytes:
        """Receive the body of a request under `/-/`, without a reservation; it raises what `receive` does.

        Args:
            req: The request.
            limit: The most bytes that it may have, if that is not `GATEWAY_MAX_BODY`.
        """
        return (await self._receive(req, None, "", limit)).data

    async def _receive(
        self, req: Request, grow: Callable[[int], None] | None, connector: str, limit: int | None = None
    ) -> Body:
        return await body.receive(
            current.get().receive,
            req.get_header("Content-Encoding"),
            limit=limit or self._max_body,
            grow=grow,
            pace=self._pace,
            run=functools.partial(self._parse_pool.call, connector=connector),
        )
