"""`/-/resolve`: the store and connector of a name or path, and the stored rows of some batches.

`gateway load` calls it with a token that may only write, to find out which of its batches are stored.
"""

from collections.abc import Sequence
from typing import Any

from falcon.asgi import Request, Response

from gateway.admin.visible_connectors import VisibleConnector, VisibleConnectors
from gateway.auth import permissions
from gateway.auth.permissions import Asker
from gateway.connectors.connector import PUBLIC, Connector
from gateway.endpoints import reply
from gateway.endpoints.live import Live
from gateway.endpoints.services import Storage
from gateway.errors import Code, GatewayError, suggest
from gateway.instants import rfc3339

#: How many batches of one load may be under way, in the order of their `Idempotency-After`.
IN_FLIGHT = 2
#: The most batches of one request.
MAX_BATCHES = 500


class ResolveResource:
    """Resolves connectors that a token may write to."""

    def __init__(self, connectors: VisibleConnectors, storage: Storage, live: Live) -> None:
        self._connectors = connectors
        self._storage = storage
        self._live = live

    async def on_get(self, req: Request, resp: Response) -> None:
        """Resolve `?connector=`, a name or a path, with `&batch=`, batches between commas.

        A batch is its number, or `NUMBER@COMMITTED_AT`. Who knows that instant knows the batch already, so it is also
        resolved for another token than its own: a load goes on with a new token, and stores no row twice.
        """
        reply.json(resp, await self._live.settled(lambda: self._resolve(req)))

    async def _resolve(self, req: Request) -> dict[str, Any]:
        found = self._find(self._connectors.asker(req), req.get_param("connector", default=""))
        if "ingest" not in found.sight.verbs:
            raise permissions.denied(found.asker.token, "ingest")
        connector, token = found.connector, found.token_of(found.sight.batches)
        wanted = _batches(req.get_param("batch", default=""))
        batches = await self._storage.read_pool.call(
            lambda: self._storage.reader.batches.find(connector, list(wanted))
        )
        return {
            "store": self._storage.reader.id,
            "connector": connector.name,
            "path": connector.path,
            # The keys of batches belong to it.
            "token": found.asker.token or PUBLIC,
            # A proxy may remove a header that it does not know.
            "in_flight": IN_FLIGHT if req.get_header("Idempotency-After") else 1,
            "batches": [
                {
                    "batch": each.batch,
                    "committed_at": committed_at,
                    "rows": each.rows,
                    "left": left,
                }
                for each, left in batches
                if (committed_at := rfc3339(each.committed_at)) == wanted[each.batch]
                or token in (None, each.token)
            ],
        }

    def _find(self, asker: Asker, wanted: str) -> VisibleConnector:
        visible = list(self._connectors.all(asker))
        path = wanted.rstrip("/") if wanted.startswith("/") else None
        for each in visible:
            if each.connector.path == path if path is not None else each.connector.name == wanted:
                return each
        raise self._unknown(asker, wanted, [each.connector for each in visible])

    def _unknown(self, asker: Asker, wanted: str, visible: Sequence[Connector]) -> GatewayError:
        """Build the error with the most similar name that the asker may see."""
        for gone in self._live.snapshot.gone.values() if asker.views else ():
            if wanted in (gone.connector.name, gone.connector.path):
                return gone.error(is_admin=asker.is_admin)
        is_path = wanted.startswith("/")
        names = sorted(each.path if is_path else each.name for each in visible)
        kind = "connector at the path" if is_path else "connector"
        nothing = (
            "there is none yet: add a file to connectors.d" if asker.views else "check the name and the token"
        )
        hint = suggest(wanted, names, "there are") if names else nothing
        return GatewayError(Code.ENDPOINT_UNKNOWN, f"there is no {kind} {wanted[:80]!r}", hint=hint)


def _batches(text: str) -> dict[int, str | None]:
    """Parse batches to the instants at which they were committed, by their numbers; None where none is given."""
    parts = [each.partition("@") for each in text.split(",")] if text else []
    numbers = [number for number, _, _ in parts]
    if len(parts) > MAX_BATCHES or not all(each.isdecimal() and len(each) < 19 for each in numbers):
        hint = f"write at most {MAX_BATCHES} numbers of batches with commas between them"
        raise GatewayError(Code.QUERY_INVALID, f"batch={text[:80]!r} is not a list of batches", hint=hint)
    return {int(number): instant or None for number, _, instant in parts}
