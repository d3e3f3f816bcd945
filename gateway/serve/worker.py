"""gunicorn's asgi worker with the deadlines it lacks, and gunicorn's settings, each with its reason.

It builds on private names of gunicorn 27.0, which pyproject.toml therefore pins; `tests/test_server.py`
holds it to every one of them.
"""

import asyncio
import logging
import os
import sys
from http import HTTPStatus
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

from gateway.errors import Code, GatewayError
from gateway.serve import refusal
from gateway.settings import Settings

#: What part of the graceful timeout the connections get; the rest belongs to the writer and the file.
_DRAIN_SHARE, _CLOSE_SHARE = 0.5, 0.45
#: How long an idle connection is left open while draining: a client in full flow learns from its next answer
#: that the connection closes, instead of finding it closed.
_IDLE_SECONDS = 1.0


class Protocol(ASGIProtocol):  # type: ignore[misc]  # gunicorn has no types
    """One connection: with a deadline for headers, a cap on the number, and errors in the one shape."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Take the connection, or refuse it when there are too many."""
        super().connection_made(transport)
        self.worker.protocols.add(self)
        self._header_deadline = self.worker.loop.call_later(
            self.worker.gateway_settings.header_timeout, self._headers_too_slow
        )
        if self.worker.nr_conns > self.worker.gateway_settings.max_connections:
            message = f"there are {self.worker.nr_conns - 1} connections already"
            self._refuse(GatewayError(Code.QUEUE_FULL, message, headers={"Retry-After": "1"}))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._header_deadline.cancel()
        self.worker.protocols.discard(self)
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Whether no request is being served."""
        return self._current_request is None and not self._finishing_calls

    def end(self) -> None:
        """Close the connection and wake up whoever waits for its next request."""
        self._close_transport()
        if self._request_ready is not None:
            self._request_ready.set()

    def _on_headers_complete(self) -> bool:
        self._header_deadline.cancel()
        complete: bool = super()._on_headers_complete()
        return complete

    def _headers_too_slow(self) -> None:
        if self.is_idle and not self._closed:
            self._refuse(GatewayError(Code.HEADERS_TOO_SLOW))

    def _refuse(self, error: GatewayError) -> None:
        self._send_error(error)
        self.end()

    def _send_error_response(self, status: int, message: str, extra_headers: Any = ()) -> None:
        # gunicorn answers 501 to transfer codings it does not know; to the client that is its own mistake.
        self._send_error(refusal.of_status(400 if status == 501 else status))

    def _get_reason_phrase(self, status: int) -> str:
        # gunicorn's own table lacks some.
        return HTTPStatus(status).phrase

    def _send_error(self, error: GatewayError) -> None:
        body = refusal.body(error)
        head = {**refusal.head(error), "Content-Length": str(len(body)), "Connection": "close"}
        lines = [f"HTTP/1.1 {error.code.status} {self._get_reason_phrase(error.code.status)}"]
        lines += [f"{name}: {value}" for name, value in head.items()]
        self._safe_write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


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
        self.protocols: set[Protocol] = set()
        self.gateway_settings = Settings.read()
        gasgi.ASGIProtocol = Protocol  # It is what the worker makes its connections of.
        # The gateway's log goes where gunicorn's does, in its format.
        own = logging.getLogger("gateway")
        own.handlers, own.propagate = list(self.log.error_log.handlers), False
        own.setLevel(self.log.error_log.level)

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


def refuse_many_workers(arbiter: Arbiter) -> None:
    """Stop a start with more than one worker: two processes cannot own one DuckDB file."""
    if arbiter.cfg.workers != 1:
        raise SystemExit(
            f"gateway: {arbiter.cfg.workers} workers were asked for, but one process owns the DuckDB file: use 1"
        )


def keep_one_worker(arbiter: Arbiter, new_value: int, old_value: int | None) -> None:
    """Undo SIGTTIN."""
    if new_value > 1:
        arbiter._num_workers = 1  # noqa: SLF001  # gunicorn has no other way to refuse it
        arbiter.log.error(
            "gateway: %d workers were asked for, but one process owns the DuckDB file: staying with 1",
            new_value,
        )


def gunicorn_settings(settings: Settings) -> dict[str, Any]:
    """Give the settings that gunicorn must run with."""
    return {
        "wsgi_app": "gateway.app:app",
        "worker_class": "gateway.serve.worker.Worker",
        "bind": settings.bind,
        "proc_name": "gateway",
        # One process owns the file; a second is refused in words rather than by a failing lock.
        "workers": 1,
        "on_starting": refuse_many_workers,
        "nworkers_changed": keep_one_worker,
        # A DuckDB handle must not be inherited through fork.
        "preload_app": False,
        # In "auto" mode a start that fails or hangs is swallowed, and an app without a store would serve.
        "asgi_lifespan": "on",
        # The heartbeat: how long the event loop may be stuck before the worker is killed.
        "timeout": 60,
        "graceful_timeout": settings.graceful_timeout,
        "keepalive": 15,
        # The owner of the file is never recycled for having served many requests.
        "max_requests": 0,
        # The control socket can add workers.
        "control_socket_disable": True,
        # Filters make long URLs; the default is 4094.
        "limit_request_line": 8190,
        "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: PTH112, S108  # heartbeats off the disk
    }
