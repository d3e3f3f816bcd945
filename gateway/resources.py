"""Memory, CPUs, and disk that this process may use, within the limits of its container."""

import logging
import math
import os
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gateway.errors import Code, GatewayError
from gateway.setting_values import Share
from gateway.settings import Settings

_log = logging.getLogger(__name__)

#: The least temporary space: with less DuckDB could sort nothing, even after a full disk has space again.
MIN_SPILL = 64 * 2**20
#: How long a measurement of the free space is used.
FRESH_SECONDS = 0.2
#: `Retry-After` in seconds when the disk is full; an operator must free space first.
FULL_SECONDS = 10

_ROOT = Path("/")
# As proc_pid_mountinfo(5) and cgroups(7) describe them.
_MOUNT = re.compile(r"\S+ \S+ \S+ (?P<root>\S+) (?P<place>\S+) .*- (?P<system>\S+) \S+ (?P<options>\S+)")
_GROUP = re.compile(r"\d+:(?P<names>[^:]*):(?P<path>/.*)")


def memory_bytes(root: Path = _ROOT) -> int:
    """Return the memory of this process in bytes: the tightest limit of its control groups, else all memory.

    https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files, and for version 1
    https://docs.kernel.org/admin-guide/cgroup-v1/memory.html.
    """
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for group in _groups(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            limits += _numbers(group / name)[:1]
    return min(limits)


def cpu_count(root: Path = _ROOT) -> int:
    """Return the number of CPUs of this process: its affinity, or the quota of its control groups if that is less.

    https://docs.kernel.org/scheduler/sched-bwc.html. Part of a CPU counts as 1.
    """
    counts = [float(len(os.sched_getaffinity(0)))]
    for group in _groups(root, "cpu"):
        quota = _numbers(group / "cpu.max")
        quota = quota or _numbers(group / "cpu.cfs_quota_us") + _numbers(group / "cpu.cfs_period_us")
        if len(quota) == 2 and min(quota) > 0:
            counts.append(quota[0] / quota[1])
    return max(1, math.ceil(min(counts)))


def free_bytes(directory: Path) -> int:
    """Return the free bytes of the disk under a directory."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the directories of a controller's control groups, from this process's own to the outermost one.

    A container may see only a part of them, so that a path in `/proc/self/cgroup` may name directories that do
    not exist: those are included.
    """
    groups = [found for line in _lines(root / "proc/self/cgroup") if (found := _GROUP.fullmatch(line))]
    for line in _lines(root / "proc/self/mountinfo"):
        mount = _MOUNT.fullmatch(line)
        for group in groups if mount else ():
            assert mount is not None
            names = group["names"].split(",")
            is_two = mount["system"] == "cgroup2" and names == [""]
            is_one = mount["system"] == "cgroup" and controller in names
            if is_two or (is_one and controller in mount["options"].split(",")):
                path = group["path"].removeprefix(mount["root"].rstrip("/"))
                inner = PurePosixPath("/") / path.lstrip("/")
                for each in (inner, *inner.parents):
                    yield root / mount["place"].lstrip("/") / str(each).lstrip("/")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _numbers(path: Path) -> list[int]:
    """Read the numbers of a file, none if it is missing or sets no limit (`max`, or -1)."""
    try:
        return [int(word) for word in path.read_text().split()]
    except (OSError, ValueError):
        return []


@dataclass(frozen=True, slots=True)
class Resources:
    """The limits of DuckDB: bytes of memory, threads, bytes of temporary space."""

    memory: int
    threads: int
    spill: int

    @classmethod
    def of(cls, settings: Settings) -> "Resources":
        """Compute the limits of this machine from the settings; the data directory must exist."""
        beyond = max(0, free_bytes(settings.data) - settings.disk_reserve)
        resources = cls(
            memory_of(settings),
            max(1, _amount(settings.threads, cpu_count())),
            max(MIN_SPILL, _amount(settings.spill, beyond)),
        )
        _log.info(
            "DuckDB may use %d MiB of memory, %d threads, and %d MiB of temporary space",
            resources.memory >> 20,
            resources.threads,
            resources.spill >> 20,
        )
        return resources


def memory_of(settings: Settings) -> int:
    """Compute the bytes of memory that DuckDB may use."""
    return _amount(settings.memory, memory_bytes())


def _amount(given: int | Share, whole: int) -> int:
    return given.of(whole) if isinstance(given, Share) else given


class Disk:
    """The disk under a directory, with a reserve of free space. Any thread may use it."""

    def __init__(self, directory: Path, reserve: int) -> None:
        self._directory = directory
        self.reserve = reserve
        self._seen = (-math.inf, 0)
        if self.is_full:
            _log.warning(
                "%s has %d MiB free, less than GATEWAY_DISK_RESERVE: writes are refused until it has more",
                directory,
                self.free >> 20,
            )

    @property
    def free(self) -> int:
        """The free bytes, at most 0.2 seconds old."""
        moment, free = self._seen
        now = time.monotonic()
        if now - moment > FRESH_SECONDS:
            free = free_bytes(self._directory)
            self._seen = (now, free)
        return free

    @property
    def is_full(self) -> bool:
        """Less than the reserve is free."""
        return self.free < self.reserve

    def require_space(self) -> None:
        """Check that there is space to store something.

        Raises:
            GatewayError: The disk is full; with `Retry-After`.
        """
        if self.is_full:
            raise disk_full(
                f"{self.free} bytes of the disk are free, less than the reserve of {self.reserve}; nothing was stored"
            )


def disk_full(message: str | None = None) -> GatewayError:
    """Return the error of a full disk."""
    hint = "free space under the data directory, or use a larger disk; then send again"
    wait = FULL_SECONDS + random.randrange(FULL_SECONDS)  # noqa: S311  # clients must not retry all at once
    return GatewayError(Code.DISK_FULL, message, hint=hint, headers={"Retry-After": str(wait)})
