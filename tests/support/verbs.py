"""Verbs of the command line, each in a process forked from a warm one."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.forked import fork


def run(
    words: Sequence[str], environment: Mapping[str, str], cwd: Path | None = None, input: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a verb with its words, and return what it has printed."""
    with tempfile.TemporaryFile() as typed, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        typed.write(input.encode())
        typed.seek(0)
        process = fork(words, environment, cwd or Path.cwd(), [typed.fileno(), out.fileno(), err.fileno()])
        code = process.wait()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(list(words), code, out.read().decode(), err.read().decode())
