"""gunicorn's asgi worker with the deadlines it lacks.

It builds on private names of gunicorn 27.0, which pyproject.toml therefore pins; `tests/server/test_server.py`
holds it to every one of them.
"""

import asyncio
import gc
import logging
import sys
import threading
from http import HTTPStatus
from typing import Any

from gunicorn.asgi.protocol import _REASON_PHRASES, ASGIProtocol
from gunicorn.workers import gasgi

from gateway.errors import trace
from gateway.server.connection import Connection, RequestParser
from gateway.server.scope import GREETING
from gateway.settings import Settings
from gateway.threads import STOPPING

_log = logging.getLogger(__name__)

#: What part of the graceful timeout the connections get; the rest belongs to the writer and the file.
_DRAIN_SHARE, _CLOSE_SHARE = 0.5, 0.45
#: How many objects more than before there are when it is looked for garbage.
_OBJECTS = 10_000
#: How long an idle connection is left open while draining: a client in full flow learns from its next answer
#: that the connection closes, instead of finding it closed.
_IDLE_SECONDS = 1.0


class _NoPandas:
    """Keeps pandas out of the process: pyarrow and duckdb import it where they find it, and nothing here uses it.

    It takes a third of a second of the first request, and some 40 MiB for good.
    """

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("the gateway does without pandas", name=name)


class Worker(gasgi.ASGIWorker):  # type: ignore[misc]  # gunicorn has no types
    """The one worker process: it owns the DuckDB file."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sys.meta_path.insert(0, _NoPandas)
        # Python looks for garbage each time there are 700 objects more than before, which in a crowd of requests are
        # those of two of them, and none of it garbage.
        gc.set_threshold(_OBJECTS)
        self.connections: set[Connection] = set()
        self.gateway_settings = Settings.read()
        for status in HTTPStatus:  # gunicorn knows some of the phrases.
            _REASON_PHRASES.setdefault(status.value, status.phrase)
        gasgi.ASGIProtocol = Connection  # It is what the worker makes its connections of.
        # Asked by itself, a class that is made of it notes what it has found where nobody looks.
        ASGIProtocol._check_h1c_protocol_available()  # noqa: SLF001
        ASGIProtocol._h1c_protocol_class = RequestParser  # noqa: SLF001
        # Python's own ways to report what nobody caught show messages, which may hold row values.
        sys.excepthook = lambda _, error, __: _log.critical("nobody caught: %s", trace(error))
        threading.excepthook = lambda args: _report(args.exc_value)

    def init_signals(self) -> None:
        """Set up what the event loop calls."""
        super().init_signals()
        self.loop.set_exception_handler(
            lambda _, context: _report(context.get("exception"), context["message"])
        )

    def handle_exit_signal(self) -> None:
        """Stop; a start that waits for the data directory stops waiting."""
        STOPPING.set()
        super().handle_exit_signal()

    def handle_quit_signal(self) -> None:
        """Stop at once, likewise."""
        STOPPING.set()
        super().handle_quit_signal()

    def notify(self) -> None:
        """Tell the arbiter that the worker is alive; the first time, greet whoever has started it."""
        super().notify()
        if self.servers and (text := self.state.pop(GREETING, None)):
            _greet(text)

    async def _shutdown(self) -> None:
        """Drain the connections, then always run the lifespan's end, inside the time the arbiter gives."""
        self.log.info("stopping: %d connections to drain", len(self.connections))
        for server in self.servers:
            server.close()
        await self._drain(self.cfg.graceful_timeout * _DRAIN_SHARE)
        if self.lifespan is not None:
            try:
                await asyncio.wait_for(self.lifespan.shutdown(), self.cfg.graceful_timeout * _CLOSE_SHARE)
            except TimeoutError:
                self.log.error("the store did not close in time; what was acknowledged is in its WAL")  # noqa: TRY400

    async def _drain(self, seconds: float) -> None:
        began = self.loop.time()
        while self.connections and self.loop.time() < began + seconds and not self._quick_shutdown:
            for protocol in [each for each in self.connections if each.is_idle]:
                if self.loop.time() > began + _IDLE_SECONDS:
                    protocol.end()
            await asyncio.sleep(0.02)
        for protocol in list(self.connections):
            if protocol.transport is not None:
                protocol.transport.abort()


def _report(error: BaseException | None, what: str = "a thread ended") -> None:
    if not isinstance(error, SystemExit):
        _log.error("%s: %s", what, trace(error) if error else "nobody knows why")


def _greet(text: str) -> None:
    """Show it where somebody looks; a log has no use for it."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)  # noqa: T201  # it is for the person who has started it
