"""A `gateway` for the PATH of a shell, whose verbs are forked from a warm process too."""

import functools
import os
import socket
import sys
import tempfile
import threading
from json import loads
from pathlib import Path

from tests.support.forked import MESSAGE_BYTES_MAX, ROOT, fork

#: Sends its words, its environment, its directory and its streams, and ends as the verb has ended.
_PROGRAM = """#!{python} -IS
import json, os, socket, sys

with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
    channel.connect({address!r})
    message = json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode()
    socket.send_fds(channel, [message], [0, 1, 2])
    code = int(channel.recv(100))
os._exit(code if code >= 0 else 128 - code)
"""


class _Listener:
    """Runs the verbs that are typed as `gateway`."""

    def __init__(self) -> None:
        # It is kept: the end of the object deletes the directory.
        self._directory = tempfile.TemporaryDirectory(prefix="gateway-path-")
        self.path = Path(self._directory.name)
        address = self.path / "socket"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.bind(str(address))
        self._socket.listen()
        program = self.path / "gateway"
        program.write_text(_PROGRAM.format(python=sys.executable, address=str(address)))
        program.chmod(0o755)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            channel, _ = self._socket.accept()
            threading.Thread(target=_run, args=[channel], daemon=True).start()


def _run(channel: socket.socket) -> None:
    with channel:
        message, streams, _, _ = socket.recv_fds(channel, MESSAGE_BYTES_MAX, 3)
        words, environment, directory = loads(message)
        process = fork(words, environment, Path(directory), streams)
        for stream in streams:
            os.close(stream)
        channel.send(str(process.wait()).encode())


_listener = functools.cache(_Listener)


def path() -> str:
    """Return a PATH on which `gateway` is forked, and the other programs are those of the environment."""
    return f"{_listener().path}:{Path(sys.executable).parent}:{os.environ['PATH']}"


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a shell without the settings of a gateway."""
    return {"PATH": path(), "PYTHONPATH": str(ROOT), "HOME": str(home), "LANG": "C.UTF-8", **more}
