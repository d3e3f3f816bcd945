"""Connections to a server that hangs are cut, and no others."""

import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.store.lake.sockets import cut_connections


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_cut_ends_wait_for_silent_server(silent: socket.socket):
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.create_connection(other.getsockname()) as kept,
        socket.create_connection(silent.getsockname()) as waiting,
        ThreadPoolExecutor() as pool,
    ):
        answer = pool.submit(waiting.recv, 1)
        cut_connections([str(silent.getsockname()[1])])

        assert answer.result() == b""
        kept.send(b"a")
        with other.accept()[0] as theirs:
            assert theirs.recv(1) == b"a"


def test_cut_keeps_no_descriptor_open(silent: socket.socket, tmp_path):
    with (tmp_path / "file").open("wb"), socket.create_connection(silent.getsockname()):
        before = len(os.listdir("/dev/fd"))
        for _ in range(3):
            cut_connections([str(silent.getsockname()[1])])

        assert len(os.listdir("/dev/fd")) == before
