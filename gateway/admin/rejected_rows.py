"""Rejected rows as values, for JSON and for pages: listed, counted, and discarded. Permissions are checked here."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.admin import rejected_choice
from gateway.admin.visible_connectors import VisibleConnector
from gateway.connectors.connector import Connector
from gateway.endpoints.negotiation import RequestHeaders
from gateway.endpoints.read_request import ReadRequest
from gateway.endpoints.services import Storage
from gateway.errors import Code, GatewayError
from gateway.query import dialect, parameters
from gateway.query.relation import selection_of
from gateway.query.render import Rendering
from gateway.store.rejection import STATES, rejected_of

#: The most characters of a reason for a discard.
MAX_REASON = 1000
#: The part of a connector that is meant, in the words of an error.
PART = "the rejected rows"


class RejectedRows:
    """The rejected rows of connectors. Belongs to the event loop."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def read(self, found: VisibleConnector, headers: RequestHeaders) -> tuple[ReadRequest, Rendering]:
        """Read rejected rows as the dialect asks for; the caller closes the rendering.

        Raises:
            GatewayError: The asker may not see them, or the query is invalid.
        """
        found.require(found.sight.rejected, PART)
        rejected = await self._table(found.connector)
        given = headers.query_string
        if "select" not in [key for key, _ in parameters.parameters_of(given)]:
            given = f"{given}&select={rejected_choice.SELECT}"
        token = found.token_of(found.sight.rejected)
        if token is not None:
            given = f"{given}&token=eq.{token}"
        read = ReadRequest.of(rejected, headers._replace(query_string=given))
        counted = read.prefers.count is not None
        rendering = await Rendering.open(
            self._storage.read_pool, read.statement, needs_count=counted, coding=read.coding
        )
        return read, rendering

    async def summary(self, found: VisibleConnector, query_string: str) -> dict[str, Any]:
        """Count rejected rows by state, and those of a filter by field and code; by default those that are kept.

        Raises:
            GatewayError: The asker may not count them, or may not see the texts that the filter compares.
        """
        seen = found.sight.rejected_counts
        found.require(seen, PART)
        connector, token = found.connector, found.token_of(seen)
        rejected = rejected_of(connector)
        query = rejected_choice.parse(query_string, rejected, token, kept_only=False)
        has_texts = found.sight.rejected == seen
        if not has_texts:
            rejected_choice.require_no_texts(query, connector)
        chosen, rows = selection_of(query, rejected), self._storage.reader.rejected

        def count() -> tuple[Mapping[str, int], Sequence[Mapping[str, Any]]]:
            if not rows.exists(connector):
                return {}, []
            return rows.states(connector, token), rows.summary(connector, chosen)

        counts, errors = await self._storage.read_pool.call(count)
        if not has_texts:  # A message quotes values of a row.
            errors = [{key: value for key, value in each.items() if key != "message"} for each in errors]
        by_state: dict[str, int] = {state: counts.get(state, 0) for state in STATES}
        return {"connector": connector.name, **by_state, "errors": errors}

    async def discard(self, found: VisibleConnector, query_string: str, reason: str) -> dict[str, Any]:
        """Mark the kept rows of a filter as discarded.

        Args:
            found: The connector of the rows.
            query_string: A filter, and with `expected` the number of rows that it must choose.
            reason: Why, in the words of the asker.

        Raises:
            GatewayError: The asker may not settle them, there is no filter, or the rows changed.
        """
        found.require(found.sight.settles, PART)
        connector, rejected = found.connector, rejected_of(found.connector)
        given, expected = rejected_choice.split_expected(query_string)
        if not dialect.parse(given, rejected).where:
            hint = "choose rows by a filter, such as _id=eq.7; _id=gte.0 chooses all kept rows"
            raise GatewayError(Code.UNFILTERED, hint=hint)
        token = found.token_of(found.sight.settles)
        query = rejected_choice.parse(given, rejected, token, kept_only=True)
        chosen, rows = selection_of(query, rejected), self._storage.reader.rejected
        ids = await self._storage.read_pool.call(
            lambda: rows.find_ids(connector, chosen, query.limit) if rows.exists(connector) else []
        )
        rejected_choice.require_expected(len(ids), expected)
        if ids:
            writer = self._storage.writer
            await writer.call(lambda store: store.discard(connector, ids, reason), connector.name)
        return {"connector": connector.name, "discarded": len(ids), "reason": reason}

    async def _table(self, connector: Connector) -> Connector:
        """Return the connector of the rejected rows; create their table if it is missing."""
        store = self._storage.reader
        if not await self._storage.read_pool.call(lambda: store.rejected.exists(connector)):
            await self._storage.writer.call(lambda store: store.ensure_rejected(connector), connector.name)
        return rejected_of(connector)


def require_reason(reason: object) -> str:
    """Return the reason of a discard.

    Raises:
        GatewayError: It is missing, not a text, or too long.
    """
    if isinstance(reason, str) and 0 < len(reason) <= MAX_REASON:
        return reason
    problem = "no reason" if not reason else f"a reason that is not a text of at most {MAX_REASON} characters"
    hint = 'send {"reason": "test rows of the shop"}'
    raise GatewayError(Code.BODY_INVALID, f"the body has {problem}", hint=hint)
