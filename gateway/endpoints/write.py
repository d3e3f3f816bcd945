"""POST and PUT: body -> rows -> batch -> receipt, or the rows as they were stored."""

import asyncio
import functools
import hashlib
import logging
from dataclasses import dataclass

from falcon.asgi import Request, Response

from gateway.auth import permissions
from gateway.auth.permissions import Verb
from gateway.endpoints import metered, reply
from gateway.endpoints.batch_order import BatchOrder
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.methods import require_changes
from gateway.endpoints.negotiation import RequestHeaders
from gateway.endpoints.request_bodies import RequestBodies
from gateway.endpoints.services import Services
from gateway.endpoints.write_request import WriteRequest
from gateway.errors import Code, GatewayError, trace
from gateway.ingest import media_detection, payload
from gateway.ingest.binary_formats import binary_format
from gateway.ingest.body import Body
from gateway.ingest.memory_budget import Reservation
from gateway.media_types import BINARY
from gateway.query.render import Rendering, render
from gateway.request_context import RequestContext, begin_stage, current
from gateway.settings import Settings
from gateway.store.batch import NO_ROWS, Batch, IdempotencyKey, Receipt
from gateway.store.interface import Select

#: A body up to this size is checked on the event loop: a thread would take longer to start.
_SMALL_BODY_BYTES = 4096
#: The permission that a token needs, by method.
_VERBS: dict[str, Verb] = {"POST": "ingest", "PUT": "change"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A request whose body has arrived; `previous` is done once the batch that must be stored first is answered."""

    req: Request
    headers: RequestHeaders
    body: Body
    reservation: Reservation
    previous: asyncio.Future[None] | None


@dataclass(frozen=True, slots=True)
class _Submission:
    """An arrived body with what its request's head says, for one version of a connector."""

    endpoint: Endpoint
    context: RequestContext
    arrived: _Arrived
    token: str | None
    write: WriteRequest

    @property
    def digest(self) -> bytes:
        """The hash that an idempotency key is bound to: of the body, and of the method if it is PUT."""
        digest = hashlib.sha256(self.arrived.body.data)
        if self.write.replaces_all:
            digest.update(b"PUT")
        return digest.digest()

    def batch(self, key: IdempotencyKey | None, settings: Settings) -> Batch:
        """Parse and validate the rows. Any thread may call it.

        Raises:
            GatewayError: The body is malformed, or it has more bad rows than the connector keeps.
        """
        begin_stage("check")
        data, write, validator = self.arrived.body.data, self.write, self.endpoint.validator
        media = media_detection.media_of(self.arrived.req.content_type, data)
        envelope = write.envelope(self.arrived.body, media, self.token, key)
        is_large = len(data) >= settings.columnar_min_bytes or media in BINARY
        if settings.columnar_min_bytes and is_large and write.on_conflict != "merge":
            columns = validator.columnar.parse(data, media, settings.max_row, write.taken, settings.max_body)
            if columns is not None:
                self.context.rows = columns.table.num_rows
                return validator.batch_of(columns, envelope)
        connector, max_row = self.endpoint.connector, settings.max_row
        rows = payload.parse(data, media, connector, max_row, write.columns, settings.max_body)
        rows = metered.counted(rows, self.context)
        if write.columns is not None:
            rows = payload.only(rows, write.columns, absent_is_null=write.absent_is_null)
        return validator.check(rows, envelope, self.context.has_left)


class Writes:
    """Answers POST and PUT. Belongs to the event loop; larger bodies are parsed in the threads of the parse pool."""

    def __init__(self, services: Services) -> None:
        self._credentials = services.auth.credentials
        self._bodies = RequestBodies(services)
        self._intake = services.intake
        self._storage = services.storage
        self._order = BatchOrder(services.intake.in_flight, services.storage)
        self._live = services.live

    async def answer(self, endpoint: Endpoint, req: Request, resp: Response) -> None:
        """Receive, check, and store rows, and answer with their receipt."""
        headers = RequestHeaders.of_write(req)
        # Errors in the head are reported before the body is received.
        token, write = self._parse(endpoint, req, headers)
        name, in_flight = endpoint.connector.name, self._intake.in_flight
        with in_flight.end_of(name, token, write.after) as previous:
            body, reservation = await self._receive(req, endpoint, token, write.key)
            with reservation, in_flight.hold(name, token, write.key):
                arrived = _Arrived(req, headers, body, reservation, previous)
                await self._live.retrying(
                    endpoint, functools.partial(self._store, resp=resp, arrived=arrived)
                )

    async def _receive(
        self, req: Request, endpoint: Endpoint, token: str | None, key: str | None
    ) -> tuple[Body, Reservation]:
        """Receive a body. If there is no memory for it, those that wait for it give theirs back.

        Raises:
            GatewayError: As `RequestBodies.receive` does.
        """
        try:
            return await self._bodies.receive(req, endpoint)
        except GatewayError as error:
            name, in_flight = endpoint.connector.name, self._intake.in_flight
            if error.code is Code.QUEUE_FULL and key is not None and in_flight.end_waits(name, token, key):
                # They are told to come again in a second.
                error.headers["Retry-After"] = "0"
            raise

    def _parse(
        self, endpoint: Endpoint, req: Request, headers: RequestHeaders
    ) -> tuple[str | None, WriteRequest]:
        """Parse the head of a request, and check its permissions."""
        connector, verb = endpoint.connector, _VERBS[req.method]
        if verb == "change":
            require_changes(req, connector, self._credentials)
        token = self._credentials.authorize(req.auth, connector, verb)
        write = endpoint.write_request(headers)
        write = write.under(req.get_header("Idempotency-Key"), req.get_header("Idempotency-After"))
        for needed in write.needs:
            permissions.require(token, connector, needed)
        return token, write

    async def _store(
        self,
        endpoint: Endpoint,
        resp: Response,
        arrived: _Arrived,
    ) -> None:
        """Check and store the rows of a body, unless they were stored before under their idempotency key."""
        # Permissions may have changed while the body was received: the token's, or the connector's.
        token, write = self._parse(endpoint, arrived.req, arrived.headers)
        submission = _Submission(endpoint, current.get(), arrived, token, write)
        if write.head.is_rehearsal:
            await self._rehearse(resp, await self._check(submission, None), write)
            return
        key, receipt = await self._find_earlier_receipt(submission)
        stored = receipt or await self._check(submission, key)
        name, end = endpoint.connector.name, arrived.previous
        if receipt is None and write.after is not None and end is not None:
            await self._order.require_stored(name, token, write.after, end, submission.context.has_left)
        if write.head.output is not None:
            await self._store_and_show(resp, stored, write)
        else:
            reply.receipt(resp, await self._append(stored), write)

    async def _find_earlier_receipt(
        self, submission: _Submission
    ) -> tuple[IdempotencyKey | None, Receipt | None]:
        """Find the receipt of a batch that was stored before under the same idempotency key."""
        if submission.write.key is None:
            return None, None
        key = IdempotencyKey(submission.write.key, await asyncio.to_thread(lambda: submission.digest))
        name, token, store = submission.endpoint.connector.name, submission.token, self._storage.reader
        return key, await self._storage.read_pool.call(lambda: store.find_receipt(name, token, key))

    async def _check(self, submission: _Submission, key: IdempotencyKey | None) -> Batch:
        """Parse and validate the rows of a body: a small one here, a larger one in the parse pool."""
        data, settings = submission.arrived.body.data, self._intake.settings
        # Any amount of data may be packed into few bytes.
        size, is_packed = len(data), binary_format(data) is not None
        if size <= _SMALL_BODY_BYTES and not is_packed:
            batch = submission.batch(key, settings)
        else:
            begin_stage("queue")
            parse = functools.partial(submission.batch, key, settings)
            batch = await self._intake.parse_pool.call(parse, submission.endpoint.connector.name, size)
        submission.write.require_rows(batch)
        if is_packed:
            # Rows that wait to be stored take more memory than the body that they came in.
            submission.arrived.reservation.grow(max(batch.rows.nbytes - size, 0))
        return batch

    async def _append(self, batch: Batch | Receipt) -> Receipt:
        if isinstance(batch, Receipt):
            return batch
        if batch.changes_nothing:
            return NO_ROWS
        return await self._storage.writer.append(batch)

    async def _store_and_show(self, resp: Response, batch: Batch | Receipt, write: WriteRequest) -> None:
        """Store a batch unless it was stored before, and answer with its rows, which are read after the commit.

        After the commit the request cannot fail. If the rows cannot be read back, the response is the receipt, and
        `Preference-Applied` omits `return`.
        """
        if isinstance(batch, Batch) and batch.on_conflict in ("replace", "merge"):
            batch, seen = await self._store_and_read(batch, write)
            if seen is not None:
                reply.seen_rows(resp, batch, write, seen)
                return
        readers = self._storage.read_pool
        readers.reserve()
        try:
            receipt = await self._append(batch)
        except BaseException:
            readers.release()
            raise
        try:
            statement = write.head.stored_rows(receipt)
            shown = await Rendering.open(
                readers, statement, needs_count=False, coding=write.head.coding, is_reserved=True
            )
        except Exception as error:  # noqa: BLE001  # the rows are stored, regardless of the error
            _log.error("the rows of batch %s could not be read back: %s", receipt.batch, trace(error))
            reply.receipt(resp, receipt, write)
        else:
            reply.stored_rows(resp, receipt, write, shown)

    async def _store_and_read(self, batch: Batch, write: WriteRequest) -> tuple[Receipt, bytes | None]:
        """Store rows that another request may replace immediately, and read them in the same transaction."""
        max_bytes = self._intake.settings.max_body

        def read_rows(receipt: Receipt, select: Select) -> bytes:
            return render(write.head.stored_rows(receipt), select, max_bytes)

        return await self._storage.writer.call(
            lambda store: store.append_and_show(batch, read_rows), batch.connector.name
        )

    async def _rehearse(self, resp: Response, batch: Batch, write: WriteRequest) -> None:
        """Store rows, read them, and roll back."""

        def read_rows(receipt: Receipt, select: Select) -> bytes | None:
            return None if write.head.output is None else render(write.head.stored_rows(receipt), select)

        receipt, seen = await self._storage.writer.call(
            lambda store: store.append_and_show(batch, read_rows, is_rehearsal=True), batch.connector.name
        )
        reply.seen_rows(resp, receipt, write, seen)
