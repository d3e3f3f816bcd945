import shutil
from collections.abc import Iterator

import pytest

from tests.support.server import Server, put, serving


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("cleared")) as server:
        yield server


@pytest.fixture
def cleared(_shared: Server) -> Server:
    """Return a running gateway with one connector, `kept`, and without any trace of the tests before.

    A connector stays because an empty directory is taken for one that is being written for some seconds.
    """
    server = _shared
    put(server.connectors / "kept.yaml", "fields: {n: integer}\n")
    for file in server.connectors.iterdir():
        if file.name != "kept.yaml":
            file.unlink()
    server.reload()
    for each in server.client.get("/-/connectors").json():
        if each["state"] == "removed":
            server.client.post(f"/-/connectors/{each['name']}/purge").raise_for_status()
    shutil.rmtree(server.data.parent / "state", ignore_errors=True)
    return server
