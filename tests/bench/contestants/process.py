"""A program that is started for the benchmark, and answers at a port."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.support.server import eventually


class Process:
    """A process, with a file for what it says."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        stop_by: int = signal.SIGTERM,
        **how,
    ) -> None:
        self.log = log
        self._stop_by = stop_by
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                list(map(str, command)),
                env={**os.environ, **(environment or {})},
                stdout=file,
                stderr=file,
                **how,
            )
        self.pid = self._process.pid

    def wait_for(self, port: int) -> None:
        """Wait until it listens, or stop it."""

        def listens() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
            return False

        self.wait_until(listens)

    def wait_until(self, is_ready: Callable[[], bool]) -> None:
        """Wait until it is ready, or stop it."""

        def ready() -> bool:
            assert self._process.poll() is None, self.log.read_text()[-4000:]
            return is_ready()

        try:
            eventually(ready, f"it did not start: {self._process.args}")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._process.send_signal(self._stop_by)
        try:
            self._process.wait(30)
        finally:
            self._process.kill()
            self._process.wait()
