"""gunicorn's asgi worker: its connections, its excepthooks, and an orderly shutdown.

It builds on private names of gunicorn 27.0, which pyproject.toml therefore pins; `tests/server/test_server.py`
holds it to every one of them.
"""

import asyncio
import gc
import logging
import os
import sys
import threading
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from gunicorn.asgi.protocol import _REASON_PHRASES
from gunicorn.workers import gasgi

from gateway.connectors.write_mode import is_loopback
from gateway.errors import trace
from gateway.server import allocators, gunicorn_private
from gateway.server.connection import LOOK_SECONDS, Connection, RequestParser
from gateway.server.scope import GREETING, OPEN_CONSOLE
from gateway.settings import Settings
from gateway.threads import STOPPING
from gateway.unused_libraries import keep_out_unused

_log = logging.getLogger(__name__)

#: Shares of the graceful timeout: for the connections, and for the writer and the file.
_DRAIN_SHARE, _CLOSE_SHARE = 0.5, 0.45
#: How many more objects than before start a garbage collection.
_COLLECTION_OBJECTS = 10_000


class Worker(gasgi.ASGIWorker):  # type: ignore[misc]  # gunicorn has no types
    """The only worker process, which owns the DuckDB file."""

    #: Whether the console is opened in a browser once this worker serves.
    opens_console = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keep_out_unused()
        # PERF: Python collects garbage after 700 new objects. Under load 2 requests create those, and none is garbage.
        gc.set_threshold(_COLLECTION_OBJECTS)
        self.connections: set[Connection] = set()
        #: Whether each response from now on announces that its connection closes.
        self.is_stopping = False
        self._serving: asyncio.Task[None] | None = None
        self.gateway_settings = Settings.read()
        for status in HTTPStatus:  # gunicorn has only some of the phrases.
            _REASON_PHRASES.setdefault(status.value, status.phrase)
        gasgi.ASGIProtocol = Connection  # The worker builds its connections from this class.
        gunicorn_private.use_parser(RequestParser)
        # Python's own hooks print the messages of uncaught errors, which may hold row values.
        sys.excepthook = lambda _, error, __: _log.critical("uncaught error: %s", trace(error))
        threading.excepthook = lambda args: _report(args.exc_value)

    def init_process(self) -> None:
        """Run the worker, in its process. `GATEWAY_BIND` becomes the address that it listens at."""
        os.environ["GATEWAY_BIND"] = _address_of(self.sockets)
        allocators.return_freed_memory()
        super().init_process()

    def init_signals(self) -> None:
        """Set the exception handler of the event loop."""
        super().init_signals()
        self.loop.set_exception_handler(
            lambda _, context: _report(context.get("exception"), context["message"])
        )

    def handle_exit_signal(self) -> None:
        """Stop the worker, also while it waits for the data directory.

        While it serves, `alive` stays true: gunicorn closes the connection of each response that ends without it, also
        of one that began before the signal and announced nothing. A client would send its next request there.
        """
        STOPPING.set()
        if self.is_stopping:
            return
        self.is_stopping = True
        if self._serving is None:
            super().handle_exit_signal()
        else:
            self._serving.cancel()  # This ends the loop of heartbeats, and the shutdown begins.

    def handle_quit_signal(self) -> None:
        """Stop the worker without draining its connections."""
        STOPPING.set()
        super().handle_quit_signal()

    def notify(self) -> None:
        """Send the heartbeat to the arbiter; the first one begins the service."""
        super().notify()
        if self.servers and self._serving is None:
            self._begin()

    def _begin(self) -> None:
        self._serving = asyncio.current_task()
        for listener in self.sockets:
            listener.sock.listen(self.cfg.backlog)  # The event loop has set it to its own default of 100.
        if text := self.state.pop(GREETING, None):
            _greet(text)
        if self.opens_console:
            opening = self.state[OPEN_CONSOLE]
            threading.Thread(target=opening, name="browser", daemon=True).start()

    async def _shutdown(self) -> None:
        """Drain the connections, then always run the lifespan's shutdown, within the graceful timeout."""
        self.is_stopping = True
        self.log.info("stopping: %d connections to drain", len(self.connections))
        for server in self.servers:
            server.close()
        await self._drain(self.cfg.graceful_timeout * _DRAIN_SHARE)
        if self.lifespan is not None:
            try:
                await asyncio.wait_for(self.lifespan.shutdown(), self.cfg.graceful_timeout * _CLOSE_SHARE)
            except TimeoutError:
                self.log.error("the store did not close in time; every acknowledged row is in its WAL")  # noqa: TRY400

    async def _drain(self, seconds: float) -> None:
        end = self.loop.time() + seconds
        while self.connections and self.loop.time() < end and not self._quick_shutdown:
            for connection in list(self.connections):
                connection.end_if_idle()
            await asyncio.sleep(LOOK_SECONDS)
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.abort()


def _report(error: BaseException | None, event: str = "a thread ended") -> None:
    if not isinstance(error, SystemExit):
        _log.error("%s: %s", event, trace(error) if error else "without an error")


def _address_of(listeners: Iterable[Any]) -> str:
    """Return the address of listening sockets that reaches furthest: one that other machines can reach, if there is one."""
    addresses = [_shown(each.sock.getsockname()) for each in listeners]
    return next((each for each in addresses if not is_loopback(each)), addresses[0])


def _shown(name: Any) -> str:
    """Return the name of a socket, as `GATEWAY_BIND` has it."""
    if not isinstance(name, tuple):
        return f"unix:{os.fsdecode(name).strip(chr(0))}"
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"


def _greet(text: str) -> None:
    """Print the greeting if stderr is a terminal, not into a log."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)  # noqa: T201  # a text for the user at the terminal
