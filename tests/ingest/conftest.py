import pytest

from tests.support.server import Server


@pytest.fixture
def path(server: Server, filled: str) -> str:
    """The path of the connector that the module's own `filled` declares once a session, without the rows of other tests."""
    return server.emptied(filled)
