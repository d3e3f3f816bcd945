"""GET and HEAD: query string -> query -> statement -> rows, or the cached response while the rows are the same."""

import functools

from falcon.asgi import Request, Response

from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.negotiation import RequestHeaders
from gateway.endpoints.services import Services
from gateway.request_context import begin_stage


class Reads:
    """Answers GET and HEAD; HEAD answers as GET would, without the rows. Belongs to the event loop."""

    def __init__(self, services: Services) -> None:
        self._credentials = services.auth.credentials
        self._live = services.live

    async def answer(self, endpoint: Endpoint, req: Request, resp: Response) -> None:
        """Answer with the rows that a request asks for."""
        await self._live.retrying(endpoint, functools.partial(self._read, req=req, resp=resp))

    async def _read(self, endpoint: Endpoint, req: Request, resp: Response) -> None:
        begin_stage("parse")
        token = self._credentials.authorize(req.auth, endpoint.connector, "read")
        await endpoint.retrieval.answer(req, resp, endpoint.read_request(RequestHeaders.of_read(req)), token)
