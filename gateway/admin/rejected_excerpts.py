"""Rejected rows for people: pages of excerpts with their numbers, and one row with its neighbors."""

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.admin import rejected_choice
from gateway.admin.rejected_rows import PART
from gateway.admin.visible_connectors import VisibleConnector
from gateway.connectors.connector import Connector
from gateway.endpoints.services import Storage
from gateway.errors import Code, GatewayError, not_implemented
from gateway.query.parameters import parameters_of
from gateway.query.query import Query
from gateway.query.relation import selection_of
from gateway.store.batch import MAX_LISTED, StoredBatch
from gateway.store.rejection import STATES, RejectedExcerpt, rejected_of
from gateway.store.selection import Selection

#: The rows of a page, by default and at most.
PAGE_ROWS, PAGE_ROWS_MAX = 50, 200
#: The characters of a text, and the errors of a row, that a page of rows shows.
_PAGE_CHARACTERS, _PAGE_ERRORS = 200, 3
#: The characters of a text that the page of one row shows.
ROW_CHARACTERS = 2**18
#: The parameters of the dialect that only programs use here.
_NOT_OF_PAGES = ("select", "offset", "format")


@dataclass(frozen=True, slots=True)
class RejectedPage:
    """A page of rejected rows, and the numbers of all rows of its filter.

    Attributes:
        by_state: The number of rows in each state, without the filter.
        errors: The rows of the filter by field and code of their errors.
        rows: The rows of the page; None if the asker may not see their texts.
        total: The number of rows of the filter whose texts the asker may see.
        can_settle: The number of rows of the filter that the asker may replay and discard now.
        filters: The query string of the filter alone.
        limit: The most rows of the page.
        next: The cursor of the next page, or None.
        previous: The cursor of the page before; 0 for the first page, None if this one is the first.
        has_texts: Whether the asker may filter by texts, of which the errors are a part.
    """

    by_state: Mapping[str, int]
    errors: Sequence[Mapping[str, Any]]
    rows: Sequence[RejectedExcerpt] | None
    total: int
    can_settle: int
    filters: str
    limit: int
    next: int | None
    previous: int | None
    has_texts: bool


@dataclass(frozen=True, slots=True)
class RejectedOne:
    """One rejected row.

    Attributes:
        excerpt: The row, with the beginning of its text and all stored errors.
        newer: The `_id` of the next later row of the filter, or None.
        older: The `_id` of the next earlier row of the filter, or None.
        can_settle: Whether the asker may replay and discard it now.
        replayed_by: The token that replayed it, or None.
    """

    excerpt: RejectedExcerpt
    newer: int | None
    older: int | None
    can_settle: bool
    replayed_by: str | None


class RejectedExcerpts:
    """Reads excerpts of rejected rows. Belongs to the event loop."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def page(self, found: VisibleConnector, query_string: str) -> RejectedPage:
        """Read the page that a query asks for, latest rows first unless `order=_id` says otherwise.

        Raises:
            GatewayError: The asker may not count the rows, or the query is invalid.
        """
        seen, connector = found.sight.rejected_counts, found.connector
        found.require(seen, PART)
        rejected = rejected_of(connector)
        query = rejected_choice.parse(query_string, rejected, found.token_of(seen), kept_only=False)
        _require_page(query_string, query)
        has_texts = found.sight.rejected == seen
        if not has_texts:
            rejected_choice.require_no_texts(query, connector)
        filters = rejected_choice.filters_of(query_string, rejected)
        return await self._storage.read_pool.call(lambda: self._page(found, query, filters, has_texts))

    def _page(self, found: VisibleConnector, query: Query, filters: str, has_texts: bool) -> RejectedPage:
        """Read a page, in a thread. PERF: each filter runs once; among 100,000 rows that takes 0.2 s."""
        connector, rows = found.connector, self._storage.reader.rejected
        limit = min(query.limit or PAGE_ROWS, PAGE_ROWS_MAX)
        by_state: dict[str, int] = dict.fromkeys(STATES, 0)
        if not rows.exists(connector):
            listed: list[RejectedExcerpt] | None = None if found.sight.rejected == "none" else []
            return RejectedPage(by_state, [], listed, 0, 0, filters, limit, None, None, has_texts)
        counted = self._ids(connector, query)
        summary = rows.summary(connector, Selection.of_ids(counted))
        if not has_texts:  # A message quotes values of a row.
            summary = [{key: value for key, value in each.items() if key != "message"} for each in summary]
        seen = counted if has_texts else self._visible_ids(found, filters)
        is_descending = not query.order or query.order[0].is_descending
        shown, following, before = _window(seen, query.cursor, limit, is_descending=is_descending)
        return RejectedPage(
            {**by_state, **rows.states(connector, found.token_of(found.sight.rejected_counts))},
            summary,
            None if found.sight.rejected == "none" else self._excerpts(connector, shown),
            len(seen),
            self._count_settled(found, filters, query, counted),
            filters,
            limit,
            following,
            before,
            has_texts,
        )

    def _excerpts(self, connector: Connector, ids: Sequence[int]) -> list[RejectedExcerpt]:
        """Return the rows of a page in its order; one that was deleted meanwhile is left out."""
        read = self._storage.reader.rejected.excerpts(
            connector, Selection.of_ids(ids), characters=_PAGE_CHARACTERS, errors=_PAGE_ERRORS
        )
        by_id = {each.id: each for each in read}
        return [by_id[id] for id in ids if id in by_id]

    def _visible_ids(self, found: VisibleConnector, filters: str) -> list[int]:
        """Return the rows of a filter whose texts the asker may see."""
        seen, connector = found.sight.rejected, found.connector
        if seen == "none" or not self._storage.reader.rejected.exists(connector):
            return []
        token = found.token_of(seen)
        query = rejected_choice.parse(filters, rejected_of(connector), token, kept_only=False)
        return self._ids(connector, query)

    def _count_settled(
        self, found: VisibleConnector, filters: str, query: Query, counted: Sequence[int]
    ) -> int:
        """Count the rows of a filter that the asker may replay and discard; `counted` are the rows of its query."""
        if found.sight.settles == "none":
            return 0
        token = found.token_of(found.sight.settles)
        settled = rejected_choice.parse(filters, rejected_of(found.connector), token, kept_only=True)
        if all(each in settled.where for each in query.where) and all(
            each in query.where for each in settled.where
        ):
            return len(counted)
        return len(self._ids(found.connector, settled))

    def _ids(self, connector: Connector, query: Query) -> list[int]:
        selection = selection_of(query, rejected_of(connector))
        return self._storage.reader.rejected.find_ids(connector, selection, None)

    async def row(self, found: VisibleConnector, id: int, query_string: str) -> RejectedOne:
        """Read one row, with its neighbors among the rows of a filter.

        Raises:
            GatewayError: The asker may not see texts of rejected rows, there is no such row for it, or the query is invalid.
        """
        found.require(found.sight.rejected, PART)
        rejected = rejected_of(found.connector)
        filters = rejected_choice.filters_of(query_string, rejected)
        rejected_choice.parse(filters, rejected, None, kept_only=False)
        return await self._storage.read_pool.call(lambda: self._row(found, id, filters))

    def _row(self, found: VisibleConnector, id: int, filters: str) -> RejectedOne:
        excerpt = self._find(found, id, ROW_CHARACTERS)
        ids = self._visible_ids(found, filters)
        place = bisect.bisect_left(ids, id)
        after = place + (place < len(ids) and ids[place] == id)
        settles = found.sight.settles
        return RejectedOne(
            excerpt,
            ids[after] if after < len(ids) else None,
            ids[place - 1] if place else None,
            excerpt.state == "kept"
            and (settles == "all" or (settles == "own" and excerpt.token == found.asker.token)),
            self._token_of(found, excerpt.settled_batch),
        )

    async def text(self, found: VisibleConnector, id: int) -> str:
        """Read the whole text of one row.

        Raises:
            GatewayError: As `row` does.
        """
        found.require(found.sight.rejected, PART)
        rows = self._storage.reader.rejected

        def read() -> str:
            self._find(found, id, 1)
            [row] = rows.find(found.connector, Selection.of_ids([id]), None)
            return row.raw

        return await self._storage.read_pool.call(read)

    def _find(self, found: VisibleConnector, id: int, characters: int) -> RejectedExcerpt:
        connector, rows = found.connector, self._storage.reader.rejected
        token = found.token_of(found.sight.rejected)
        excerpts = (
            rows.excerpts(connector, Selection.of_ids([id]), characters=characters, errors=MAX_LISTED)
            if rows.exists(connector)
            else []
        )
        if not excerpts or token not in (None, excerpts[0].token):
            message = f"there is no rejected row {id} of '{connector.name}' that you may see"
            raise GatewayError(Code.ENDPOINT_UNKNOWN, message, hint="list the rejected rows")
        return excerpts[0]

    def _token_of(self, found: VisibleConnector, batch: int | None) -> str | None:
        """Return the token of a batch that the asker may see."""
        if batch is None or found.sight.batches == "none":
            return None
        stored: list[StoredBatch] = [
            each for each, _ in self._storage.reader.batches.find(found.connector, [batch])
        ]
        token = stored[0].token if stored else None
        return token if found.token_of(found.sight.batches) in (None, token) else None


def _require_page(query_string: str, query: Query) -> None:
    """Check that a query asks for a page of rows.

    Raises:
        GatewayError: It asks for columns, a format, or another order than that of `_id`.
    """
    names = {key for key, _ in parameters_of(query_string)}
    for name in _NOT_OF_PAGES:
        if name in names:
            raise not_implemented(f"the parameter '{name}' on this page", "leave it out")
    if any(term.column != rejected_choice.ID for term in query.order):
        raise not_implemented("this order of rejected rows", "write order=_id.desc or order=_id")


def _window(
    ids: Sequence[int], after: int | None, limit: int, *, is_descending: bool
) -> tuple[Sequence[int], int | None, int | None]:
    """Return the `_id`s of a page in its order, and the cursors of the next page and of the page before.

    Args:
        ids: All `_id`s, ascending.
        after: The `_id` after which the page begins, or None.
        limit: The most rows of the page.
        is_descending: Whether the latest row comes first.
    """
    if is_descending:
        end = len(ids) if after is None else bisect.bisect_left(ids, after)
        start = max(end - limit, 0)
        shown = ids[start:end][::-1]
        has_next, has_before = start > 0, end < len(ids)
        before = ids[end + limit] if end + limit < len(ids) else 0
    else:
        start = 0 if after is None else bisect.bisect_right(ids, after)
        end = min(start + limit, len(ids))
        shown = ids[start:end]
        has_next, has_before = end < len(ids), start > 0
        before = ids[start - limit - 1] if start > limit else 0
    return shown, shown[-1] if has_next and shown else None, before if has_before else None
