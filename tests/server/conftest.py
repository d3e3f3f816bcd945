from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, serving


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A gateway of this test alone, started as users start one."""
    with serving(tmp_path, is_forked=False) as server:
        yield server
