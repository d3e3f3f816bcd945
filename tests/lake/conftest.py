from collections.abc import Iterator

import pytest

from tests.support.lake.postgres import PostgreSQL
from tests.support.lake.proxy import PostgresProxy, proxying_postgres


@pytest.fixture
def database(postgres: PostgreSQL) -> str:
    """The URL of an empty database of this test alone."""
    return postgres.database()


@pytest.fixture
def proxy(postgres: PostgreSQL) -> Iterator[PostgresProxy]:
    """A proxy of this test alone before the shared PostgreSQL."""
    with proxying_postgres(postgres.port) as proxy:
        yield proxy
