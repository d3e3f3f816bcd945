"""A browser whose requests go to several gateways in turn stays signed in, and is signed out of all."""

import contextlib
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from gateway.auth.tokens import make_token
from tests.support.lake.balancer import Balancer, balancing
from tests.support.lake.gateways import gateway_lake, lake_settings
from tests.support.lake.lake_session import PYTHON
from tests.support.lake.postgres import PostgreSQL
from tests.support.server import DEADLINE, Server, eventually, put, serving

SECRET, LINE = make_token("ops", views=True)


@pytest.fixture
def pair(database: str, tmp_path: Path) -> Iterator[tuple[Balancer, list[Server]]]:
    """Two gateways with one tokens file, behind a balancer that gives each connection to the next."""
    put(tmp_path / "tokens.yaml", LINE)
    settings = lake_settings(database, tmp_path / "lake") | {
        "GATEWAY_TOKENS": str(tmp_path / "tokens.yaml"),
        "GATEWAY_CONSOLE": "write",
        "GATEWAY_SESSION_IDLE": "600",
    }
    gateway_lake("init", **settings, GATEWAY_DATA=str(tmp_path / "maker"))
    with contextlib.ExitStack() as open_ones:
        servers = [
            open_ones.enter_context(serving(tmp_path / name, python=PYTHON, **settings, GATEWAY_NAME=name))
            for name in ("a", "b")
        ]
        ports = [int(each.url.rpartition(":")[2]) for each in servers]
        yield open_ones.enter_context(balancing(ports)), servers


def browse(url: str, cookie: str = "", form: dict[str, str] | None = None) -> httpx.Response:
    """Send a request of a browser on a connection of its own, which the balancer gives to the next gateway."""
    headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"} | (
        {"Cookie": cookie} if cookie else {}
    )
    method = "GET" if form is None else "POST"
    return httpx.request(method, url, data=form, headers=headers, timeout=DEADLINE)


def sign_in(url: str) -> str:
    answer = browse(f"{url}/-/sign-in", form={"token": SECRET})
    assert answer.status_code == 303, answer.text
    return answer.headers["Set-Cookie"].partition(";")[0]


def is_signed_in(url: str, cookie: str) -> bool:
    answer = browse(f"{url}/-/console/", cookie)
    assert answer.status_code == 200, answer.text
    return ">ops</span>" in answer.text


def test_browser_is_signed_in_at_every_gateway(pair):
    balancer, servers = pair
    cookie = sign_in(balancer.url)
    assert all(is_signed_in(balancer.url, cookie) for _ in range(6))
    assert all(is_signed_in(each.url, cookie) for each in servers)
    assert browse(f"{balancer.url}/-/sign-out", cookie, {}).status_code == 303
    assert not any(is_signed_in(each.url, cookie) for each in servers)


def test_table_holds_no_secret_and_no_id(pair, postgres: PostgreSQL, database: str):
    balancer, _ = pair
    session_id = sign_in(balancer.url).partition("=")[2]
    rows = postgres.rows(
        database, "SELECT encode(key, 'hex') AS key, token, sessions::text AS whole FROM gw.sessions"
    )
    assert [(each["key"], each["token"]) for each in rows] == [
        (hashlib.sha256(session_id.encode()).hexdigest(), "ops")
    ]
    assert session_id not in rows[0]["whole"]
    assert SECRET not in rows[0]["whole"]


def test_idle_and_old_sessions_end_everywhere(pair, postgres: PostgreSQL, database: str):
    balancer, servers = pair
    for column, seconds in (("used_at", 600), ("began_at", 43_200)):
        cookie = sign_in(balancer.url)
        assert all(is_signed_in(each.url, cookie) for each in servers)
        postgres.ask(database, f"UPDATE gw.sessions SET {column} = {column} - interval '{seconds} s'")
        assert not any(is_signed_in(each.url, cookie) for each in servers)
    sign_in(balancer.url)
    assert postgres.rows(database, "SELECT count(*) FROM gw.sessions") == [{"count": 1}]


def test_use_at_one_gateway_keeps_the_session(pair, postgres: PostgreSQL, database: str):
    balancer, servers = pair
    cookie = sign_in(balancer.url)
    postgres.ask(database, "UPDATE gw.sessions SET used_at = used_at - interval '590 s'")
    assert is_signed_in(servers[0].url, cookie)
    ages = postgres.rows(database, "SELECT now() - used_at < interval '60 s' AS is_new FROM gw.sessions")
    assert ages == [{"is_new": True}]


def test_revoked_token_ends_its_sessions_everywhere(pair, tmp_path: Path):
    balancer, servers = pair
    cookie = sign_in(balancer.url)
    put(tmp_path / "tokens.yaml", make_token("other")[1])
    for each in servers:
        each.reload()
        assert eventually(lambda each=each: not is_signed_in(each.url, cookie))


def test_session_outlives_a_restart(pair):
    balancer, servers = pair
    cookie = sign_in(balancer.url)
    for each in servers:
        each.stop()
        each.start()
        assert is_signed_in(each.url, cookie)


def test_known_session_reads_while_postgres_restarts(pair, postgres: PostgreSQL):
    balancer, servers = pair
    cookie = sign_in(balancer.url)
    assert all(is_signed_in(each.url, cookie) for each in servers)
    postgres.stop()
    postgres.start()
    for each in servers:
        assert eventually(lambda each=each: browse(f"{each.url}/-/console/", cookie).status_code == 200)
        assert is_signed_in(each.url, cookie)
        assert sign_in(each.url)


def test_frozen_postgres_stops_no_other_request(pair, postgres: PostgreSQL):
    balancer, (server, _) = pair
    cookie = sign_in(balancer.url)
    assert is_signed_in(server.url, cookie)
    postgres.freeze()
    try:
        with ThreadPoolExecutor(1) as browser:
            asked = browser.submit(browse, f"{server.url}/-/console/", cookie)
            assert httpx.get(f"{server.url}/-/healthy").status_code == 200
            assert not asked.done()
            assert asked.result(DEADLINE).status_code in (200, 503)
    finally:
        postgres.thaw()
    assert eventually(lambda: browse(f"{server.url}/-/console/", cookie).status_code == 200)
    assert is_signed_in(server.url, cookie)
