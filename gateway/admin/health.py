"""`/-/healthy` and `/-/ready`: whether the process answers, and whether it serves connectors."""

from falcon.asgi import Request, Response

from gateway import __version__
from gateway.endpoints import reply
from gateway.endpoints.live import Live
from gateway.errors import Code
from gateway.store.errors import StoreAway
from gateway.store.interface import StoreReader


class HealthyResource:
    """`/-/healthy`: the process answers."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Respond that the process answers, with its version."""
        reply.json(resp, {"healthy": True, "version": __version__})


class ReadyResource:
    """`/-/ready`: the store is open, and the connectors have been read once."""

    def __init__(self, live: Live, store: StoreReader) -> None:
        self._live = live
        self._store = store

    async def on_get(self, req: Request, resp: Response) -> None:
        """Respond with the live snapshot. Without one, `server/lifespan.py` answers 503.

        A gateway that a server of its store does not answer is not ready, so that a balancer leaves it out.

        Raises:
            StoreAway: A server of the store does not answer.
        """
        if not self._store.is_reachable:
            raise StoreAway(Code.READ_FAILED)
        snapshot = self._live.snapshot
        reply.json(
            resp, {"ready": True, "generation": snapshot.generation, "connectors": len(snapshot.endpoints)}
        )
