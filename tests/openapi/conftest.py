"""A gateway that generated clients and schemathesis ask."""

from collections.abc import Iterator

import pytest

from tests.openapi.samples import SCHEMATHESIS, tokens_file
from tests.support.server import Server, put, serving


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway with the connectors that clients are generated for."""
    directory = tmp_path_factory.mktemp("shop")
    put(directory / "tokens.yaml", tokens_file())
    for name, text in SCHEMATHESIS.items():
        put(directory / f"connectors.d/{name}.yaml", text)
    with serving(directory, GATEWAY_TOKENS=str(directory / "tokens.yaml")) as server:
        yield server
