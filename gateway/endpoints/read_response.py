"""Retrieval: answer a parsed GET or HEAD with a whole body, a byte range, or headers only."""

from falcon.asgi import Request, Response

from gateway.endpoints import preconditions, range_header, reply
from gateway.endpoints.etag_cache import TaggedResponse
from gateway.endpoints.range_header import ByteRange
from gateway.endpoints.range_sessions import RangeClient
from gateway.endpoints.read_request import ReadRequest
from gateway.endpoints.request_cache import RequestCache
from gateway.endpoints.response_bodies import ResponseBodies
from gateway.endpoints.spooled_body import SpooledBody
from gateway.request_context import begin_stage
from gateway.store.interface import Version


class Retrieval:
    """Answers the reads of one connector. Belongs to the event loop."""

    def __init__(self, bodies: ResponseBodies, request_cache: RequestCache) -> None:
        """Bind the connector's bodies and its request cache."""
        self._bodies = bodies
        self._range_sessions = bodies.spool.range_sessions
        self._request_cache = request_cache

    async def answer(self, req: Request, resp: Response, read: ReadRequest, token: str | None) -> None:
        """Answer an authorized GET or HEAD."""
        begin_stage("cache")
        part = range_header.parse(req.get_header("Range")) if req.method == "GET" else None
        if part and await self._answer_part(req, resp, read, part):
            return
        etag = read.etag(self._bodies.version)
        preconditions.require(req.get_header("If-Match"), etag)
        if preconditions.matches(req.get_header("If-None-Match"), etag):
            reply.minimal(resp, 304, read.validators(etag))
        elif req.method == "HEAD":
            await self._answer_head(req, resp, read)
        else:
            await self._answer_whole(req, resp, read, token)

    async def _answer_whole(self, req: Request, resp: Response, read: ReadRequest, token: str | None) -> None:
        """Send a whole body from memory, from the spool, or from the database."""
        version = self._bodies.version
        etag = read.etag(version)
        answer, body = self._bodies.find_in_memory(read, version), None
        if version is not None and etag and answer:
            reply.whole(resp, answer)
            self._request_cache.mark_cacheable(token, version, etag)
        elif read.coding is None and (body := self._bodies.find_spooled(read, version)):
            reply.spooled(resp, body)
        else:
            answer, rendering = await self._bodies.rendered(read, version)
            reply.rows(resp, answer, rendering)
        self._record_whole_body(req, read, version, answer)

    async def _answer_head(self, req: Request, resp: Response, read: ReadRequest) -> None:
        """Send the headers of a whole body, and spool it: a client that asks for its size is about to read it.

        A compressed body has no byte ranges. A body that does not fit in the spool has no Content-Length.
        """
        body = self._bodies.spool.find(read.etag(self._bodies.version), read.fingerprint)
        if body is None and read.coding is None:
            body = await self._bodies.spooled_if_fits(read)
        body = body or await self._answer_head_alone(req, resp, read)
        if body:
            self._range_sessions.begin(_client(req, read), _port(req), body, None)
            reply.spooled(resp, body, has_body=False)

    async def _answer_head_alone(self, req: Request, resp: Response, read: ReadRequest) -> SpooledBody | None:
        """Send the headers of a body without byte ranges; return the body instead if it proves uncompressed."""
        version = self._bodies.version
        answer, rendering = self._bodies.find_in_memory(read, version), None
        if answer is None:
            answer, rendering = await self._bodies.rendered(read, version)
        is_whole = rendering is None or rendering.whole is not None
        if is_whole and read.coding and "ETag" in answer.headers and not answer.is_compressed:
            return await self._bodies.store_in_spool(read, answer)
        self._record_whole_body(req, read, version, answer)
        if rendering is None:
            reply.whole(resp, answer)
        else:
            reply.rows(resp, answer, rendering)
            await rendering.close()
        return None

    def _record_whole_body(
        self, req: Request, read: ReadRequest, version: Version | None, answer: TaggedResponse | None
    ) -> None:
        """Record which body a client is sent, under the ETag that its ranges have; None if it is unknown."""
        if answer is None:
            etag = read.etag(version)
        else:
            etag = read.etag(answer.version, is_plain=answer.is_compressed)
        self._range_sessions.record_whole_body(_client(req, read), etag)

    async def _answer_part(self, req: Request, resp: Response, read: ReadRequest, part: ByteRange) -> bool:
        """Send a byte range; return False if If-Range requires the whole body."""
        if_range, if_match = req.get_header("If-Range"), req.get_header("If-Match")
        if if_range is not None:
            body = await self._find_if_range(read, part, if_range)
            if body is None:
                return False
        else:
            body = await self._select(req, read, part, preconditions.if_match_etags(if_match))
        preconditions.require(if_match, body.etag)
        if preconditions.matches(req.get_header("If-None-Match"), body.etag):
            reply.minimal(resp, 304, read.validators(body.etag))
        else:
            reply.part(resp, body, part)
        return True

    async def _find_if_range(self, read: ReadRequest, part: ByteRange, if_range: str) -> SpooledBody | None:
        """Return the body that If-Range names: the current one, or a spooled one for a later range; else None."""
        if part.first or self._bodies.is_current(read, if_range):
            return await self._bodies.find_etag(read, if_range)
        return None

    async def _select(
        self, req: Request, read: ReadRequest, part: ByteRange, if_match_etags: list[str]
    ) -> SpooledBody:
        """Return the body of a range: the one in If-Match, the one its client continues, or the current one.

        Raises:
            GatewayError: 412, the range continues a body that is no longer available.
        """
        for etag in if_match_etags:
            if body := await self._bodies.find_etag(read, etag):
                return body
        if if_match_etags:
            raise preconditions.body_changed()
        client, port = _client(req, read), _port(req)
        session = self._range_sessions.find_continued(client, port, part)
        if session is None:
            body = await self._bodies.spooled(read)
            self._range_sessions.begin(client, port, body, part)
            return body
        continued = None
        if not self._range_sessions.has_expired(session) or self._bodies.is_current(read, session.etag):
            continued = await self._bodies.find_etag(read, session.etag)
        if continued is None:
            self._range_sessions.forget(client)
            raise preconditions.body_changed()
        session.record_range(part, port)
        return continued


def _client(req: Request, read: ReadRequest) -> RangeClient:
    return RangeClient(req.remote_addr, req.user_agent, hash(req.auth), read.fingerprint)


def _port(req: Request) -> int:
    """Return the client's port, which distinguishes two connections of one address."""
    client = req.scope.get("client")
    return client[1] if client else 0
