"""Processes of `python -m gateway` that are forked from a warm one, which has imported all but DuckDB.

A forked process has its own environment, directory, and streams, as a typed command has. It saves the start of a Python
interpreter and its imports, which take longer than most verbs. Tests of that start type the real command.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import importlib.abc
import json
import os
import pkgutil
import selectors
import signal
import socket
import ssl
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: The environment variable by which a forked gateway applies changed files sooner than `watch.SETTLE_SECONDS`.
SETTLE_SECONDS = "TEST_SETTLE_SECONDS"
#: How long the words and the environment of one process may be.
MESSAGE_BYTES_MAX = 2**17
#: Modules that read the environment when they are imported.
_NOT_WARM = {"gateway.__main__", "gateway.app", "gateway.gunicorn_conf"}


class ForkedProcess:
    """A process of `python -m gateway`, with the methods of `subprocess.Popen` that tests use."""

    def __init__(self, pid: int, result: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._result = open(result, "rb", buffering=0)  # noqa: SIM115
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._result, selectors.EVENT_READ)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end of the process, and return its exit code.

        Raises:
            subprocess.TimeoutExpired: The process runs longer than `timeout` seconds.
        """
        if self.returncode is None:
            if not self._selector.select(timeout):
                raise subprocess.TimeoutExpired("gateway", timeout or 0)
            code = self._result.read()
            assert code, "the process that others are forked from has ended"
            self.returncode = int(code)
            self._selector.close()
            self._result.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


class _Parent:
    """The warm process of one interpreter. Any thread of a test may fork from it."""

    def __init__(self, python: str) -> None:
        self._lock = threading.Lock()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [python, "-m", "tests.support.forked", str(theirs.fileno())],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
                pass_fds=[theirs.fileno()],
            )
        atexit.register(self._end)

    def _end(self) -> None:
        self._channel.close()
        self._process.wait()

    def fork(
        self, words: Sequence[str], environment: Mapping[str, str], directory: Path, streams: Sequence[int]
    ) -> ForkedProcess:
        """Start `python -m gateway` with the words."""
        message = json.dumps([list(words), dict(environment), str(directory)]).encode()
        assert len(message) < MESSAGE_BYTES_MAX
        result, theirs = os.pipe()
        with self._lock:
            socket.send_fds(self._channel, [message], [*streams, theirs])
            os.close(theirs)
            answer = self._channel.recv(100)
        assert answer, "the process that others are forked from has ended"
        return ForkedProcess(int(answer), result)


_parent = functools.cache(_Parent)


def fork(
    words: Sequence[str],
    environment: Mapping[str, str],
    directory: Path,
    streams: Sequence[int],
    python: str = sys.executable,
) -> ForkedProcess:
    """Start `python -m gateway` with the words and the three standard streams, by an interpreter."""
    return _parent(python).fork(words, environment, directory, streams)


class _NoDuckDB(importlib.abc.MetaPathFinder):
    """Refuses to import DuckDB, which no process may do before it forks."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] in ("duckdb", "_duckdb"):
            raise ModuleNotFoundError("a warm process does without DuckDB", name=fullname)


def _import_all() -> None:
    """Import the gateway with what it needs, but DuckDB and the modules that need it."""
    import gateway  # noqa: PLC0415
    from gateway.unused_libraries import keep_out_unused  # noqa: PLC0415

    keep_out_unused()  # As `gateway` does: its processes have none of the libraries that tests bring along.
    refusal = _NoDuckDB()
    sys.meta_path.insert(0, refusal)
    ours = {
        module.name for module in pkgutil.walk_packages(gateway.__path__, "gateway.", onerror=lambda _: None)
    }
    others = (
        "falcon.asgi",
        "gunicorn.arbiter",
        "gunicorn.workers.gasgi",
        "pyarrow.compute",
        "pyarrow.json",
        "uvloop",
    )
    for name in (*sorted(ours - _NOT_WARM), *others):
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
    sys.meta_path.remove(refusal)
    _open_client()


def _open_client() -> None:
    """Import what a client of httpx needs, and load its certificates, which takes longer than most of its requests."""
    import httpx  # noqa: PLC0415

    ssl.create_default_context = functools.cache(ssl.create_default_context)
    httpx.Client().close()


def _serve(channel: socket.socket) -> None:
    """Fork a process for each request, and tell its exit code, until the other end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _import_all()
    gc.freeze()
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not channel:
                    selector.unregister(key.fileobj)
                    _report_end(key.fd, *key.data)
                elif not _fork(channel, selector):
                    return


def _fork(channel: socket.socket, selector: selectors.BaseSelector) -> bool:
    message, descriptors, _, _ = socket.recv_fds(channel, MESSAGE_BYTES_MAX, 4)
    if not message:
        return False
    pid = os.fork()
    if not pid:
        words, environment, directory = json.loads(message)
        _become(environment, directory, descriptors[:3])
        os._exit(_type(words))
    for stream in descriptors[:3]:
        os.close(stream)
    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, descriptors[3]))
    channel.send(str(pid).encode())
    return True


def _report_end(descriptor: int, pid: int, result: int) -> None:
    _, status = os.waitpid(pid, 0)
    os.close(descriptor)
    with contextlib.suppress(BrokenPipeError):
        os.write(result, str(os.waitstatus_to_exitcode(status)).encode())
    os.close(result)


def _become(environment: Mapping[str, str], directory: str, streams: Sequence[int]) -> None:
    """Take the environment, the directory, and the streams of the request."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, max(os.sysconf("SC_OPEN_MAX"), 1024))
    sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.stdout, sys.stderr = os.fdopen(1, "w", encoding="utf-8"), os.fdopen(2, "w", encoding="utf-8")


def _type(words: Sequence[str]) -> int:
    """Run the command, and return its exit code."""
    from gateway import cli  # noqa: PLC0415
    from gateway.reload import watch  # noqa: PLC0415

    if settle_seconds := os.environ.pop(SETTLE_SECONDS, None):
        watch.SETTLE_SECONDS = float(settle_seconds)
    sys.argv = [str(Path(cli.__file__).with_name("__main__.py")), *words]
    code: object = 0
    try:
        cli.main(list(words), prog_name="python -m gateway")
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


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
