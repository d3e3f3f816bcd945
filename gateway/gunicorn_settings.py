"""gunicorn's settings, each with its reason."""

import os
from typing import Any

from gunicorn.arbiter import Arbiter

from gateway import startup
from gateway.server import gunicorn_private
from gateway.server.gunicorn_log import GunicornLogger
from gateway.settings import Settings


def keep_one_worker(arbiter: Arbiter, new_value: int, old_value: int | None) -> None:
    """Reject a second worker, which SIGTTIN asks for."""
    if new_value > 1:
        gunicorn_private.keep_one_worker(arbiter)
        arbiter.log.error(
            "%d workers are configured, but one process owns the DuckDB file: staying with 1",
            new_value,
        )


def gunicorn_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings that gunicorn must run with."""
    return {
        "wsgi_app": "gateway.app:app",
        "worker_class": "gateway.server.worker.Worker",
        # In "auto" mode gunicorn silently uses its parser in Python if gunicorn_h1c is missing.
        "http_parser": "fast",
        "bind": settings.bind,
        "logger_class": GunicornLogger,
        # By default gunicorn trusts every client on this machine.
        "forwarded_allow_ips": ",".join(map(str, settings.proxies)),
        "proc_name": "gateway",
        # One process owns the file; a second worker is rejected with a message, not by a failing lock.
        "workers": 1,
        "on_starting": startup.check_start,
        "nworkers_changed": keep_one_worker,
        # A DuckDB handle must not be inherited through fork.
        "preload_app": False,
        # In "auto" mode gunicorn ignores a start that fails or hangs, and would serve without a store.
        "asgi_lifespan": "on",
        # The heartbeat: the seconds that the event loop may be blocked before the worker is killed.
        "timeout": 60,
        "graceful_timeout": settings.graceful_timeout,
        "keepalive": settings.idle_timeout,
        # The owner of the file is never restarted after a number of requests.
        "max_requests": 0,
        # The control socket can add workers.
        "control_socket_disable": True,
        # Filters make long URLs; the default is 4094.
        "limit_request_line": 8190,
        "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,  # noqa: PTH112, S108  # heartbeats off the disk
    }
