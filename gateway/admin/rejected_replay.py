"""Another try of rejected rows, for JSON and for pages: a replay stores what is valid now, a check stores nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.admin import rejected_choice
from gateway.admin.rejected_rows import PART
from gateway.admin.visible_connectors import VisibleConnector, visible_to
from gateway.connectors.connector import Connector
from gateway.endpoints.endpoint import Endpoint
from gateway.endpoints.live import Live
from gateway.endpoints.services import Intake, Storage
from gateway.errors import Code, GatewayError
from gateway.ingest.replay import Replay, replay, without_conflicts
from gateway.query.query import Filter, Query
from gateway.query.relation import selection_of
from gateway.store.batch import NO_ROWS, KeyConflicts, Receipt
from gateway.store.rejection import RejectedRow, RepairedRows, rejected_of
from gateway.strictjson import Json

#: The most rejected rows of one replay.
MAX_REPLAYED = 200_000


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check, of which nothing is stored.

    Attributes:
        received: The number of rows that were checked.
        valid_ids: The `_id`s of those that would be stored.
        rejected: The number of the others.
        errors: Their errors, as many as a response lists.
    """

    received: int
    valid_ids: tuple[int, ...]
    rejected: int
    errors: tuple[Mapping[str, Any], ...]

    def body(self) -> dict[str, Any]:
        """Return it as the JSON of a response."""
        return {
            "received": self.received,
            "valid": len(self.valid_ids),
            "rejected": self.rejected,
            "valid_ids": list(self.valid_ids),
            "errors": list(self.errors),
        }


class RejectedReplay:
    """Tries rejected rows again. Belongs to the event loop.

    Every method takes the choice of rows as a query string, and the edited rows by `_id`. `expected` in the query string is
    the number of rows that the choice must have. GatewayError says that the asker may not settle them, that the query is
    invalid, or that the rows changed.
    """

    def __init__(self, storage: Storage, intake: Intake, live: Live) -> None:
        self._storage = storage
        self._intake = intake
        self._live = live

    async def replay(self, found: VisibleConnector, query_string: str, edited: Mapping[int, Json]) -> Receipt:
        """Check rows against the schema of now, and store the valid ones in one transaction.

        Raises:
            GatewayError: As described above; 507 if the disk is full.
        """
        found.require(found.sight.settles, PART)

        async def act(endpoint: Endpoint) -> Receipt:
            present = visible_to(found.asker, endpoint)
            tried = await self._try(present, query_string, edited)
            return await self._store(endpoint.connector, tried) if tried.rows else NO_ROWS

        # The rows come from the store, not from a body, so the budget of bodies holds nothing for them. The disk must
        # have space for them all the same.
        with self._storage.writer.reserve(0, found.connector.name):
            return await self._live.retrying(found.endpoint, act)

    async def check(self, found: VisibleConnector, query_string: str, edited: Mapping[int, Json]) -> Checked:
        """Check rows against the schema of now, as a replay would."""
        found.require(found.sight.settles, PART)

        async def act(endpoint: Endpoint) -> Checked:
            tried = await self._try(visible_to(found.asker, endpoint), query_string, edited)
            done = tried.result
            valid = sorted(id for part in done.parts for id in part.ids)
            return Checked(len(tried.rows), tuple(valid), done.bad, tuple(done.errors))

        return await self._live.retrying(found.endpoint, act)

    async def _find_conflicts(self, part: RepairedRows) -> KeyConflicts:
        """Return the rows that cannot be stored because of their primary key."""
        if part.batch.on_conflict != "reject" or not part.batch.connector.primary_key:
            return KeyConflicts((), ())
        reader = self._storage.reader
        return await self._storage.read_pool.call(lambda: reader.find_key_conflicts(part.batch))

    async def _store(self, connector: Connector, tried: "_Tried") -> Receipt:
        done = tried.result
        receipts = await self._storage.writer.call(
            lambda store: store.replay(connector, done.parts, done.amendments), connector.name
        )
        return _together(receipts, len(tried.rows), done)

    async def _try(self, found: VisibleConnector, query_string: str, edited: Mapping[int, Json]) -> "_Tried":
        found.require(found.sight.settles, PART)
        endpoint, connector = found.endpoint, found.connector
        rejected, token = rejected_of(connector), found.token_of(found.sight.settles)
        given, expected = rejected_choice.split_expected(query_string)
        query = rejected_choice.parse(given, rejected, token, kept_only=True)
        if edited:
            query = replace(query, where=(*query.where, Filter(rejected_choice.ID, "in", tuple(edited))))
        rows = await self._choose(connector, query, expected)
        if unknown := edited.keys() - {each.id for each in rows}:
            message = f"there is no rejected row {min(unknown)} that is kept"
            hint = "list the rejected rows, and choose again"
            raise GatewayError(Code.REJECTED_CHANGED, message, hint=hint)
        if not rows:
            return _Tried(rows, Replay())
        result = await self._intake.parse_pool.call(
            lambda: replay(rows, edited, endpoint.validator, connector, found.asker.token), connector.name
        )
        conflicts = [await self._find_conflicts(part) for part in result.parts]
        if any(each.places for each in conflicts):
            result = await self._intake.parse_pool.call(
                lambda: without_conflicts(result, conflicts, rows, edited), connector.name
            )
        return _Tried(rows, result)

    async def _choose(self, connector: Connector, query: Query, expected: int | None) -> list[RejectedRow]:
        """Read the rejected rows of a query.

        Raises:
            GatewayError: They are more than a replay, or larger than a body, may be; or other than expected.
        """
        rejected, rows = rejected_of(connector), self._storage.reader.rejected
        chosen, most = selection_of(query, rejected), self._intake.settings.max_body

        def read() -> list[RejectedRow]:
            exists = rows.exists(connector)
            count, size = rows.measure(connector, chosen, query.limit) if exists else (0, 0)
            rejected_choice.require_expected(count, expected)
            if size > most or count > MAX_REPLAYED:
                hint = "choose fewer rows by a filter, or replay them in parts with limit=10000"
                message = f"{count} rows of {size} bytes are more than {MAX_REPLAYED}, or than {most} bytes"
                raise GatewayError(Code.BODY_TOO_LARGE, message, hint=hint)
            return rows.find(connector, chosen, query.limit) if exists else []

        return await self._storage.read_pool.call(read)


@dataclass(frozen=True, slots=True)
class _Tried:
    """Rejected rows, and the result of checking them again."""

    rows: Sequence[RejectedRow]
    result: Replay


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
