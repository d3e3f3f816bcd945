"""Verbs of the command line, each in a process forked from a warm one."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.forked import fork


class Verb:
    """A verb that runs, with the methods of `subprocess.Popen` that tests use."""

    def __init__(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        cwd: Path | None = None,
        input: str = "",
        python: str = sys.executable,
    ) -> None:
        """Start a verb with its words, by an interpreter."""
        with tempfile.TemporaryFile() as typed:
            self._out = tempfile.TemporaryFile()  # noqa: SIM115  # `communicate` closes both.
            self._err = tempfile.TemporaryFile()  # noqa: SIM115
            typed.write(input.encode())
            typed.seek(0)
            streams = [typed.fileno(), self._out.fileno(), self._err.fileno()]
            self._process = fork(words, environment, cwd or Path.cwd(), streams, python)
        self.wait = self._process.wait
        self.kill = self._process.kill
        self.send_signal = self._process.send_signal

    @property
    def returncode(self) -> int | None:
        """The exit code, once the process has been waited for."""
        return self._process.returncode

    def communicate(self) -> tuple[str, str]:
        """Wait for the end of the process, and return what it has printed."""
        self.wait()
        with self._out, self._err:
            self._out.seek(0)
            self._err.seek(0)
            return self._out.read().decode(), self._err.read().decode()


def run(
    words: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path | None = None,
    input: str = "",
    python: str = sys.executable,
) -> subprocess.CompletedProcess[str]:
    """Run a verb with its words, by an interpreter, and return what it has printed."""
    verb = Verb(words, environment, cwd, input, python)
    out, err = verb.communicate()
    return subprocess.CompletedProcess(list(words), verb.returncode, out, err)
