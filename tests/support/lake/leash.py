"""A server on a leash: it ends with all of its processes when the tests do, after their SIGKILL, too.

Its keeper is a process of its own that waits for the end of its standard input. Signals of the kernel for the death of a
parent would not do: they reach neither the children of a server, nor survive a change of the user.
"""

import contextlib
import ctypes
import os
import pwd
import selectors
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
#: Who runs a server that refuses to run as root.
ORDINARY = "nobody"
#: How long a server may take to end itself once the tests have ended, in seconds.
PATIENCE = 2


class Leash:
    """The processes of one server, from its start to its end."""

    def __init__(self, command: Sequence[str], folder: Path, log: Path, *, is_ordinary: bool = False) -> None:
        """Start the server.

        Args:
            command: The program and its arguments.
            folder: Where it runs. It is deleted if the tests end before the server does.
            log: Where its output goes.
            is_ordinary: Whether root starts it as an ordinary user.
        """
        user = ORDINARY if is_ordinary and os.geteuid() == 0 else ""
        keeper = [sys.executable, "-I", "-S", __file__, str(folder), user, *command]
        with log.open("ab") as output:
            # A signal to the group of the tests is not for the keeper, which has to outlive them.
            self._keeper = subprocess.Popen(
                keeper,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                cwd="/",
                start_new_session=True,
            )
        assert self._keeper.stdout is not None
        first = self._keeper.stdout.readline()
        assert first, f"{command[0]} does not start: {log.read_text()}"
        #: The first process of the server.
        self.pid = int(first)

    @property
    def is_running(self) -> bool:
        return self._keeper.poll() is None

    def processes(self) -> list[int]:
        """The first process and all below it."""
        return descendants(self._keeper.pid)

    def send(self, number: int) -> None:
        """Send a signal to the first process alone, for a server that ends the others."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def freeze(self) -> None:
        """Stop all processes, as if they got no processor."""
        _stop(self._keeper.pid)

    def thaw(self) -> None:
        """Let all processes go on."""
        _thaw(self._keeper.pid)

    def kill(self) -> None:
        """SIGKILL to all processes at one moment: nothing has time to tidy up."""
        _kill(self._keeper.pid)
        self.wait()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until no process of the server is left.

        Raises:
            subprocess.TimeoutExpired: One runs longer than `timeout` seconds.
        """
        self._keeper.wait(timeout)
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            assert pipe is not None
            pipe.close()


def descendants(pid: int) -> list[int]:
    """The processes below one, parents before their children."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            for task in Path(f"/proc/{waiting.pop()}/task").iterdir():
                children = [int(child) for child in (task / "children").read_text().split()]
                found += children
                waiting += children
    return found


def _stop(pid: int) -> list[int]:
    """Stop the processes below one, those that start meanwhile, too."""
    stopped: set[int] = set()
    while new := set(descendants(pid)) - stopped:
        for each in new:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGSTOP)
        stopped |= new
    return sorted(stopped)


def _thaw(pid: int) -> None:
    for each in descendants(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGCONT)


def _kill(pid: int) -> None:
    for each in _stop(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def _keep(folder: str, user: str, *command: str) -> None:
    """Run the server until it ends, or the standard input does."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    other = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
    child = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=2, start_new_session=True, **other
    )
    print(child.pid, flush=True)
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ, "tests")
        selector.register(os.pidfd_open(child.pid), selectors.EVENT_READ, "server")
        ended = {key.data for key, _ in selector.select()}
    if "tests" in ended:
        # PostgreSQL leaves a segment of shared memory in the system after SIGKILL, and the system has few.
        _thaw(os.getpid())
        child.send_signal(signal.SIGQUIT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(PATIENCE)
    _kill(os.getpid())
    # All of them are gone before the next start: PostgreSQL refuses to share its memory with one that is still dying.
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    if "tests" in ended:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    _keep(*sys.argv[1:])
