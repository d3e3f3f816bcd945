"""The batches of a connector, page by page, as far as an asker may see them."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from gateway.admin.visible_connectors import VisibleConnector
from gateway.endpoints.services import Storage
from gateway.errors import Code, GatewayError
from gateway.query import parameters
from gateway.store.batch import StoredBatch

MAX_BATCHES = 1000
#: The batches of a page that names no limit.
DEFAULT_BATCHES = 100


@dataclass(frozen=True, slots=True)
class BatchPage:
    """Some batches, newest first.

    Attributes:
        batches: The batches.
        token: The token that they are limited to by the query, None for all that the asker may see.
        is_first: Whether it is the page of the newest batches.
        following: The query string of the next page, None on the last.
    """

    batches: list[StoredBatch]
    token: str | None
    is_first: bool
    following: str | None


class BatchPages:
    """Reads pages of batches."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def read(
        self, found: VisibleConnector, query_string: str, default: int = DEFAULT_BATCHES
    ) -> BatchPage:
        """Return the batches that a query string chooses: `limit`, `token`, and `before`, which is the number of a batch.

        Args:
            found: The connector.
            query_string: The query string.
            default: The limit where it names none.

        Raises:
            GatewayError: The asker may see no batches, or a parameter is invalid.
        """
        found.require(found.sight.batches, "the batches")
        limit = parameters.whole_number(query_string, "limit", maximum=MAX_BATCHES, default=default)
        given = dict(reversed(parameters.parameters_of(query_string)))
        before, wanted = _batch_number(given.get("before") or None), given.get("token") or None
        token, name = found.token_among(found.sight.batches, wanted), found.connector.name
        newest = self._storage.reader.batches.newest
        # One more is read, to know whether there is a next page.
        batches = await self._storage.read_pool.call(lambda: newest(name, limit + 1, token, before))
        following = None
        if limit and len(batches) > limit:
            kept = "" if wanted is None else f"&token={quote(wanted, safe='')}"
            following = f"limit={limit}{kept}&before={batches[limit - 1].batch}"
        return BatchPage(batches[:limit], wanted, before is None, following)


def _batch_number(text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch("[0-9]{1,18}", text):
        message = f"before={text[:100]} is not the number of a batch"
        raise GatewayError(Code.QUERY_INVALID, message, hint="write the number of a batch, as `batch` has it")
    return int(text)
