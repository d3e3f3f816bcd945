"""The shell: start and stop, and bodies that are broken off before their end.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Protocol

from gateway.errors import not_ready, trace
from gateway.server import error_response
from gateway.server.scope import GREETING, Asgi, Event, Receive, Send

_log = logging.getLogger(__name__)

#: gunicorn gives a start 30 seconds and then gives up; after this many the start goes on behind 503s.
START_SECONDS = 25.0
#: The exit code by which gunicorn knows a worker that cannot start, and stops instead of trying for ever.
BOOT_ERROR = 3


class Application(Protocol):
    """What the shell starts and stops."""

    app: Asgi
    #: What a person who has started it at a terminal is shown.
    greeting: str

    def close(self) -> None:
        """Finish what was accepted and let go of everything. May block."""


class Lifespan:
    """Owns the lifespan. Until the service is there, and once it is going, requests get 503."""

    def __init__(self, start: Callable[[], Application]) -> None:
        """Take what makes the service; it runs in a thread, for it waits for locks and disks."""
        self._start = start
        self._starting: asyncio.Future[Application] | None = None
        self._is_serving = False
        self.service: Application | None = None

    def __call__(self, scope: Event, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            return self._http(scope, receive, send)
        if scope["type"] == "lifespan":
            return self._lifespan(scope, receive, send)
        return send({"type": "websocket.close", "code": 1003})

    async def _lifespan(self, scope: Event, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                await self._startup(send)
                if self.service and "state" in scope:
                    scope["state"][GREETING] = self.service.greeting
            else:
                service, self.service = self.service, None
                if service is not None:
                    await asyncio.to_thread(service.close)
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _startup(self, send: Send) -> None:
        self._starting = asyncio.ensure_future(asyncio.to_thread(self._start))
        self._starting.add_done_callback(self._started)
        await asyncio.wait([self._starting], timeout=START_SECONDS)
        if self._starting.done() and (error := self._starting.exception()):
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        self._is_serving = True
        await send({"type": "lifespan.startup.complete"})

    def _started(self, starting: "asyncio.Future[Application]") -> None:
        if starting.cancelled():
            return
        if error := starting.exception():
            _log.error("the gateway cannot start: %s", error)
            _log.debug("it came from %s", trace(error))
            if self._is_serving:
                os._exit(BOOT_ERROR)  # It is too late to tell gunicorn in another way.
        else:
            self.service = starting.result()

    def _http(self, scope: Event, receive: Receive, send: Send) -> Awaitable[None]:
        if self.service is None:
            return error_response.send(not_ready(), send)
        return self.service.app(scope, _falcon_receive(receive), send)


def _falcon_receive(receive: Receive) -> Receive:
    """Give Falcon a first event at once, so that nothing of a body is asked for before the endpoint wants it.

    Asking is what makes gunicorn send `100 Continue`, and Falcon asks before it routes.
    """
    first = True

    async def falcon_receive() -> Event:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": b"", "more_body": True}
        return await receive()

    return falcon_receive
