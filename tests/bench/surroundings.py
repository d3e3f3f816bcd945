"""Where it was measured: the machine, and how long a sync takes on its disk."""

import os
import platform
import re
import statistics
import tempfile
import time
from pathlib import Path

from gateway.resources import cpu_count, memory_bytes


def machine() -> str:
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return (
        f"{model[1] if model else platform.processor()}, {cpu_count()} CPUs, {memory_bytes() / 2**30:.0f} GiB of memory,"
        f" Linux {platform.release().partition('-')[0]}, {_filesystem(tempfile.gettempdir())} ({_sync_ms():.2f} ms for a sync),"
        f" Python {platform.python_version()}"
    )


def _filesystem(path: str) -> str:
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    return max(
        (each for each in mounts if Path(path).is_relative_to(each[0])), key=lambda each: len(each[0])
    )[1]


def _sync_ms(times: int = 50) -> float:
    """Measure what it takes to append to a file and sync it, as a commit does."""
    took = []
    with tempfile.TemporaryFile() as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000
