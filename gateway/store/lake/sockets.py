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
                    with _socket_of(number) as found:
                        if _port_of(found.getpeername()) in ports:
                            found.shutdown(socket.SHUT_RDWR)


def cut_connection(number: int) -> None:
    """End the connection of a descriptor that another thread uses; one that is closed is left alone."""
    with contextlib.suppress(OSError), _socket_of(number) as found:
        found.shutdown(socket.SHUT_RDWR)


def _socket_of(number: int) -> socket.socket:
    """Return the socket of a descriptor, by a descriptor of its own."""
    descriptor = os.dup(number)
    try:
        return socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        raise


def _port_of(peer: Any) -> str:
    """Return the port of the other end of a socket; the name of a Unix socket of PostgreSQL ends with it."""
    return str(peer[1]) if isinstance(peer, tuple) else str(peer).rpartition(".PGSQL.")[2]
