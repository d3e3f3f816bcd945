"""The servers that a lake needs, each started at its first use in a worker of pytest, and shared by its tests.

A test that stops, kills, or freezes one starts or thaws it again, or runs one of its own.
"""

from collections.abc import Iterator

import pytest

from tests.support.lake.postgres import PostgreSQL, running_postgres
from tests.support.lake.seaweedfs import SeaweedFS, running_seaweedfs


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgreSQL]:
    """A PostgreSQL for tests that make databases of their own in it."""
    with running_postgres() as postgres:
        yield postgres


@pytest.fixture(scope="session")
def seaweedfs() -> Iterator[SeaweedFS]:
    """An S3 server for tests that write below prefixes of their own."""
    with running_seaweedfs() as seaweedfs:
        yield seaweedfs
