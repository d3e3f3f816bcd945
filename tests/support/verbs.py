"""Verbs that run in processes forked from one that has imported them: the imports take longer than most verbs.

A verb has its own process, environment, directory and streams, as `python -m gateway` has; what it does not have is the
start of a Python interpreter, which is the same each time. Tests of that start, and of signals, type the real command.
"""

import atexit
import functools
import importlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.cli import VERBS, main
from tests.support.server import ROOT

_MAX_MESSAGE = 2**17
#: Verbs that import DuckDB, which no process may do before it forks.
_WITH_DUCKDB = ("serve", "backup", "restore", "doctor")


class _Parent:
    """The process that the verbs are forked from. Any thread may use it; one verb runs at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.verbs", str(theirs.fileno())],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self._end)

    def _end(self) -> None:
        self._channel.close()
        self._process.wait()

    def run(
        self, words: Sequence[str], environment: Mapping[str, str], directory: Path, streams: list[int]
    ) -> int:
        """Run a verb, and return its exit code."""
        message = json.dumps([list(words), dict(environment), str(directory)]).encode()
        assert len(message) < _MAX_MESSAGE
        with self._lock:
            socket.send_fds(self._channel, [message], streams)
            answer = self._channel.recv(100)
        assert answer, "the process that verbs are forked from has ended"
        return int(answer)


_parent = functools.cache(_Parent)


def run(
    words: Sequence[str], environment: Mapping[str, str], cwd: Path | None = None, input: str = ""
) -> subprocess.CompletedProcess[str]:
    """Type a verb with its words, and return what it has printed."""
    with tempfile.TemporaryFile() as typed, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        typed.write(input.encode())
        typed.seek(0)
        streams = [typed.fileno(), out.fileno(), err.fileno()]
        code = _parent().run(words, environment, cwd or Path.cwd(), streams)
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(list(words), code, out.read().decode(), err.read().decode())


def _serve(channel: socket.socket) -> None:
    """Fork a process for each verb that is asked for, until nobody can ask any more."""
    for verb in VERBS:
        if verb not in _WITH_DUCKDB:
            importlib.import_module(f"gateway.commands.{verb}")
    while True:
        message, streams, _, _ = socket.recv_fds(channel, _MAX_MESSAGE, 3)
        if not message:
            return
        child = os.fork()
        if not child:
            words, environment, directory = json.loads(message)
            channel.close()
            _become(environment, directory, streams)
            os._exit(_type(words))
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(child, 0)
        channel.send(str(os.waitstatus_to_exitcode(status)).encode())


def _type(words: Sequence[str]) -> int:
    """Run a verb, and return its exit code."""
    code: object = 0
    try:
        main(words, prog_name="python -m gateway")
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001  # Python would print it, and so does this.
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


def _become(environment: Mapping[str, str], directory: str, streams: Sequence[int]) -> None:
    """Take what a verb is started with."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.stdout, sys.stderr = os.fdopen(1, "w", encoding="utf-8"), os.fdopen(2, "w", encoding="utf-8")


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
