"""A process of the tests' own that does what they tell it, a line of JSON for each request, and ends with them."""

import json
import os
import subprocess
import sys
import threading
from typing import Any

from tests.support.server import ROOT


class Obedient:
    """A process of a module that calls `orders.obey`. Any thread may ask it, one at a time."""

    def __init__(self, module: str, *arguments: object, python: str = sys.executable) -> None:
        self._lock = threading.Lock()
        self.process = subprocess.Popen(
            [python, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, verb: str, *arguments: object) -> Any:
        """Have it do something, and give what it answers.

        Raises:
            RuntimeError: It failed, with the words of its error.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self._lock:
            print(json.dumps([verb, *arguments]), file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        assert answer, f"it ended before it could {verb}"
        result, error = json.loads(answer)
        if error:
            raise RuntimeError(error)
        return result

    def close(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.communicate()

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
