"""A real gunicorn on a free port, with a real directory and a real DuckDB file."""

import base64
import contextlib
import http.client
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.support.forked import ROOT, SETTLE_SECONDS, ForkedProcess, fork
from tests.support.tested_store import store_settings

#: How long anything may take before a test gives up on it; nothing is asserted about the time itself.
DEADLINE = 30.0
#: Even the smallest body is read in columns, where it can be; `GATEWAY_FAST=0 pytest` has all read row by row.
FAST = os.environ.get("GATEWAY_FAST", "1")


def eventually(
    check: Callable[[], Any],
    message: str = "it did not happen",
    seconds: float = DEADLINE,
    pause: float = 0.02,
) -> Any:
    """Wait until `check` gives something true, and give that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError, FileNotFoundError):
            if result := check():
                return result
        time.sleep(pause)
    raise AssertionError(message)


def _ports_of(worker: str) -> Iterator[int]:
    """Give the ports of one worker of pytest, over and over, from a place that differs by process."""
    number = int(worker.removeprefix("gw")) % 8
    first = 12_000 + number * PORTS_OF_WORKER
    return itertools.cycle(first + (os.getpid() + each) % PORTS_OF_WORKER for each in range(PORTS_OF_WORKER))


#: Ports are below those that the kernel gives to connections, and each worker of pytest has its own. So nothing else
#: takes a port between this choice and the gateway's start.
PORTS_OF_WORKER = 2500
_ports = _ports_of(os.environ.get("PYTEST_XDIST_WORKER", "gw0"))


def free_port() -> int:
    for port in itertools.islice(_ports, PORTS_OF_WORKER):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("every port is taken")


@contextlib.contextmanager
def halted(pid: int, seconds: float = 0.0) -> Iterator[None]:
    """Stop a process for the block, and for so many seconds at least, as if it got no processor."""
    os.kill(pid, signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        yield
        eventually(lambda: time.monotonic() > stopped + seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


def is_ready(url: str) -> bool:
    """Ask a gateway; by less than a client that is made anew each time, which would slow down what it waits for."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", "/-/ready")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def basic(text: str | bytes) -> str:
    """Give the Authorization header of Basic for `NAME:TOKEN`."""
    return f"Basic {base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()}"


def put(path: Path, text: str) -> None:
    """Write a file as a deployment does: elsewhere first, then renamed into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    elsewhere = path.parent / f".{path.name}.tmp"
    elsewhere.write_text(text)
    elsewhere.rename(path)


class Server:
    """One gateway. `start` and `stop` may be called again and again on the same files."""

    def __init__(
        self,
        directory: Path,
        command: tuple[str, ...] = ("-m", "gateway", "serve"),
        prefix: tuple[str, ...] = (),
        *,
        is_forked: bool = False,
        python: str = sys.executable,
        **environment: str,
    ):
        """Make the directory's connectors.d, and start nothing.

        Args:
            directory: Where the connectors, the data, and the log are.
            command: What follows `python`.
            prefix: What goes before `python`.
            is_forked: Whether it starts from a warm process, in a fifth of the time.
            python: The interpreter, whose environment has the gateway.
            environment: Settings.
        """
        self.connectors = directory / "connectors.d"
        self.data = directory / "data"
        self.log = directory / "log"
        self.connectors.mkdir(parents=True, exist_ok=True)
        self._command = (*prefix, python, *command)
        self._python = python
        self._words = command[2:]
        self._is_forked = is_forked
        self.environment = environment
        self.process: subprocess.Popen | ForkedProcess | None = None
        self._refused: list[str] = []
        self.client = httpx.Client()

    def start(self, *, wait: bool = True) -> "Server":
        port = free_port()
        environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("GATEWAY_", "GUNICORN_"))
            },
            "GATEWAY_CONNECTORS": str(self.connectors),
            "GATEWAY_DATA": str(self.data),
            "GATEWAY_BIND": f"127.0.0.1:{port}",
            "GATEWAY_FAST": FAST,
            "PYTHONPATH": str(ROOT),
            # `put` renames whole files into place, which need no time to settle.
            SETTLE_SECONDS: "0.02",
            **self._store_settings(),
            **self.environment,
        }
        self.url = f"http://127.0.0.1:{port}"
        with self.log.open("ab") as log:
            self.process = self._run(environment, log.fileno())
        if wait:
            self.wait_ready()
        return self

    def _store_settings(self) -> dict[str, str]:
        if "GATEWAY_STORE" in self.environment:
            return {}
        return store_settings(Path(self.environment.get("GATEWAY_DATA", self.data)))

    def _run(self, environment: dict[str, str], log: int) -> subprocess.Popen | ForkedProcess:
        if self._is_forked:
            with Path(os.devnull).open() as nothing:
                return fork(self._words, environment, ROOT, [nothing.fileno(), log, log], self._python)
        return subprocess.Popen(self._command, env=environment, cwd=ROOT, stdout=log, stderr=log)

    def wait_ready(self) -> None:
        def ready() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.tail()
            return is_ready(self.url)

        eventually(ready, "the server did not become ready")
        self.client.close()
        self.client = httpx.Client(base_url=self.url, headers=self.admin, timeout=60)

    @property
    def admin(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {(self.data / 'admin-token').read_text().strip()}"}

    def stop(self, signal_number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.client.close()
        self.process.send_signal(signal_number)
        try:
            return self.process.wait(DEADLINE)
        finally:
            self.process.kill()
            self.process.wait()

    def kill(self) -> None:
        """SIGKILL to the arbiter and its worker: nothing has time to tidy up."""
        assert self.process is not None
        for pid in (self.process.pid, *self.workers()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def workers(self) -> list[int]:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def tail(self) -> str:
        return self.log.read_text()[-4000:]

    # -- connectors

    def declare(self, name: str, text: str) -> str:
        """Put a connector file in place, and give its path once it is live."""
        put(self.connectors / f"{name}.yaml", text)
        state = self.reload()[f"{name}.yaml"]
        assert state["state"] == "live", state
        return state["path"]

    def emptied(self, path: str) -> str:
        """Delete the rows of a connector, which takes less than to declare another, and give its path."""
        answer = self.client.delete(path, params={"_id": "gte.0"})
        assert answer.status_code == 204, answer.text
        return path

    def reload(self) -> dict[str, dict]:
        answer = self.client.post("/-/reload")
        assert answer.status_code == 200, answer.text
        files = {each["file"]: each for each in answer.json()["files"]}
        self._refused = [file for file, each in files.items() if each["state"] in ("refused", "last good")]
        return files

    def remove_refused(self, name: str) -> None:
        """Delete the files of a connector that were refused: each reload would compare them with their rows again."""
        for file in self._refused:
            if file.startswith(name):
                (self.connectors / file).unlink(missing_ok=True)

    def status(self) -> dict[str, dict]:
        return {each["file"]: each for each in self.client.get("/-/status").json()["files"]}

    def memory(self) -> int:
        """The worker's resident memory, in bytes."""
        (pid,) = self.workers()
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def serving(
    directory: Path, *, is_forked: bool = True, python: str = sys.executable, **environment: str
) -> Iterator[Server]:
    """A gateway until the end of the block, where it is killed: how one stops is for the tests of that."""
    server = Server(directory, is_forked=is_forked, python=python, **environment).start()
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.client.close()
            server.kill()
