"""gunicorn's asgi worker with the deadlines it lacks, and gunicorn's settings, each with its reason.

It builds on private names of gunicorn 27.0, which pyproject.toml therefore pins; `tests/server/test_server.py`
holds it to every one of them.
"""

import asyncio
import gc
import logging
import os
import re
import sys
import threading
from http import HTTPStatus
from typing import Any

from gunicorn import glogging
from gunicorn.arbiter import Arbiter
from gunicorn.asgi.protocol import _REASON_PHRASES, ASGIProtocol
from gunicorn.workers import gasgi
from gunicorn_h1c import H1CProtocol

from gateway import logs, percent, startup
from gateway.errors import Code, GatewayError, trace
from gateway.request_context import RequestContext, fields_of
from gateway.server import error_response, parser_errors
from gateway.server.forwarded import remote_of
from gateway.server.middleware import HAS_LEFT, log_access
from gateway.settings import Settings
from gateway.startup import GREETING
from gateway.threads import STOPPING

_log = logging.getLogger(__name__)

#: The target of a request line.
_TARGET = re.compile(rb"^[A-Z]+ ([^\r\n]*) HTTP/1", re.MULTILINE)

#: What part of the graceful timeout the connections get; the rest belongs to the writer and the file.
_DRAIN_SHARE, _CLOSE_SHARE = 0.5, 0.45
#: How many bytes uvloop or asyncio read from a connection at once, at most.
_MOST_READ = 2**20
#: How many objects more than before there are when it is looked for garbage.
_OBJECTS = 10_000
#: How long an idle connection is left open while draining: a client in full flow learns from its next answer
#: that the connection closes, instead of finding it closed.
_IDLE_SECONDS = 1.0


class Parser(H1CProtocol):  # type: ignore[misc]  # it has no types
    """gunicorn's parser in C, keeping as much of what follows a request as is read at once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(limit_remaining=_MOST_READ, **options)


class Protocol(ASGIProtocol):  # type: ignore[misc]  # gunicorn has no types
    """One connection: with deadlines for what it sends and reads, a cap on the number, and errors in the one shape."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Take the connection, or refuse it when there are too many."""
        self._settings: Settings = self.worker.gateway_settings
        self._header_deadline: asyncio.TimerHandle | None = None
        self._unread_deadline: asyncio.TimerHandle | None = None
        self._fed = b""  # What the parser is reading.
        super().connection_made(transport)
        self.worker.protocols.add(self)
        self._expect_headers()
        if self.worker.nr_conns > self._settings.max_connections:
            message = f"there are {self.worker.nr_conns - 1} connections already"
            self._refuse(GatewayError(Code.QUEUE_FULL, message, headers={"Retry-After": "1"}))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._headers_came()
        self._stop_watching()
        self.worker.protocols.discard(self)
        super().connection_lost(exc)
        self.resume_writing()  # Whoever waits for the client to read waits for nothing.

    @property
    def is_idle(self) -> bool:
        """Whether no request is being served."""
        return self._current_request is None and not self._finishing_calls

    def end(self) -> None:
        """Close the connection and wake up whoever waits for its next request."""
        self._close_transport()
        if self._request_ready is not None:
            self._request_ready.set()

    # -- the deadline for headers: of the first request from when the connection stands, of others from their first byte

    def _feed_callback_parser(self, data: bytes) -> bool:
        self._fed = data
        goes_on: bool = super()._feed_callback_parser(data)
        self._fed = b""
        if self._is_followed:
            self._pause_reading()
        else:
            self._resume_reading()
        if (
            goes_on and self._current_request is None
        ):  # Else all headers have come, and nothing has to be waited for.
            self._expect_headers()
        return goes_on

    def _resume_reading(self) -> None:
        # What follows a request waits for the end of that one, in the client: the parser keeps only a part of it, and
        # gunicorn then closes the connection.
        if self._reading_paused and not self._is_followed:
            super()._resume_reading()

    @property
    def _is_followed(self) -> bool:
        """Whether a request has all come, and the parser has bytes behind it."""
        parser = self._callback_parser
        return parser is not None and parser.is_complete and bool(parser.remaining())

    def _on_headers_complete(self) -> bool:
        self._headers_came()
        complete: bool = super()._on_headers_complete()
        return complete

    def _arm_keepalive_timer(self) -> None:
        if self._header_deadline is None:  # Else the next request has begun.
            super()._arm_keepalive_timer()

    def _expect_headers(self) -> None:
        if self._header_deadline is None:
            self._cancel_keepalive_timer()
            self._header_deadline = self.worker.loop.call_later(
                self._settings.header_timeout, self._headers_too_slow
            )

    def _headers_came(self) -> None:
        if self._header_deadline is not None:
            self._header_deadline.cancel()
            self._header_deadline = None

    def _headers_too_slow(self) -> None:
        if self._current_request is None and not self._closed:
            self._refuse(GatewayError(Code.HEADERS_TOO_SLOW))

    # -- the deadline for reading: what waits to be sent must grow less, and a closed connection must come to its end

    def pause_writing(self) -> None:
        """Begin to watch a client that does not read as fast as it is sent to."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """Go on sending."""
        super().resume_writing()
        if not self._closed:
            self._stop_watching()

    def _close_transport(self) -> None:
        super()._close_transport()
        # Until all is sent the transport stays open, for ever where the client does not read.
        if self._unread_deadline is None and self.transport.get_write_buffer_size():
            self._watch()

    def _watch(self) -> None:
        self._unread: int = self.transport.get_write_buffer_size()
        self._unread_deadline = self.worker.loop.call_later(
            self._settings.send_timeout, self._reads_too_slowly
        )

    def _stop_watching(self) -> None:
        if self._unread_deadline is not None:
            self._unread_deadline.cancel()
            self._unread_deadline = None

    def _reads_too_slowly(self) -> None:
        read = self._unread - self.transport.get_write_buffer_size()
        if read < self._settings.body_rate * self._settings.send_timeout:
            self.transport.abort()
        else:
            self._watch()

    # -- answers from below the application

    def _is_websocket_upgrade(self, request: object) -> bool:
        # Nobody has to follow an Upgrade (RFC 9110 section 7.8): it is a request like any other.
        return False

    def _build_http_scope(self, *args: Any) -> dict[str, Any]:
        scope: dict[str, Any] = super()._build_http_scope(*args)
        scope[HAS_LEFT] = self._has_left
        return scope

    def _has_left(self) -> bool:
        return bool(self._closed)

    def _refuse(self, error: GatewayError) -> None:
        self._send_error(error)
        self.end()

    def _send_error_response(self, status: int, message: str, extra_headers: Any = ()) -> None:
        # gunicorn answers 501 to transfer codings it does not know; to the client that is its own mistake.
        status = 400 if status == 501 else status
        target = _TARGET.search(self._fed) if status == 400 else None
        error = percent.not_encoded(target[1]) if target else None
        fault = (
            parser_errors.fault_of(message, self._fed) if status == 400 else error_response.of_status(status)
        )
        self._send_error(error or fault)

    def _get_reason_phrase(self, status: int) -> str:
        # gunicorn's own table lacks some.
        return HTTPStatus(status).phrase

    def _send_error(self, error: GatewayError) -> None:
        context = self._context()
        body = error_response.body(error)
        head = {**error_response.head(error), "Cache-Control": "no-store"}
        head |= {"Content-Length": str(len(body)), "Connection": "close"}
        lines = [f"HTTP/1.1 {error.status} {self._get_reason_phrase(error.status)}"]
        lines += [f"{name}: {value}" for name, value in head.items()]
        standing = [b"%b: %b" % each for each in error_response.standing(context)]
        self._safe_write(b"\r\n".join(["\r\n".join(lines).encode("latin-1"), *standing, b"", body]))
        with context.as_current():
            log_access(context, None, error.status, {"bytes_out": len(body)})

    def _context(self) -> RequestContext:
        """Begin the context of a request that did not get as far as the application; its headers may have come."""
        fields = fields_of(list(getattr(self._callback_parser, "headers", ())))
        client = self.transport.get_extra_info("peername") or None
        return RequestContext.of(fields, remote_of(client, fields, self._settings.proxies))


class Log(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's log, and that of everything else in the process, in one form."""

    def setup(self, cfg: Any) -> None:
        """Set up the handlers; gunicorn calls it in the arbiter, whose workers inherit them."""
        super().setup(cfg)
        # No line tells which thread, process or task it is from, so no record has to find that out.
        logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
        form = Settings.read().log
        self.error_log.handlers = [
            logs.Lines() if type(each) is logging.StreamHandler else each for each in self.error_log.handlers
        ]
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.formatter(form or logs.form_for(handler)))
            handler._gunicorn = True  # noqa: SLF001  # It is replaced when this is done again.
        for name, level in ((None, logging.WARNING), ("gateway", self.error_log.level)):
            logger = logging.getLogger(name)
            logger.handlers = list(self.error_log.handlers)
            logger.propagate = False
            logger.setLevel(level)
        logging.captureWarnings(capture=True)

    def _compute_access_log_enabled(self) -> bool:
        # It would hold query strings, which hold values; `serve/edge.py` writes the access log.
        return False


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
        self.protocols: set[Protocol] = set()
        self.gateway_settings = Settings.read()
        for status in HTTPStatus:  # gunicorn knows some of the phrases.
            _REASON_PHRASES.setdefault(status.value, status.phrase)
        gasgi.ASGIProtocol = Protocol  # It is what the worker makes its connections of.
        # Asked by itself, a class that is made of it notes what it has found where nobody looks.
        ASGIProtocol._check_h1c_protocol_available()  # noqa: SLF001
        ASGIProtocol._h1c_protocol_class = Parser  # noqa: SLF001
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
            startup.greet(text)

    async def _shutdown(self) -> None:
        """Drain the connections, then always run the lifespan's end, inside the time the arbiter gives."""
        self.log.info("stopping: %d connections to drain", len(self.protocols))
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
        while self.protocols and self.loop.time() < began + seconds and not self._quick_shutdown:
            for protocol in [each for each in self.protocols if each.is_idle]:
                if self.loop.time() > began + _IDLE_SECONDS:
                    protocol.end()
            await asyncio.sleep(0.02)
        for protocol in list(self.protocols):
            if protocol.transport is not None:
                protocol.transport.abort()


def _report(error: BaseException | None, what: str = "a thread ended") -> None:
    if not isinstance(error, SystemExit):
        _log.error("%s: %s", what, trace(error) if error else "nobody knows why")


def keep_one_worker(arbiter: Arbiter, new_value: int, old_value: int | None) -> None:
    """Undo SIGTTIN."""
    if new_value > 1:
        arbiter._num_workers = 1  # noqa: SLF001  # gunicorn has no other way to refuse it
        arbiter.log.error(
            "%d workers were asked for, but one process owns the DuckDB file: staying with 1",
            new_value,
        )


def gunicorn_settings(settings: Settings) -> dict[str, Any]:
    """Give the settings that gunicorn must run with."""
    return {
        "wsgi_app": "gateway.app:app",
        "worker_class": "gateway.server.worker.Worker",
        # Without gunicorn_h1c the one in Python would be taken, and nobody told.
        "http_parser": "fast",
        "bind": settings.bind,
        "logger_class": Log,
        # gunicorn would believe whoever connects from this machine.
        "forwarded_allow_ips": ",".join(map(str, settings.proxies)),
        "proc_name": "gateway",
        # One process owns the file; a second is refused in words rather than by a failing lock.
        "workers": 1,
        "on_starting": startup.check,
        "nworkers_changed": keep_one_worker,
        # A DuckDB handle must not be inherited through fork.
        "preload_app": False,
        # In "auto" mode a start that fails or hangs is swallowed, and an app without a store would serve.
        "asgi_lifespan": "on",
        # The heartbeat: how long the event loop may be stuck before the worker is killed.
        "timeout": 60,
        "graceful_timeout": settings.graceful_timeout,
        "keepalive": settings.idle_timeout,
        # The owner of the file is never recycled for having served many requests.
        "max_requests": 0,
        # The control socket can add workers.
        "control_socket_disable": True,
        # Filters make long URLs; the default is 4094.
        "limit_request_line": 8190,
        "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: PTH112, S108  # heartbeats off the disk
    }
