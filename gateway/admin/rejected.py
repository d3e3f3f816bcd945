"""Rejected rows under `/-/`: queried as the rows of any connector, replayed, and discarded."""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from falcon.asgi import Request, Response

from gateway import strictjson
from gateway.admin.visible_connectors import VisibleConnector, VisibleConnectors
from gateway.connectors.connector import SYSTEM_FIELDS, Connector
from gateway.endpoints import reply
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.etag_cache import TaggedResponse
from gateway.endpoints.negotiation import RequestHeaders
from gateway.endpoints.read_request import ReadRequest
from gateway.endpoints.request_bodies import RequestBodies
from gateway.endpoints.services import Services
from gateway.errors import Code, GatewayError, not_implemented
from gateway.ingest import replay_body
from gateway.ingest.replay import Replay, replay
from gateway.query import dialect, parameters
from gateway.query.query import Column, Condition, Filter, Query
from gateway.query.relation import selection_of
from gateway.query.render import Rendering
from gateway.store.batch import NO_ROWS, Receipt
from gateway.store.rejection import FIELDS, STATES, RejectedRow, rejected_of
from gateway.strictjson import Json

_FIELDS = {field.name: field for field in (*SYSTEM_FIELDS, *FIELDS)}
_STATE, _TOKEN, _ID = Column(_FIELDS["state"]), Column(_FIELDS["token"]), Column(_FIELDS["_id"])
#: The columns with texts of a row, or of the person who discarded it.
_TEXTS = frozenset(("raw", "errors", "reason", "reading"))
#: The most rejected rows of one replay.
MAX_REPLAYED = 200_000
#: The most characters of a reason for a discard.
MAX_REASON = 1000
#: The columns of a rejected row without `select`.
_SELECT = ",".join(name for name in _FIELDS if name != "reading")


class RejectedResource:
    """`/-/connectors/NAME/rejected`, and the replay and discard of its rows."""

    def __init__(self, connectors: VisibleConnectors, services: Services) -> None:
        self._connectors = connectors
        self._storage = services.storage
        self._intake = services.intake
        self._bodies = RequestBodies(services)
        self._live = services.live

    async def on_get(self, req: Request, resp: Response, name: str) -> None:
        """List rejected rows; filters, order, and pages work as for the rows of a connector."""
        found = self._connectors.find(req, name)
        found.require(found.sight.rejected, "the rejected rows")
        rejected = await self._table(found.connector)
        names = [key for key, _ in parameters.parameters_of(req.query_string)]
        given = req.query_string if "select" in names else f"{req.query_string}&select={_SELECT}"
        token = found.token_of(found.sight.rejected)
        if token is not None:
            given = f"{given}&token=eq.{token}"
        read = ReadRequest.of(rejected, RequestHeaders.of_read(req)._replace(query_string=given))
        counted = read.prefers.count is not None
        rendering = await Rendering.open(
            self._storage.read_pool, read.statement, needs_count=counted, coding=read.coding
        )
        headers = read.headers(rendering, None)
        reply.rows(resp, TaggedResponse(read.status(rendering), headers, rendering.whole or b""), rendering)

    async def on_head(self, req: Request, resp: Response, name: str) -> None:
        """Respond as to a GET, without the rows."""
        await self.on_get(req, resp, name)
        if isinstance(resp.stream, Rendering):
            await resp.stream.close()

    async def on_get_summary(self, req: Request, resp: Response, name: str) -> None:
        """Count rejected rows by state, and those of a filter by field and code; by default those that are kept."""
        found = self._connectors.find(req, name)
        seen = found.sight.rejected_counts
        found.require(seen, "the rejected rows")
        connector, token = found.connector, found.token_of(seen)
        rejected = await self._table(connector)
        query = _chosen(req.query_string, rejected, token, kept_only=False)
        has_texts = found.sight.rejected == seen
        if not has_texts:
            _require_no_texts(query.where, connector)
        chosen = selection_of(query, rejected)
        rows = self._storage.reader.rejected
        counts, errors = await self._storage.read_pool.call(
            lambda: (
                rows.states(connector, token),
                rows.summary(connector, chosen),
            )
        )
        if not has_texts:  # A message quotes values of a row.
            errors = [{key: value for key, value in each.items() if key != "message"} for each in errors]
        by_state = {state: counts.get(state, 0) for state in STATES}
        reply.json(resp, {"connector": connector.name, **by_state, "errors": errors})

    async def on_post_replay(self, req: Request, resp: Response, name: str) -> None:
        """Validate rejected rows by the current schema and store them: all kept rows, those of a filter, or edited rows."""
        endpoint = _settler(self._connectors.find(req, name)).endpoint
        body, reservation = await self._bodies.receive(req, endpoint)
        with reservation:
            edited = replay_body.parse(body.data, endpoint.connector)
            await self._live.retrying(
                endpoint, functools.partial(self._replay, req=req, resp=resp, edited=edited)
            )

    async def _replay(
        self, endpoint: Endpoint, req: Request, resp: Response, edited: Mapping[int, Json]
    ) -> None:
        # Permissions may have changed while the body was received.
        found = _settler(self._connectors.require(req, endpoint))
        connector, token = endpoint.connector, found.asker.token
        rejected = await self._table(connector)
        query = _chosen(req.query_string, rejected, found.token_of(found.sight.settles), kept_only=True)
        if edited:
            query = replace(query, where=(*query.where, Filter(_ID, "in", tuple(edited))))
        chosen = await self._choose(connector, rejected, query)
        if unknown := edited.keys() - {each.id for each in chosen}:
            message = f"there is no rejected row {min(unknown)} that is kept"
            raise GatewayError(
                Code.REJECTED_CHANGED, message, hint="list the rejected rows, and choose again"
            )
        if not chosen:
            reply.json(resp, NO_ROWS.body())
            return
        done = await self._intake.parse_pool.call(
            lambda: replay(chosen, edited, endpoint.validator, connector, token), connector.name
        )
        receipts = await self._storage.writer.call(
            lambda store: store.replay(connector, done.parts, done.amendments), connector.name
        )
        receipt = _together(receipts, len(chosen), done)
        reply.json(resp, receipt.body(), status=receipt.status)

    async def on_post_discard(self, req: Request, resp: Response, name: str) -> None:
        """Mark the kept rows of a filter as discarded, for the reason in `{"reason": …}`."""
        _settler(self._connectors.find(req, name))
        reason = _reason(await self._bodies.receive_whole(req))
        found = _settler(self._connectors.find(req, name))
        connector = found.connector
        rejected = await self._table(connector)
        if not dialect.parse(req.query_string, rejected).where:
            hint = "choose rows by a filter, such as _id=eq.7; _id=gte.0 chooses all kept rows"
            raise GatewayError(Code.UNFILTERED, hint=hint)
        query = _chosen(req.query_string, rejected, found.token_of(found.sight.settles), kept_only=True)
        chosen, rows = selection_of(query, rejected), self._storage.reader.rejected
        ids = await self._storage.read_pool.call(lambda: rows.find_ids(connector, chosen, query.limit))
        await self._storage.writer.call(lambda store: store.discard(connector, ids, reason), connector.name)
        reply.json(resp, {"connector": name, "discarded": len(ids), "reason": reason})

    # -- which rows

    async def _table(self, connector: Connector) -> Connector:
        """Return the connector of the rejected rows; create their table if it is missing."""
        store = self._storage.reader
        if not await self._storage.read_pool.call(lambda: store.rejected.exists(connector)):
            await self._storage.writer.call(lambda store: store.ensure_rejected(connector), connector.name)
        return rejected_of(connector)

    async def _choose(self, connector: Connector, rejected: Connector, query: Query) -> list[RejectedRow]:
        """Read the rejected rows of a query.

        Raises:
            GatewayError: They are more than a replay, or larger than a body, may be.
        """
        chosen, rejected_rows = selection_of(query, rejected), self._storage.reader.rejected
        most = self._intake.settings.max_body

        def read() -> list[RejectedRow]:
            rows, size = rejected_rows.measure(connector, chosen, query.limit)
            if size > most or rows > MAX_REPLAYED:
                hint = "choose fewer rows by a filter, or replay them in parts with limit=10000"
                message = f"{rows} rows of {size} bytes are more than {MAX_REPLAYED}, or than {most} bytes"
                raise GatewayError(Code.BODY_TOO_LARGE, message, hint=hint)
            return rejected_rows.find(connector, chosen, query.limit)

        return await self._storage.read_pool.call(read)


def _together(receipts: Sequence[Receipt], tried: int, done: Replay) -> Receipt:
    """Merge the receipts of a replay's parts; `batch` is the last batch."""
    ids = [id for each in receipts for id in (each.first_id, each.last_id) if id is not None]
    return Receipt(
        max((each.batch or 0 for each in receipts), default=0) or None,
        tried,
        sum(each.stored for each in receipts),
        done.bad,
        sum(each.duplicates for each in receipts),
        min(ids, default=None),
        max(ids, default=None),
        tuple(done.errors),
        status=207 if done.bad else 201,
    )


def _settler(found: VisibleConnector) -> VisibleConnector:
    """Return a connector whose rejected rows the asker may replay and discard.

    Raises:
        GatewayError: 401 or 403, it may not.
    """
    found.require(found.sight.settles, "the rejected rows")
    return found


def _chosen(query_string: str, rejected: Connector, token: str | None, *, kept_only: bool) -> Query:
    """Parse the choice of rejected rows: those of a token, None for all.

    Only kept ones are chosen, unless a filter names the state.
    """
    query = dialect.parse(query_string, rejected)
    if kept_only and (query.offset or query.cursor is not None or query.order):
        hint = "choose them by filters and limit"
        raise not_implemented("order, offset or cursor where rejected rows are chosen", hint)
    if kept_only or not any(_names_state(each) for each in query.where):
        query = replace(query, where=(*query.where, Filter(_STATE, "eq", ("kept",))))
    if token is not None:
        query = replace(query, where=(*query.where, Filter(_TOKEN, "eq", (token,))))
    return query


def _names_state(condition: Condition) -> bool:
    return any(column == _STATE for column in _columns_of([condition]))


def _columns_of(conditions: Iterable[Condition]) -> Iterator[Column]:
    for each in conditions:
        if isinstance(each, Filter):
            yield each.column
        else:
            yield from _columns_of(each.terms)


def _require_no_texts(conditions: Iterable[Condition], connector: Connector) -> None:
    """Check that conditions compare no texts of rows: the counts of enough filters would reveal a text.

    Raises:
        GatewayError: 403, one of them does.
    """
    for column in _columns_of(conditions):
        if column.field.name in _TEXTS:
            message = f"a filter on '{column}' compares texts of rejected rows of '{connector.name}', which need access.read"
            hint = f"filter by {', '.join(name for name in _FIELDS if name not in _TEXTS)}"
            raise GatewayError(Code.ACCESS_DENIED, message, hint=hint)


def _reason(data: bytes) -> str:
    try:
        given = strictjson.read(data)
    except ValueError:
        given = None
    reason = given.get("reason") if isinstance(given, dict) else None
    if not isinstance(reason, str) or not 0 < len(reason) <= MAX_REASON:
        problem = (
            "no reason" if not reason else f"a reason that is not a text of at most {MAX_REASON} characters"
        )
        hint = 'send {"reason": "test rows of the shop"}'
        raise GatewayError(Code.BODY_INVALID, f"the body has {problem}", hint=hint)
    return reason
