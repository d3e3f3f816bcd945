"""The ASGI lifespan: starts the application in a thread, and answers 503 before and after it serves.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable
from typing import Protocol

from gateway.errors import not_ready, trace
from gateway.server import error_response
from gateway.server.scope import GREETING, OPEN_CONSOLE, Asgi, Event, Receive, Send

_log = logging.getLogger(__name__)

#: gunicorn gives up on a start after 30 seconds. After these seconds the start continues, and requests get 503.
START_SECONDS = 25.0
#: The exit code of a worker that cannot start: gunicorn then stops, instead of trying again forever.
BOOT_ERROR = 3


class Application(Protocol):
    """The application that the lifespan starts and stops."""

    app: Asgi
    #: The text for a user who starts the gateway at a terminal.
    greeting: str

    def open_console(self) -> None:
        """Open the console in a browser, signed in. May block."""

    def close(self) -> None:
        """Finish the accepted writes and release every resource. May block."""


class Lifespan:
    """Owns the application. Without one, before the start and during the shutdown, requests get 503."""

    def __init__(self, start: Callable[[], Application]) -> None:
        """Build the lifespan of an application; `start` builds it, in a thread, because it waits for locks and disks."""
        self._start = start
        self._starting: asyncio.Future[Application] | None = None
        self._is_serving = False
        self._has_started = threading.Event()
        self.application: Application | None = None

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
                if "state" in scope:
                    scope["state"][OPEN_CONSOLE] = self._open_console
                if self.application and "state" in scope:
                    scope["state"][GREETING] = self.application.greeting
            else:
                application, self.application = self.application, None
                if application is not None:
                    await asyncio.to_thread(application.close)
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
            _log.debug("the error was raised in %s", trace(error))
            if self._is_serving:
                os._exit(BOOT_ERROR)  # After the startup event gunicorn can be told in no other way.
        else:
            self.application = starting.result()
            self._has_started.set()

    def _open_console(self) -> None:
        self._has_started.wait()
        if application := self.application:
            application.open_console()

    def _http(self, scope: Event, receive: Receive, send: Send) -> Awaitable[None]:
        if self.application is None:
            return error_response.send(not_ready(), send)
        return self.application.app(scope, _falcon_receive(receive), send)


def _falcon_receive(receive: Receive) -> Receive:
    """Return a receive function whose first event is empty, so that Falcon reads no body before it routes.

    Reading makes gunicorn send `100 Continue`, and Falcon reads before it routes.
    """
    first = True

    async def falcon_receive() -> Event:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": b"", "more_body": True}
        return await receive()

    return falcon_receive
