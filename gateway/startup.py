"""Checks before the start, which report in one line why the gateway cannot start; and the greeting.

gunicorn tries an address that is in use 5 times and logs each failure. A worker that finds the data directory in use
waits, because the other process may be stopping. Both are checked here before anything starts.
"""

import errno
import logging
import os
import shlex
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gateway.auth import tokens_source
from gateway.auth.data_files import TOKENS_FILE
from gateway.connectors.finding import InvalidFileError
from gateway.connectors.write_mode import delivery_of, mode_of
from gateway.settings import Settings, unknown_variables
from gateway.store.files import lock

_log = logging.getLogger(__name__)

_LISTEN_PROBLEMS = {
    errno.EADDRINUSE: "another process listens there; stop it, or choose another address with --bind HOST:PORT",
    errno.EADDRNOTAVAIL: "it is not an address of this machine; use 0.0.0.0 for all of its addresses",
    errno.EACCES: "this user may not listen there; choose a port from 1024 on",
}


def check_start(arbiter: Any) -> None:
    """Check that the gateway can start; gunicorn calls this in the arbiter.

    Raises:
        SystemExit: The address or the data directory is in use, the tokens file is unreadable, or more than one worker
            is configured. The log names the reason.
    """
    settings = Settings.read()
    for warning in unknown_variables():
        _log.warning("%s", warning)
    # A gunicorn that replaces another one inherits its sockets, and waits for its store.
    takes_over = "GUNICORN_FD" in os.environ or "LISTEN_FDS" in os.environ
    problem = _many_workers(arbiter.cfg.workers)
    if not problem and not takes_over:
        problem = _taken_address(arbiter.cfg.address) or _taken_data(settings.data)
    problem = problem or _unread_tokens(settings.tokens) or _delivered_files(settings)
    if problem:
        _log.error("the gateway cannot start: %s", problem)
        raise SystemExit(1)


def _many_workers(workers: int) -> str | None:
    """Return a message if more than one process would own the DuckDB file."""
    if workers == 1:
        return None
    return f"{workers} workers are configured, but one process owns the DuckDB file: use 1"


def _taken_data(data: Path) -> str | None:
    owner = lock.owner(data)
    return None if owner is None else lock.in_use(data, owner)


def _unread_tokens(tokens: Path | None) -> str | None:
    """Return a message if the tokens file is unreadable: a running gateway keeps its tokens, a starting one has none."""
    try:
        if tokens is not None:
            tokens_source.read_tokens_file(tokens)
    except InvalidFileError as refused:
        return "; ".join(f"{each.file}: {each.message}; {each.hint}" for each in refused.findings)
    return None


def _delivered_files(settings: Settings) -> str | None:
    """Return a message if the gateway must write connector files where another program delivers them."""
    problem = delivery_of(settings.connectors) if settings.console == "write" else None
    return None if problem is None else f"GATEWAY_CONSOLE=write, but {problem}"


def _taken_address(addresses: Iterable[Any]) -> str | None:
    """Return a message for the first address that is in use; gunicorn itself checks what is not a host and port."""
    for address in addresses:
        if isinstance(address, tuple):
            host, port = address[:2]
            try:
                _listen(host, port)
            except OSError as error:
                unknown = f"the host '{host}' has no address" if isinstance(error, socket.gaierror) else None
                problem = unknown or _LISTEN_PROBLEMS.get(error.errno or 0) or error.strerror
                return f"it cannot listen at {_shown(host, port)}: {problem}"
    return None


def _listen(host: str, port: int) -> None:
    """Listen for a moment at the address that gunicorn will use."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen()


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def greeting(settings: Settings, paths: Iterable[str], *, admin_file: Path | None) -> str:
    """Build the greeting at a terminal once the gateway serves: its address, the admin token, the console, and a first request.

    Args:
        settings: The settings of the gateway.
        paths: The paths of all endpoints.
        admin_file: The file of the admin token; None if the tokens file has its own admin.
    """
    url, path = settings.local_url, min(paths, default=None)
    secret = f"$(cat {shlex.quote(str(admin_file))})" if admin_file else "$GATEWAY_TOKEN"
    where = (
        f"The admin token is in {admin_file}."
        if admin_file
        else f"The admin token is the one of {settings.tokens or settings.data / TOKENS_FILE}."
    )
    lines = [f"The gateway serves {settings.connectors} at {url}", where]
    if not settings.connectors.is_dir():
        makes = "or gateway init makes one"
        if mode_of(settings).can_write:
            makes = "or the first connector that you make in the console creates it"
        lines.append(f"There is no directory {settings.connectors}: say --connectors DIR, {makes}.")
    elif path is None:
        console = "Make one in the console, or with" if settings.console != "off" else "This makes one"
        lines.append(f"There is no connector yet. {console}: gateway new NAME --from FILE")
    target = f"{path}?limit=5" if path else "/-/status"
    if settings.console != "off":
        lines.append(f"The console is at {url}/-/console/")
    lines.append(f'Try:  curl -H "Authorization: Bearer {secret}" {shlex.quote(url + target)}')
    return "\n".join(["", *(f"  {line}" for line in lines), ""])
