"""A connector being served: the way of a POST and the way of a GET."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass

from falcon.asgi import Request, Response

from gateway.connectors.connector import Connector
from gateway.errors import Code, GatewayError
from gateway.ingest import body, payload
from gateway.ingest.body import Body
from gateway.ingest.validation import Validator
from gateway.ingest.writer import Room, Writer
from gateway.query import dialect, statement
from gateway.query.render import Readers
from gateway.serve import access, reply
from gateway.serve.access import Credentials
from gateway.settings import Settings
from gateway.store.batch import Batch, Receipt

#: Where the shell keeps the ASGI receive of a request, for Falcon's own stream hides a broken-off body.
RECEIVE = "gateway.receive"

#: A body up to this size is checked on the event loop: a thread would take longer to start.
_SMALL = 4096
METHODS = ("OPTIONS", "GET", "HEAD", "POST")
_NO_ROWS = Receipt(None, 0, 0, 0, 0, None, None)


@dataclass(frozen=True, slots=True)
class Stages:
    """What every endpoint works with; made once, by `app.py`."""

    settings: Settings
    credentials: Credentials
    writer: Writer
    readers: Readers
    threads: Executor


class Endpoint:
    """A connector at its path. It never changes: an edited connector is another Endpoint."""

    def __init__(self, connector: Connector, stages: Stages) -> None:
        self.connector = connector
        self.validator = Validator(connector)
        self._stages = stages

    async def on_post(self, req: Request, resp: Response) -> None:
        """Body -> rows -> batch -> receipt."""
        token = self._stages.credentials.name_of(req.auth)
        access.require(token, self.connector, "ingest")
        _refuse_what_is_not_there(req)
        with self._stages.writer.admit(self._expected_bytes(req)) as room:
            received = await self._receive(req, room)
            batch = await self._check(received, req.content_type, token)
            reply.receipt(resp, await self._append(batch))

    async def on_get(self, req: Request, resp: Response) -> None:
        """Query string -> query -> statement -> rows."""
        token = self._stages.credentials.name_of(req.auth)
        access.require(token, self.connector, "read")
        media = reply.negotiate(req.accept)
        query = dialect.parse(req.query_string, self.connector)
        asked = statement.build(query, self.connector, media)
        reply.rows(resp, media, await self._stages.readers.open(asked))

    async def on_head(self, req: Request, resp: Response) -> None:
        """Answer as GET would, without the rows and without reading them."""
        token = self._stages.credentials.name_of(req.auth)
        access.require(token, self.connector, "read")
        media = reply.negotiate(req.accept)
        dialect.parse(req.query_string, self.connector)
        reply.head(resp, media)
        reply.without_length(resp)

    async def on_options(self, req: Request, resp: Response) -> None:
        """Tell the methods."""
        self._require_sight(req)
        resp.set_header("Allow", ", ".join(METHODS))

    async def on_other(self, req: Request, resp: Response) -> None:
        """Refuse a method that connectors do not have."""
        self._require_sight(req)
        allow = ", ".join(METHODS)
        message = f"{req.method} is not one of {allow}"
        raise GatewayError(Code.METHOD_NOT_ALLOWED, message, headers={"Allow": allow})

    def _require_sight(self, req: Request) -> None:
        token = self._stages.credentials.name_of(req.auth)
        if not access.sees(token, self.connector.access):
            raise access.unknown_endpoint(self.connector.path)

    def _expected_bytes(self, req: Request) -> int:
        most = self._stages.settings.max_body
        if req.content_length is not None and req.content_length > most:
            raise body.too_large(most)
        return req.content_length or 0

    async def _receive(self, req: Request, room: Room) -> Body:
        settings = self._stages.settings
        return await body.receive(
            body.chunks_of(req.scope[RECEIVE]),
            req.get_header("Content-Encoding"),
            limit=settings.max_body,
            take=room.take,
            seconds=settings.body_timeout,
            threads=self._stages.threads,
        )

    async def _check(self, received: Body, content_type: str | None, token: str | None) -> Batch:
        def check() -> Batch:
            media = payload.tell_media(content_type, received.data)
            rows = payload.parse(received.data, media, self.connector, self._stages.settings.max_row)
            return self.validator.check(rows, received_bytes=received.received_bytes, token=token)

        if len(received.data) <= _SMALL:
            return check()
        return await asyncio.get_running_loop().run_in_executor(self._stages.threads, check)

    async def _append(self, batch: Batch) -> Receipt:
        if not batch.table.num_rows:
            return _NO_ROWS
        # A client that leaves cancels this request, and must not cancel the commit.
        return await asyncio.shield(asyncio.wrap_future(self._stages.writer.append(batch)))


def _refuse_what_is_not_there(req: Request) -> None:
    """Refuse what would change the meaning of a POST if it were passed over."""
    if "=" in req.query_string:
        raise dialect.not_implemented(f"the query string '{req.query_string[:100]}' on POST")
    if "resolution=" in (req.get_header("Prefer") or ""):
        raise dialect.not_implemented("the preference 'resolution'")
