"""gunicorn's settings, each with its reason."""

import os
from typing import Any

from gunicorn.arbiter import Arbiter

from gateway import startup
from gateway.server.gunicorn_log import GunicornLogger
from gateway.settings import Settings


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
        "logger_class": GunicornLogger,
        # gunicorn would believe whoever connects from this machine.
        "forwarded_allow_ips": ",".join(map(str, settings.proxies)),
        "proc_name": "gateway",
        # One process owns the file; a second is refused in words rather than by a failing lock.
        "workers": 1,
        "on_starting": startup.check_start,
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
