"""A connector being served: the way of a POST and the way of a GET."""

import asyncio
import functools
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from falcon.asgi import Request, Response
from falcon.constants import COMBINED_METHODS

from gateway.auth import credentials, rate_limit
from gateway.auth.credentials import Credentials, Verb
from gateway.auth.rate_limit import Quotas, Responder
from gateway.connectors.connector import Connector
from gateway.endpoints import reply
from gateway.endpoints.bodies import Bodies
from gateway.endpoints.edit_request import Filtered
from gateway.endpoints.etag_cache import Cache
from gateway.endpoints.negotiation import Words
from gateway.endpoints.read_request import Reads
from gateway.endpoints.request_cache import Repeats
from gateway.endpoints.retrieval import Retrieval
from gateway.endpoints.spool import Spool
from gateway.endpoints.write_request import Write
from gateway.errors import Code, GatewayError, not_implemented, trace
from gateway.ingest import body, media_detection, payload
from gateway.ingest.admission import Room
from gateway.ingest.arrival import Pace
from gateway.ingest.body import Body
from gateway.ingest.envelope import Envelope
from gateway.ingest.in_flight import Running
from gateway.ingest.parse_pool import Checking
from gateway.ingest.validation import Validator
from gateway.ingest.writer import Writer
from gateway.query.read_pool import ReadPool
from gateway.query.render import Rendering, render
from gateway.request_context import current
from gateway.resources import Disk, Resources
from gateway.settings import Settings
from gateway.store.batch import NO_ROWS, Batch, Key, Receipt
from gateway.store.edit import Edit
from gateway.store.errors import Superseded
from gateway.store.tables.store import Select, Store

#: A body up to this size is checked on the event loop: a thread would take longer to start.
_SMALL = 4096
#: How many questions are remembered with what they mean, of each connector.
_REMEMBERED = 128
METHODS = ("OPTIONS", "GET", "HEAD", "POST")
#: What connectors have besides where `access.change` names who may.
CHANGES = ("PUT", "PATCH", "DELETE")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stages:
    """What every endpoint works with; made once, by `app.py`.

    Attributes:
        successor: Gives the endpoint that serves another's connector once it is another one.
        present: Gives the one that serves it now.
        running: The batches with a key that are being stored.
    """

    settings: Settings
    credentials: Credentials
    resources: Resources
    disk: Disk
    store: Store
    writer: Writer
    readers: ReadPool
    cache: Cache
    spool: Spool
    quotas: Quotas
    checking: Checking
    successor: "Callable[[Endpoint], Awaitable[Endpoint]]"
    present: "Callable[[Endpoint], Endpoint]"
    running: Running = field(default_factory=Running)


class Endpoint:
    """A connector at its path. It never changes: an edited connector is another Endpoint."""

    def __init__(self, connector: Connector, stages: Stages) -> None:
        self.connector = connector
        self.validator = Validator(connector)
        self._stages = stages
        self.repeats = Repeats(connector, stages.store, stages.cache, stages.credentials, stages.quotas)
        bodies = Bodies(connector.name, stages.store, stages.readers, stages.cache, stages.spool)
        self._retrieval = Retrieval(bodies, self.repeats)
        # Clients ask for the same again and again, and to understand a question may take longer than to answer it.
        self._read_of = functools.lru_cache(_REMEMBERED)(Reads(connector, self._read_limit).of)
        self._write_of = functools.lru_cache(_REMEMBERED)(functools.partial(Write.of, connector))

    @property
    def _read_limit(self) -> int | None:
        """How many rows an answer to a GET may have: the smaller of the connector's bound and that of all."""
        bounds = (self.connector.terms.read_limit, self._stages.settings.read_limit)
        return min((each for each in bounds if each is not None), default=None)

    @cached_property
    def responders(self) -> Mapping[str, Responder]:
        """What answers each method, within the connector's limits; a question about the methods costs nothing."""
        known = {
            "POST": self.on_post,
            "PUT": self.on_put,
            "PATCH": self.on_patch,
            "DELETE": self.on_delete,
            "GET": self.on_get,
            "HEAD": self.on_head,
        }
        limited = {
            method: self._stages.quotas.limited(self.connector, known.get(method, self.on_other))
            for method in COMBINED_METHODS
        }
        return limited | {"OPTIONS": self.on_options}

    async def on_post(self, req: Request, resp: Response) -> None:
        """Body -> rows -> batch -> receipt, or the rows as they were stored."""
        await self._write(req, resp, "ingest")

    async def on_put(self, req: Request, resp: Response) -> None:
        """Body -> rows -> batch in the place of all rows there are -> receipt, or the rows as they were stored."""
        await self._write(req, resp, "change")

    async def on_patch(self, req: Request, resp: Response) -> None:
        """Filter and body -> new values of the rows it lets through -> those rows, or nothing."""
        self._filtered(req)
        with self._room(req) as room:
            received = await self._receive(req, room)
            await self._stages.present(self)._change(req, resp, received.data)  # noqa: SLF001  # one of its own kind

    async def on_delete(self, req: Request, resp: Response) -> None:
        """Filter -> the rows it lets through, deleted. Some clients send a body, which says nothing."""
        await self._change(req, resp, b"")

    def _allowed(self, req: Request, verb: Verb) -> str | None:
        """Give the name of a token that may do it, or raise."""
        token = self._stages.credentials.name_of(req.auth)
        if verb == "change" and not self.connector.access.change:
            raise self._no_such_method(req, token)
        credentials.require(token, self.connector, verb)
        if req.get_header("If-Match"):
            hint = "leave it out; a filter on the values that were read, such as n=eq.3, does what it is for"
            raise not_implemented("If-Match on a write", hint)
        return token

    def _wanted(self, req: Request, verb: Verb) -> tuple[str | None, Write]:
        """Read what a POST or PUT asks for, and whose token may do it, or raise."""
        token = self._allowed(req, verb)
        write = self._write_of(Words.of_write(req)).under(req.get_header("Idempotency-Key"))
        if write.changes_rows:
            credentials.require(token, self.connector, "change")
        if write.output is not None:
            credentials.require(token, self.connector, "read")
        return token, write

    def _filtered(self, req: Request) -> tuple[str | None, Filtered]:
        """Read what a PATCH or DELETE asks for, and whose token may do it, or raise."""
        token = self._allowed(req, "change")
        filtered = Filtered.of(self.connector, Words.of_write(req))
        if filtered.output is not None:
            credentials.require(token, self.connector, "read")
        return token, filtered

    def _room(self, req: Request) -> Room:
        """Let a body in, before it is read, or raise."""
        try:
            return self._stages.writer.admit(self._expected_bytes(req), self.connector.name)
        except GatewayError as error:
            if error.code is Code.DISK_FULL:
                self._stages.spool.give_way()
            raise

    async def _write(self, req: Request, resp: Response, verb: Verb) -> None:
        token, write = self._wanted(req, verb)  # What is wrong with it is best said before the body comes.
        with self._room(req) as room:
            received = await self._receive(req, room)
            with self._stages.running.hold(self.connector.name, token, write.key):
                # Rights may have changed while the body came: those of the token, or the connector that gives them.
                present = self._stages.present(self)
                if present is not self or not self._stages.credentials.proves(req.auth, token):
                    token, write = present._wanted(req, verb)  # noqa: SLF001  # as in `on_patch`
                await present._take(req, resp, received, verb, token, write)  # noqa: SLF001  # as in `on_patch`

    async def _take(
        self, req: Request, resp: Response, received: Body, verb: Verb, token: str | None, write: Write
    ) -> None:
        """Check and store rows."""
        try:
            if write.is_rehearsal:
                await self._rehearse(resp, await self._check(req, received, token, write), write)
                return
            key, receipt = await self._find_earlier(received, token, write)
            stored = receipt or await self._check(req, received, token, write, key)
            if write.output is not None:
                await self._store_and_show(resp, stored, write)
            else:
                reply.receipt(resp, await self._append(stored), write)
        except Superseded:
            # The connector was changed meanwhile, and nothing stored: the rows meet what it is now.
            successor = await self._stages.successor(self)
            token, write = successor._wanted(req, verb)  # noqa: SLF001  # as in `on_patch`
            await successor._take(req, resp, received, verb, token, write)  # noqa: SLF001  # as in `on_patch`

    async def _change(self, req: Request, resp: Response, data: bytes) -> None:
        """Change or delete rows in one transaction, in which the rows of the answer are read, too."""
        token, filtered = self._filtered(req)
        most = self._stages.settings.max_body

        def look(receipt: Receipt, select: Select) -> bytes | None:
            shown = filtered.shown(receipt)
            return None if shown is None else render(shown, select, most)

        try:
            values = None
            if not filtered.deletes:
                value = payload.read_object(data, req.content_type, self.connector)
                values = self.validator.check_values(filtered.taken(value))
            if values == {}:
                reply.edited(resp, NO_ROWS, filtered, b"[]")
                return
            edit = Edit(self.connector, filtered.matching, values, filtered.check, token)
            receipt, shown = await self._stages.writer.call(
                lambda store: store.edit(edit, look, is_rehearsal=filtered.is_rehearsal), self.connector.name
            )
            reply.edited(resp, receipt, filtered, shown)
        except Superseded:
            successor = await self._stages.successor(self)
            await successor._change(req, resp, data)  # noqa: SLF001  # as in `on_patch`

    async def on_get(self, req: Request, resp: Response) -> None:
        """Query string -> query -> statement -> rows, or what was answered when they were the same."""
        try:
            await self._get(req, resp)
        except Superseded:
            await (await self._stages.successor(self)).on_get(req, resp)

    async def _get(self, req: Request, resp: Response) -> None:
        token = self._stages.credentials.name_of(req.auth)
        credentials.require(token, self.connector, "read")
        await self._retrieval.answer(req, resp, self._read_of(Words.of_read(req)), token)

    async def on_head(self, req: Request, resp: Response) -> None:
        """Answer as GET would, without the rows."""
        await self.on_get(req, resp)

    async def on_options(self, req: Request, resp: Response) -> None:
        """Tell the methods."""
        self._require_sight(self._stages.credentials.name_of(req.auth))
        resp.set_header("Allow", ", ".join(self._methods))

    async def on_other(self, req: Request, resp: Response) -> None:
        """Refuse a method that connectors do not have."""
        raise self._no_such_method(req, self._stages.credentials.name_of(req.auth))

    @property
    def _methods(self) -> tuple[str, ...]:
        return METHODS + (CHANGES if self.connector.access.change else ())

    def _no_such_method(self, req: Request, token: str | None) -> GatewayError:
        self._require_sight(token)
        allow = ", ".join(self._methods)
        hint = None
        if req.method in CHANGES:
            hint = "rows are changed and deleted where access: {change: [NAME]} in the connector's file names who may"
        message = f"{req.method} is not one of {allow}"
        return GatewayError(Code.METHOD_NOT_ALLOWED, message, hint=hint, headers={"Allow": allow})

    def _require_sight(self, token: str | None) -> None:
        if not credentials.sees(token, self.connector.access):
            raise credentials.unknown_endpoint(self.connector.path)

    def _expected_bytes(self, req: Request) -> int:
        most = self._stages.settings.max_body
        if req.content_length is not None and req.content_length > most:
            raise body.too_large(most)
        return req.content_length or 0

    def _receive(self, req: Request, room: Room) -> Awaitable[Body]:
        settings = self._stages.settings
        return body.receive(
            current.get().receive,
            req.get_header("Content-Encoding"),
            limit=settings.max_body,
            take=room.take,
            pace=Pace(settings.body_timeout, settings.body_rate),
            threads=self._stages.checking.lane(self.connector.name),
        )

    async def _find_earlier(
        self, received: Body, token: str | None, write: Write
    ) -> tuple[Key | None, Receipt | None]:
        """Find what was stored under the key of a batch that is sent again."""
        if write.key is None:
            return None, None
        digest = await asyncio.to_thread(_digest_of, received.data, write)
        key = Key(write.key, digest)
        name, keys = self.connector.name, self._stages.store.keys
        return key, await self._stages.readers.call(lambda: keys.find(name, token, key))

    async def _check(
        self, req: Request, received: Body, token: str | None, write: Write, key: Key | None = None
    ) -> Batch:
        settings, data, context = self._stages.settings, received.data, current.get()

        def check() -> Batch:
            media = media_detection.media_of(req.content_type, data)
            envelope = Envelope(
                received.received_bytes,
                token,
                key,
                write.allowance,
                write.reading(data, media),
                write.on_conflict,
                write.named(data, media),
                write.replaces_all,
            )
            if write.takes_whole_rows and 0 < settings.fast <= len(data):
                columns = self.validator.columnar.read(data, media, settings.max_row)
                if columns is not None:
                    context.rows = columns.table.num_rows
                    return self.validator.take(columns, envelope)
            rows = payload.parse(data, media, self.connector, settings.max_row, write.columns)
            rows = rate_limit.counted(rows, context)
            if write.columns is not None:
                rows = payload.only(rows, write.columns, absent_is_null=write.absent_is_null)
            return self.validator.check(rows, envelope, context.has_left)

        if len(data) <= _SMALL:
            batch = check()
        else:
            lane = self._stages.checking.lane(self.connector.name, len(data))
            batch = await asyncio.get_running_loop().run_in_executor(lane, check)
        write.require_rows(batch)
        return batch

    async def _append(self, batch: Batch | Receipt) -> Receipt:
        if isinstance(batch, Receipt):
            return batch
        if batch.changes_nothing:
            return NO_ROWS
        return await self._stages.writer.append(batch)

    async def _store_and_show(self, resp: Response, batch: Batch | Receipt, write: Write) -> None:
        """Store a batch, unless it was before, and answer with its rows; they are read only after they are safe.

        From then on nothing can be refused any more: where the rows cannot be read back, the receipt says
        that they are stored, and `Preference-Applied` leaves `return` out.
        """
        if isinstance(batch, Batch) and batch.on_conflict in ("replace", "merge"):
            batch, seen = await self._store_and_look(batch, write)
            if seen is not None:
                reply.seen_rows(resp, batch, write, seen)
                return
        readers = self._stages.readers
        readers.reserve()
        try:
            receipt = await self._append(batch)
        except BaseException:
            readers.release()
            raise
        try:
            shown = await Rendering.open_reserved(
                readers, write.stored_rows(receipt), counted=False, coding=write.coding
            )
        except Exception as error:  # noqa: BLE001  # whatever it is, the rows are stored
            _log.error("the rows of batch %s could not be shown: %s", receipt.batch, trace(error))
            reply.receipt(resp, receipt, write)
        else:
            reply.stored_rows(resp, receipt, write, shown)

    async def _store_and_look(self, batch: Batch, write: Write) -> tuple[Receipt, bytes | None]:
        """Store rows that others may replace at once, and read them in the same transaction."""
        most = self._stages.settings.max_body

        def look(receipt: Receipt, select: Select) -> bytes:
            return render(write.stored_rows(receipt), select, most)

        return await self._stages.writer.call(
            lambda store: store.append_and_look(batch, look), self.connector.name
        )

    async def _rehearse(self, resp: Response, batch: Batch, write: Write) -> None:
        """Do everything but keep the rows."""

        def look(receipt: Receipt, select: Select) -> bytes | None:
            return None if write.output is None else render(write.stored_rows(receipt), select)

        receipt, seen = await self._stages.writer.call(
            lambda store: store.rehearse(batch, look), self.connector.name
        )
        reply.seen_rows(resp, receipt, write, seen)


def _digest_of(data: bytes, write: Write) -> bytes:
    """Give what a key belongs to: the body, and for a PUT that it is one."""
    digest = hashlib.sha256(data)
    if write.replaces_all:
        digest.update(b"PUT")
    return digest.digest()


async def whole_body(req: Request, stages: Stages) -> bytes:
    """Receive the body of a request to the operating plane."""
    received = await body.receive(
        current.get().receive,
        req.get_header("Content-Encoding"),
        limit=stages.settings.max_body,
        take=lambda _: None,
        pace=Pace(stages.settings.body_timeout, stages.settings.body_rate),
        threads=stages.checking.lane(""),
    )
    return received.data
