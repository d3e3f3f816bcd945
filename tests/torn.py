"""Processes that die in the middle of a write of a block, by a library that gcc makes of torn.c."""

import functools
import subprocess
import tempfile
from pathlib import Path

from gateway.store import blocks

_SOURCE = Path(__file__).with_name("torn.c")


@functools.cache
def library() -> Path:
    target = Path(tempfile.mkdtemp()) / "torn.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", target, _SOURCE], check=True)
    return target


def environment(plan: Path) -> dict[str, str]:
    """What a process needs to have its writes torn as soon as there is a plan."""
    return {"LD_PRELOAD": str(library()), "TORN_PLAN": str(plan)}


def tear_checksum(file: Path) -> int:
    """Leave the file as a kill would in whose write only a part that nobody reads yet had changed; give the place."""
    place = max(blocks.metadata(file))
    blocks.write_checksum(file, place, blocks.checksum_of(blocks.read(file, place)) ^ 1)
    return place
