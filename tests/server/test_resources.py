"""What the gateway takes of a machine is what its container may have."""

import json
import os
from pathlib import Path

import pytest

from gateway.resources import cpu_count, memory_bytes
from gateway.settings import Settings
from tests.support.in_process import inside

ALL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
TWO = "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"
ONE = (
    "31 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "32 23 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct"
)


def machine(root: Path, groups: str, mounts: str, **files: str) -> Path:
    """A machine as `/proc` and `/sys` show it; in the name of a file `__` is `/`."""
    files = {"proc/self/cgroup": groups, "proc/self/mountinfo": mounts, **files}
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


@pytest.mark.parametrize(
    ("groups", "mounts", "files", "memory", "cpus"),
    [
        ("", "", {}, ALL, 2),
        (
            "0::/",
            TWO,
            {"sys/fs/cgroup/memory.max": "536870912", "sys/fs/cgroup/cpu.max": "50000 100000"},
            2**29,
            1,
        ),
        ("0::/", TWO, {"sys/fs/cgroup/memory.max": "max", "sys/fs/cgroup/cpu.max": "max 100000"}, ALL, 2),
        # The tightest of all that it is in.
        (
            "0::/a/b",
            TWO,
            {
                "sys/fs/cgroup/a/memory.max": "1000000",
                "sys/fs/cgroup/a/b/memory.max": "2000000",
                "sys/fs/cgroup/a/b/cpu.max": "150000 100000",
                "sys/fs/cgroup/a/cpu.max": "100000 100000",
            },
            1_000_000,
            1,
        ),
        # What a container sees begins at its own group, and its path may name what lies outside.
        ("0::/", TWO, {"sys/fs/cgroup/memory.max": "3000000"}, 3_000_000, 2),
        ("0::/../pod", TWO, {"sys/fs/cgroup/memory.max": "3000000"}, 3_000_000, 2),
        (
            "0::/docker/1f",
            TWO.replace(" / ", " /docker/1f "),
            {"sys/fs/cgroup/memory.max": "4000000"},
            4_000_000,
            2,
        ),
        (
            "4:memory:/x/y\n1:cpu,cpuacct:/x\n0::/",
            ONE,
            {
                "sys/fs/cgroup/memory/x/y/memory.limit_in_bytes": "5000000",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
                "sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "10000",
                "sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            },
            5_000_000,
            1,
        ),
        ("nonsense\n7", f"{TWO}\nnonsense - x\n", {"sys/fs/cgroup/memory.max": "none"}, ALL, 2),
    ],
)
def test_tightest_limit_of_a_container_is_found(tmp_path, monkeypatch, groups, mounts, files, memory, cpus):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    root = machine(tmp_path, groups, mounts, **files)

    assert (memory_bytes(root), cpu_count(root)) == (memory, cpus)


def test_cpu_count_is_that_of_the_process_affinity(tmp_path):
    here = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(here)})
    try:
        assert cpu_count(tmp_path) == 1
    finally:
        os.sched_setaffinity(0, here)


@pytest.mark.parametrize("text", ["0%", "101%", "-5%", "half", "1e1%", "%", "2X"])
def test_invalid_memory_share_is_refused_with_a_reason(text):
    with pytest.raises(ValueError, match="write a"):
        Settings.read({"GATEWAY_MEMORY": text})


def test_status_shows_the_limits_that_duckdb_has(tmp_path):
    settings = {"GATEWAY_MEMORY": "64M", "GATEWAY_THREADS": "50%", "GATEWAY_SPILL": "100M"}
    with inside(tmp_path, {}, **settings) as gateway:
        told = json.loads(gateway.request("GET", "/-/status")[2])["resources"]
        names = "('memory_limit', 'threads', 'max_temp_directory_size')"
        set_ = dict(
            gateway.store._database.rows(f"SELECT name, value FROM duckdb_settings() WHERE name IN {names}")
        )

    threads = max(1, cpu_count() // 2)
    assert told == {"memory": 64 * 2**20, "threads": threads, "spill": 100 * 2**20}
    expected = {"memory_limit": "64.0 MiB", "threads": str(threads), "max_temp_directory_size": "100.0 MiB"}
    assert set_ == expected
