"""The sockets of this process: those to a server that hangs are cut, also where a library waits for its answer."""

import contextlib
import os
import socket
import stat
from collections.abc import Collection
from typing import Any


def cut_connections(ports: Collection[str]) -> None:
    """End every connection of this process to some ports, those inside of DuckDB too.

    Libraries wait for an answer for long or without a limit, and DuckDB cannot interrupt them. After the shutdown of its
    socket one gets an error at once.
    """
    with contextlib.suppress(OSError):
        for number in map(int, os.listdir("/dev/fd")):  # noqa: PTH208  # the names are numbers
            with contextlib.suppress(OSError):  # Another thread may close it, or it is not connected.
                if stat.S_ISSOCK(os.fstat(number).st_mode):
                    _cut(os.dup(number), ports)


def _cut(descriptor: int, ports: Collection[str]) -> None:
    """Shut down a socket that is connected to one of the ports, and close this descriptor of it."""
    try:
        found = socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        raise
    with found:
        if _port_of(found.getpeername()) in ports:
            found.shutdown(socket.SHUT_RDWR)


def _port_of(peer: Any) -> str:
    """Return the port of the other end of a socket; the name of a Unix socket of PostgreSQL ends with it."""
    return str(peer[1]) if isinstance(peer, tuple) else str(peer).rpartition(".PGSQL.")[2]
