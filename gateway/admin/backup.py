"""`/-/backup`: a copy of the whole store, to keep elsewhere."""

import asyncio
import os
from datetime import UTC, datetime

from falcon.asgi import Request, Response

from gateway.auth import permissions
from gateway.endpoints.services import Auth
from gateway.endpoints.spooled_body import FileSlice
from gateway.store.interface import StoreReader


class BackupResource:
    """`/-/backup`."""

    def __init__(self, store: StoreReader, auth: Auth) -> None:
        self._store = store
        self._auth = auth

    async def on_get(self, req: Request, resp: Response) -> None:
        """Copy the store as it is now, and send the copy."""
        permissions.require_admin(self._auth.credentials.authenticate(req.auth))
        # Not in a thread of the read pool: a copy takes long, and the pool is small.
        copy = await asyncio.to_thread(self._store.backup)
        size = os.fstat(copy.fileno()).st_size
        resp.content_type = "application/vnd.duckdb"
        resp.content_length = size
        name = f"gateway-{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}.duckdb"
        resp.set_header("Content-Disposition", f'attachment; filename="{name}"')
        resp.set_header("Cache-Control", "no-store")
        resp.stream = FileSlice(copy, 0, size)  # type: ignore[assignment]  # any async iterable with close() is iterated
