"""The tests of gateways on a DuckDB file, run again with gateways on a lake: every third always, all of them at full size.

A test that looks at the DuckDB file itself is marked `file_only` with its reason; here it is skipped, and counted.
"""

import os
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.lake.lake_session import PYTHON
from tests.support.server import ROOT
from tests.support.sizes import is_full_size

#: The seconds until a run is given up.
SECONDS_MAX = 1800
#: Which share of the tests of a module runs always.
SHARE = 3
#: What each quick run is about, and its modules.
QUICK = {
    "conformance": ["store/test_conformance.py"],
    "post and keys": [
        "endpoints/test_post.py",
        "endpoints/test_idempotency.py",
        "store/test_primary_keys.py",
    ],
    "get and dialect": ["endpoints/test_get.py", "query/test_queries.py"],
    "edits and rejected rows": ["endpoints/test_edits.py", "endpoints/test_rejected.py"],
    "changes": ["reload/test_changes.py"],
    "retries": ["promises/test_retries.py"],
}
#: The quick runs in which each test runs always: the contract of a store, and the one test of retries.
WHOLE = ("conformance", "retries")
#: What the quick runs leave out.
FULL = {
    "other endpoints": ["endpoints"],
    "other queries": ["query"],
    "other reloads": ["reload"],
    "bodies": ["ingest"],
    "access": ["auth"],
    "operation": ["admin", "jobs"],
}


def _run(modules: list[str], left_out: list[str], share: int, directory: Path) -> tuple[int, int, int]:
    """Run modules on the lake; return the number of modules, of passed tests, and of those that are for a file alone."""
    report = directory / "report.xml"
    done = subprocess.run(
        [
            *(PYTHON, "-m", "pytest", "--quiet", "-p", "no:xdist", "-p", "no:cacheprovider"),
            *("-o", "addopts=-ra --strict-markers --strict-config", "-m", "not torture"),
            *(f"--basetemp={directory / 'temporary'}", f"--junit-xml={report}", "-o", "junit_family=xunit1"),
            *(f"--ignore=tests/{each}" for each in left_out),
            *(f"tests/{each}" for each in modules),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "TESTED_STORE": "lake",
            "TESTED_SHARE": str(share),
            "PYTEST_XDIST_WORKER": _worker(),
        },
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    cases = list(ElementTree.parse(report).iter("testcase"))
    skipped = [each for case in cases if (each := case.find("skipped")) is not None]
    assert all(each.get("message", "").startswith("file only: ") for each in skipped)
    return len({case.get("classname") for case in cases}), len(cases) - len(skipped), len(skipped)


def _worker() -> str:
    """A worker of pytest by whose name the run takes other ports than those of the workers around it."""
    return f"gw{int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw')) + 4}"


_KNOWN = [each for modules in QUICK.values() for each in modules]
RUNS = [
    *(pytest.param(name, each, [], marks=pytest.mark.scaled, id=name) for name, each in QUICK.items()),
    *(pytest.param(name, each, _KNOWN, marks=pytest.mark.torture, id=name) for name, each in FULL.items()),
]


@pytest.mark.long
@pytest.mark.parametrize(("name", "modules", "left_out"), RUNS)
def test_front_door_holds_on_a_lake(name, modules, left_out, tmp_path, tell):
    share = 1 if is_full_size() or name in WHOLE else SHARE
    found, passed, file_only = _run(modules, left_out, share, tmp_path)

    assert passed > 0
    tell(
        f"on a lake, {name}: {passed} tests of {found} modules passed, {file_only} are for a DuckDB file alone"
    )
