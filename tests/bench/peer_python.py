"""The Python of the peers: a virtual environment of their own, with what the extra `bench` names.

What they need must not change what the gateway runs on: gunicorn would take uvloop, were it there.
"""

import hashlib
import importlib.metadata
import json
import subprocess
import sys
import tempfile
import tomllib
import venv
from functools import cache
from pathlib import Path

from tests.support.server import ROOT


def requirements() -> list[str]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["bench"]


@cache
def directory() -> Path:
    """Make the environment, or find the one that was made for the same requirements."""
    key = hashlib.sha256(json.dumps([sys.version, requirements()]).encode()).hexdigest()[:12]
    made = Path(tempfile.gettempdir()) / f"gateway-bench-peers-{key}"
    finished = made / "finished"
    if not finished.exists():
        venv.create(made, clear=True, with_pip=True)
        install = [made / "bin/python", "-m", "pip", "install", "--quiet", "--quiet", *requirements()]
        subprocess.run(install, check=True)
        finished.touch()
    return made


def program(name: str) -> Path:
    return directory() / "bin" / name


def output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@cache
def versions() -> dict[str, str]:
    """Name and version of everything that is installed there."""
    return {each.name: each.version for each in importlib.metadata.distributions(path=[str(packages())])}


def packages() -> Path:
    """Where its packages are."""
    (found,) = (directory() / "lib").glob("python*/site-packages")
    return found
