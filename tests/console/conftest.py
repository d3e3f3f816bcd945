import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.auth.tokens import make_token
from tests.console import connector_shapes
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
#: The Accept header of Chromium, and those of Firefox and Safari, when a user opens a URL.
CHROME = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
LEDGER = "fields: {id: integer}\n"
CONNECTORS = {"orders": ORDERS, "flights": FLIGHTS, "ledger": LEDGER}
SECRETS = {name: make_token(name, views=name == "auditor") for name in ("etl", "guest", "auditor")}


class Portal:
    """A gateway with connectors of several rights, its tokens, and a second URL below a prefix."""

    def __init__(self, server: Server, prefixed: str) -> None:
        self.server = server
        self.urls = {"root": f"{server.url}/", "prefix": prefixed}

    def ask(
        self, method: str, path: str, *, cookie: str = "", accept: str = CHROME, **headers: str
    ) -> httpx.Response:
        """Send a request as a browser does that has this cookie; redirects are not followed."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if cookie:
            sent["Cookie"] = cookie
        return httpx.request(
            method, self.server.url + path, headers={"Accept": accept, "X-Request-Id": "same", **sent}
        )

    def sign_in(self, name: str, following: str = "-/console/", **headers: str) -> httpx.Response:
        return httpx.post(
            f"{self.server.url}/-/sign-in",
            data={"token": self.secret(name), "next": following},
            headers={"Accept": CHROME, "Sec-Fetch-Site": "same-origin", **headers},
        )

    def cookie_of(self, name: str) -> str:
        """Sign in, and give the Cookie header of the session."""
        return self.sign_in(name).headers["Set-Cookie"].partition(";")[0]

    def secret(self, name: str) -> str:
        if name == "admin":
            return (self.server.data / "admin-token").read_text().strip()
        return SECRETS[name][0]


@contextlib.contextmanager
def opened(directory: Path, connectors: dict[str, str]) -> Iterator[Portal]:
    """Serve connectors to the tokens of `SECRETS`, at the root and below a prefix."""
    put(directory / "tokens.yaml", "".join(f"{line}\n" for _, line in SECRETS.values()))
    for name, text in connectors.items():
        put(directory / "connectors.d" / f"{name}.yaml", text)
    tokens = str(directory / "tokens.yaml")
    with serving(directory, GATEWAY_TOKENS=tokens) as server, proxying(server.url) as prefixed:
        yield Portal(server, prefixed)


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with opened(tmp_path_factory.mktemp("portal"), CONNECTORS) as portal:
        yield portal


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A gateway with connectors of every shape that an API page has to show."""
    with opened(tmp_path_factory.mktemp("shapes"), connector_shapes.CONNECTORS) as portal:
        assert {each["state"] for each in portal.server.reload().values()} == {"live"}
        yield portal


@pytest.fixture(scope="session")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A gateway for connectors with rejected rows, which tests declare."""
    with opened(tmp_path_factory.mktemp("stocked"), {"stock": "fields: {id: integer}\n"}) as portal:
        yield portal


@pytest.fixture(params=["root", "prefix"])
def gateway_url(portal: Portal, request: pytest.FixtureRequest) -> str:
    """Every page works at the root, and below the prefix of a proxy."""
    return portal.urls[request.param]


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A gateway that may write files, for connectors of these tests."""
    with opened(tmp_path_factory.mktemp("workbench"), {}) as portal:
        yield portal
