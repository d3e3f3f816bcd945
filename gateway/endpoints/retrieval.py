"""Retrieval: the way of a GET or HEAD, from what it asks for to a whole body, a part of one, or its headers."""

from falcon.asgi import Request, Response

from gateway.endpoints import preconditions, ranges, reply
from gateway.endpoints.etag_cache import TaggedResponse
from gateway.endpoints.range_sessions import RangeClient
from gateway.endpoints.ranges import ByteRange
from gateway.endpoints.read_request import ReadRequest
from gateway.endpoints.request_cache import RequestCache
from gateway.endpoints.response_bodies import ResponseBodies
from gateway.endpoints.spooled_body import SpooledBody
from gateway.store.interface import Version


class Retrieval:
    """Answers those who read a connector."""

    def __init__(self, bodies: ResponseBodies, request_cache: RequestCache) -> None:
        """Take what makes the bodies, and what remembers which were asked for again."""
        self._bodies = bodies
        self._readings = bodies.spool.range_sessions
        self._repeats = request_cache

    async def answer(self, req: Request, resp: Response, read: ReadRequest, token: str | None) -> None:
        """Answer a GET or HEAD of whoever may read."""
        part = ranges.parse(req.get_header("Range")) if req.method == "GET" else None
        if part and await self._answer_part(req, resp, read, part):
            return
        etag = read.etag(self._bodies.version)
        preconditions.require(req.get_header("If-Match"), etag)
        if preconditions.names(req.get_header("If-None-Match"), etag):
            reply.minimal(resp, 304, read.validators(etag))
        elif req.method == "HEAD":
            await self._answer_head(req, resp, read)
        else:
            await self._answer_whole(req, resp, read, token)

    async def _answer_whole(self, req: Request, resp: Response, read: ReadRequest, token: str | None) -> None:
        """Send a whole body: from memory, from a file that is there, or from the database."""
        version = self._bodies.version
        etag = read.etag(version)
        answer, kept = self._bodies.known(read, version), None
        if version is not None and etag and answer:
            reply.whole(resp, answer)
            self._repeats.note(token, version, etag)
        elif read.coding is None and (kept := self._bodies.find_in_file(read, version)):
            reply.kept(resp, kept)
        else:
            answer, rendering = await self._bodies.rendered(read, version)
            reply.rows(resp, answer, rendering)
        self._tell(req, read, version, answer)

    async def _answer_head(self, req: Request, resp: Response, read: ReadRequest) -> None:
        """Send the headers of a whole body. Who asks for its length is about to read it: it is kept for that.

        A body that is sent compressed has no parts, and one that is too large to be kept has no length.
        """
        kept = self._bodies.spool.find(read.etag(self._bodies.version), read.question)
        if kept is None and read.coding is None:
            kept = await self._bodies.in_file_if_small_enough(read)
        kept = kept or await self._answer_head_alone(req, resp, read)
        if kept:
            self._readings.begin(_reader(req, read), _connection(req), kept, None)
            reply.kept(resp, kept, has_body=False)

    async def _answer_head_alone(self, req: Request, resp: Response, read: ReadRequest) -> SpooledBody | None:
        """Send the headers of a body that cannot be kept for parts; give it where it turns out that it can."""
        version = self._bodies.version
        answer, rendering = self._bodies.known(read, version), None
        if answer is None:
            answer, rendering = await self._bodies.rendered(read, version)
        is_whole = rendering is None or rendering.whole is not None
        if is_whole and read.coding and "ETag" in answer.headers and not answer.is_compressed:
            return await self._bodies.filed(read, answer)
        self._tell(req, read, version, answer)
        if rendering is None:
            reply.whole(resp, answer)
        else:
            reply.rows(resp, answer, rendering)
            await rendering.close()
        return None

    def _tell(
        self, req: Request, read: ReadRequest, version: Version | None, answer: TaggedResponse | None
    ) -> None:
        """Note what a reader is sent, under the ETag that parts of it have; None where nobody can say."""
        if answer is None:
            etag = read.etag(version)
        else:
            etag = read.etag(answer.version, is_plain=answer.is_compressed)
        self._readings.tell(_reader(req, read), etag)

    async def _answer_part(self, req: Request, resp: Response, read: ReadRequest, part: ByteRange) -> bool:
        """Send a part of a body; False where it has to be the whole one, because of If-Range."""
        if_range, if_match = req.get_header("If-Range"), req.get_header("If-Match")
        if if_range is not None:
            kept = await self._of_if_range(read, part, if_range)
            if kept is None:
                return False
        else:
            kept = await self._selected(req, read, part, preconditions.wanted(if_match))
        preconditions.require(if_match, kept.etag)
        if preconditions.names(req.get_header("If-None-Match"), kept.etag):
            reply.minimal(resp, 304, read.validators(kept.etag))
        else:
            reply.part(resp, kept, part)
        return True

    async def _of_if_range(self, read: ReadRequest, part: ByteRange, if_range: str) -> SpooledBody | None:
        """Give the body that an If-Range header names: the present one, or where it is gone on with one that is kept."""
        if part.first or self._bodies.is_present(read, if_range):
            return await self._bodies.of_etag(read, if_range)
        return None

    async def _selected(
        self, req: Request, read: ReadRequest, part: ByteRange, wanted: list[str]
    ) -> SpooledBody:
        """Give the body that a part is cut from: what the request names, what its reader goes on with, or the present one.

        Raises:
            GatewayError: 412 where it goes on with one that is not there any more.
        """
        for etag in wanted:
            if kept := await self._bodies.of_etag(read, etag):
                return kept
        if wanted:
            raise preconditions.changed()
        reader, connection = _reader(req, read), _connection(req)
        reading = self._readings.going_on(reader, connection, part)
        if reading is None:
            kept = await self._bodies.in_file(read)
            self._readings.begin(reader, connection, kept, part)
            return kept
        found = None
        if not self._readings.is_over(reading) or self._bodies.is_present(read, reading.etag):
            found = await self._bodies.of_etag(read, reading.etag)
        if found is None:
            self._readings.forget(reader)
            raise preconditions.changed()
        reading.take(part, connection)
        return found


def _reader(req: Request, read: ReadRequest) -> RangeClient:
    return RangeClient(req.remote_addr, req.user_agent, hash(req.auth), read.question)


def _connection(req: Request) -> int:
    """Give the client's port, by which two connections of one address differ."""
    client = req.scope.get("client")
    return client[1] if client else 0
