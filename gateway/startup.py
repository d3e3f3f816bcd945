"""The start of the gateway: what keeps it from starting is said in one line, and what a person needs next.

gunicorn tries an address that is in use five times and says so each time; and a worker that finds the data directory in
use waits, for the process there may be about to leave. Both are asked here before anything is started.
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
from gateway.connectors.finding import InvalidFileError
from gateway.settings import Settings, unknown_variables
from gateway.store.files import lock

_log = logging.getLogger(__name__)

_WHY_NOT = {
    errno.EADDRINUSE: "another process listens there; stop it, or choose another address with --bind HOST:PORT",
    errno.EADDRNOTAVAIL: "it is not an address of this machine; 0.0.0.0 stands for all of them",
    errno.EACCES: "this user may not listen there; choose a port from 1024 on",
}


def check_start(arbiter: Any) -> None:
    """Let a start go on whose address and data directory are free; gunicorn calls it in the arbiter.

    Raises:
        SystemExit: Where one is not, or more than one worker is asked for; the log says which.
    """
    settings = Settings.read()
    for warning in unknown_variables():
        _log.warning("%s", warning)
    # A gunicorn that takes the place of another has its sockets, and waits for its store.
    takes_over = "GUNICORN_FD" in os.environ or "LISTEN_FDS" in os.environ
    why_not = _many_workers(arbiter.cfg.workers)
    if not why_not and not takes_over:
        why_not = _taken_address(arbiter.cfg.address) or _taken_data(settings.data)
    why_not = why_not or _unread_tokens(settings.tokens)
    if why_not:
        _log.error("the gateway cannot start: %s", why_not)
        raise SystemExit(1)


def _many_workers(workers: int) -> str | None:
    """Two processes cannot own one DuckDB file."""
    if workers == 1:
        return None
    return f"{workers} workers were asked for, but one process owns the DuckDB file: use 1"


def _taken_data(data: Path) -> str | None:
    owner = lock.owner(data)
    return None if owner is None else lock.in_use(data, owner)


def _unread_tokens(tokens: Path | None) -> str | None:
    """A gateway that runs keeps its tokens; one that starts has none yet."""
    try:
        if tokens is not None:
            tokens_source.read_tokens_file(tokens)
    except InvalidFileError as refused:
        return "; ".join(f"{each.file}: {each.message}; {each.hint}" for each in refused.findings)
    return None


def _taken_address(addresses: Iterable[Any]) -> str | None:
    """Find the first address that nobody can listen at now; what is no host and port is gunicorn's to try."""
    for address in addresses:
        if isinstance(address, tuple):
            host, port = address[:2]
            try:
                _listen(host, port)
            except OSError as error:
                unknown = f"the host '{host}' has no address" if isinstance(error, socket.gaierror) else None
                why_not = unknown or _WHY_NOT.get(error.errno or 0) or error.strerror
                return f"it cannot listen at {_shown(host, port)}: {why_not}"
    return None


def _listen(host: str, port: int) -> None:
    """Listen for a moment, as gunicorn does for good."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        probe.listen()


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def greeting(settings: Settings, paths: Iterable[str], *, admin_file: Path | None) -> str:
    """Build what a person at a terminal reads once the gateway serves: the address, the token, a first request.

    Args:
        settings: Those of the gateway.
        paths: Where connectors are served.
        admin_file: Where the admin token is; None where the tokens file has another one.
    """
    url, path = settings.local_url, min(paths, default=None)
    secret = f"$(cat {shlex.quote(str(admin_file))})" if admin_file else "$GATEWAY_TOKEN"
    where = (
        f"The admin token is in {admin_file}."
        if admin_file
        else f"The admin token is the one of {settings.tokens}."
    )
    lines = [f"The gateway serves {settings.connectors} at {url}", where]
    if not settings.connectors.is_dir():
        lines.append(
            f"There is no directory {settings.connectors}: say --connectors DIR, or gateway init makes one."
        )
    elif path is None:
        lines.append("There is no connector yet. This writes one: gateway new NAME --from FILE")
    target = f"{path}?limit=5" if path else "/-/status"
    lines.append(f'Try:  curl -H "Authorization: Bearer {secret}" {shlex.quote(url + target)}')
    return "\n".join(["", *(f"  {line}" for line in lines), ""])
