from collections.abc import Iterator

import pytest

from gateway.auth.tokens import make_token
from tests.support.prefix_proxy import proxying
from tests.support.server import Server, put, serving

ORDERS = """
description: Orders <img src=x onerror="alert(1)"> of the shop.
fields: {id: integer, customer: {type: string, nullable: true}}
access: {read: [guest], ingest: [etl]}
"""
FLIGHTS = """
path: /air/flights
fields: {id: integer}
access: {read: [public]}
"""
LEDGER = "fields: {id: integer}\n"
SECRETS = {name: make_token(name) for name in ("etl", "guest")}


class Portal:
    """A gateway with connectors of several rights, its tokens, and a second URL below a prefix."""

    def __init__(self, server: Server, prefixed: str) -> None:
        self.server = server
        self.urls = {"root": f"{server.url}/", "prefix": prefixed}

    def secret(self, name: str) -> str:
        if name == "admin":
            return (self.server.data / "admin-token").read_text().strip()
        return SECRETS[name][0]


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    directory = tmp_path_factory.mktemp("portal")
    put(directory / "tokens.yaml", "".join(f"{line}\n" for _, line in SECRETS.values()))
    for name, text in (("orders", ORDERS), ("flights", FLIGHTS), ("ledger", LEDGER)):
        put(directory / "connectors.d" / f"{name}.yaml", text)
    tokens = str(directory / "tokens.yaml")
    with serving(directory, GATEWAY_TOKENS=tokens) as server, proxying(server.url) as prefixed:
        yield Portal(server, prefixed)


@pytest.fixture(params=["root", "prefix"])
def gateway_url(portal: Portal, request: pytest.FixtureRequest) -> str:
    """Every page works at the root, and below the prefix of a proxy."""
    return portal.urls[request.param]
