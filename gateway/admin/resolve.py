"""`/-/resolve`: the store and connector of a name or path, and the stored rows of some batches.

`gateway load` calls it with a token that may only write, to find out which of its batches are stored.
"""

from typing import Any

from falcon.asgi import Request, Response

from gateway.auth import permissions
from gateway.connectors.connector import Connector
from gateway.endpoints import reply
from gateway.endpoints.live import Live
from gateway.endpoints.services import Auth, Storage
from gateway.errors import Code, GatewayError, suggest
from gateway.instants import rfc3339

#: The most batches of one request.
MAX_BATCHES = 500


class ResolveResource:
    """Resolves connectors that a token may write to."""

    def __init__(self, auth: Auth, storage: Storage, live: Live) -> None:
        self._auth = auth
        self._storage = storage
        self._live = live

    async def on_get(self, req: Request, resp: Response) -> None:
        """Resolve `?connector=`, a name or a path, with `&batch=`, numbers of batches between commas."""
        reply.json(resp, await self._live.settled(lambda: self._resolve(req)))

    async def _resolve(self, req: Request) -> dict[str, Any]:
        token = self._auth.credentials.authenticate(req.auth)
        wanted = req.get_param("connector", default="")
        connector = self._find(wanted)
        if connector is None or not permissions.can(token, connector.access, "ingest"):
            permissions.require_admin(
                token
            )  # Without the right to write, a token must not learn what exists.
        if connector is None:
            raise self._unknown(wanted)
        numbers = _numbers(req.get_param("batch", default=""))
        found = await self._storage.read_pool.call(
            lambda: self._storage.reader.batches.find(connector, numbers)
        )
        return {
            "store": self._storage.reader.id,
            "connector": connector.name,
            "path": connector.path,
            "batches": [
                {
                    "batch": each.batch,
                    "committed_at": rfc3339(each.committed_at),
                    "rows": each.rows,
                    "left": left,
                }
                for each, left in found
            ],
        }

    def _find(self, wanted: str) -> Connector | None:
        endpoints = self._live.snapshot.endpoints
        if not wanted.startswith("/"):
            return endpoints[wanted].connector if wanted in endpoints else None
        path = wanted.rstrip("/")
        return next((each.connector for each in endpoints.values() if each.connector.path == path), None)

    def _unknown(self, wanted: str) -> GatewayError:
        """Build the error with similar names; only the admin gets here."""
        snapshot = self._live.snapshot
        for gone in snapshot.gone.values():
            if wanted in (gone.connector.name, gone.connector.path):
                return gone.error(is_admin=True)
        known = sorted({each.connector.path for each in snapshot.endpoints.values()})
        names = known if wanted.startswith("/") else sorted(snapshot.endpoints)
        kind = "connector at the path" if wanted.startswith("/") else "connector"
        hint = (
            suggest(wanted, names, "there are") if names else "there is none yet: add a file to connectors.d"
        )
        return GatewayError(Code.ENDPOINT_UNKNOWN, f"there is no {kind} {wanted[:80]!r}", hint=hint)


def _numbers(text: str) -> list[int]:
    numbers = text.split(",") if text else []
    if len(numbers) > MAX_BATCHES or not all(each.isdecimal() and len(each) < 19 for each in numbers):
        hint = f"write at most {MAX_BATCHES} numbers of batches with commas between them"
        raise GatewayError(Code.QUERY_INVALID, f"batch={text[:80]!r} is not a list of batches", hint=hint)
    return [int(each) for each in numbers]
