"""The limits of a connector hold for each token, refuse before a body is read, and say when to come back."""

import socket
from types import SimpleNamespace

import httpx
import pytest

from gateway.auth.rate_limit import RATE_LIMITS_MAX, RateLimit, RateLimits
from gateway.auth.tokens import make_token
from gateway.auth.tokens_file import parse_tokens
from gateway.connectors.finding import InvalidFileError
from gateway.connectors.policy import Limits
from gateway.errors import GatewayError
from tests.support.server import eventually, serving

FIELDS = "fields: {n: integer}\naccess: {ingest: [etl, shop], read: [public]}\n"


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    """A gateway with two tokens, and the clients that have them."""
    directory = tmp_path_factory.mktemp("limited")
    made = {name: make_token(name) for name in ("etl", "shop", "stranger", "bound")}
    lines = [line for _, line in made.values()]
    lines[-1] = lines[-1].replace("bound: ", "bound: {limits: {rows_per_second: 3}, digests: ") + "}"
    (directory / "tokens.yaml").write_text("\n".join(lines))
    with serving(directory, GATEWAY_TOKENS=str(directory / "tokens.yaml")) as server:
        clients = {
            name: httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {secret}"})
            for name, (secret, _) in made.items()
        }
        clients["anyone"] = httpx.Client(base_url=server.url)
        yield SimpleNamespace(server=server, **clients)
        for client in clients.values():
            client.close()


def declare(limited, name, limits, fields=FIELDS):
    return limited.server.declare(name, f"{fields}limits: {limits}\n")


def test_requests_beyond_the_limit_refuse_one_token_only(limited, name):
    """Check that requests over the limit are 429 for their own token and for anonymous clients, and that answers carry the headers of rate limits."""
    path = declare(limited, name, "{requests_per_second: 0.2}")

    first, second = limited.etl.post(path, json={"n": 1}), limited.etl.get(path)

    assert (first.status_code, second.status_code, second.json()["code"]) == (201, 429, "GW112")
    assert (
        first.headers["RateLimit-Policy"] == second.headers["RateLimit-Policy"] == '1;w=5;comment="requests"'
    )
    assert (first.headers["RateLimit-Limit"], first.headers["RateLimit-Remaining"]) == ("1", "0")
    assert 1 <= int(second.headers["Retry-After"]) <= int(second.headers["RateLimit-Reset"]) <= 5
    assert limited.shop.post(path, json={"n": 1}).status_code == 201
    assert limited.anyone.get(path).status_code == 200
    assert limited.anyone.get(path).status_code == 429
    assert "RateLimit-Limit" in limited.shop.patch(path).headers


def test_rows_are_charged_after_they_are_counted(limited, name):
    """Check that a body with more rows than the limit is stored, and that later bodies are refused until its debt is paid."""
    path = declare(limited, name, "{rows_per_second: 10}")

    stored = limited.etl.post(path, json=[{"n": 1}] * 25)
    refused = limited.etl.post(path, json=[{"n": 1}])

    assert (stored.status_code, stored.headers["RateLimit-Remaining"]) == (201, "0")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "2")
    assert limited.etl.get(path).status_code == 200
    assert eventually(lambda: limited.etl.post(path, json=[{"n": 2}]).status_code == 201)
    assert len(limited.etl.get(path).json()) == 26


def test_rejected_rows_count_against_the_rate_limit(limited, name):
    path = declare(limited, name, "{rows_per_second: 10}")

    assert limited.etl.post(path, json=[{"n": "x"}] * 25).status_code == 422
    assert limited.etl.post(path, json=[{"n": 1}]).status_code == 429


def test_request_beyond_limit_is_refused_before_its_body(limited, name):
    path = declare(limited, name, "{requests_per_second: 0.01}")
    limited.etl.get(path)
    host, port = limited.server.url.removeprefix("http://").split(":")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {limited.etl.headers['Authorization']}\r\n"
        "Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
    )

    with socket.create_connection((host, int(port)), timeout=10) as client:
        client.sendall(head.encode())
        assert client.recv(100).startswith(b"HTTP/1.1 429 ")


def test_hidden_connector_shows_no_limits(limited, name):
    fields = "fields: {n: integer}\naccess: {ingest: [etl]}\n"
    path = declare(limited, name, "{requests_per_second: 0.01}", fields)

    answers = [limited.stranger.get(path) for _ in range(3)]

    assert [each.status_code for each in answers] == [404] * 3
    assert not any("RateLimit-Limit" in each.headers for each in answers)


def test_reload_resets_counts_only_for_changed_limits(limited, name):
    path = declare(limited, name, "{requests_per_second: 0.01}")
    assert limited.etl.get(path).status_code == 200

    declare(
        limited,
        name,
        "{requests_per_second: 0.01}",
        FIELDS.replace("integer", "{type: integer, nullable: true}"),
    )
    assert limited.etl.get(path).status_code == 429

    declare(limited, name, "{requests_per_second: 0.02}")
    assert limited.etl.get(path).status_code == 200


def test_connector_without_limits_sends_no_limit_headers(limited, name):
    path = limited.server.declare(name, FIELDS)

    assert "RateLimit-Limit" not in limited.etl.get(path).headers


def test_token_limits_hold_over_all_connectors(limited, name):
    fields = FIELDS.replace("etl", "bound")
    paths = [limited.server.declare(f"{name}{number}", fields) for number in range(2)]

    first, second = (limited.bound.post(path, json=[{"n": 1}] * 6) for path in paths)

    assert (first.status_code, second.status_code) == (201, 429)
    assert second.headers["RateLimit-Policy"] == '3;w=1;comment="rows"'
    assert limited.shop.post(paths[0], json={"n": 1}).status_code == 201


def test_invalid_token_limits_are_refused_with_a_reason():
    _, line = make_token("etl")
    text = line.replace("etl: ", "etl: {limits: {rows_per_second: -1}, digests: ") + "}"

    with pytest.raises(InvalidFileError, match=r"rows_per_second -1 is not a number above 0"):
        parse_tokens(text.encode(), "tokens.yaml")


def test_average_rate_holds_for_any_batch_size():
    """Check that over many virtual seconds no more rows are admitted than the rate allows, except for one burst and one batch."""
    clock, rate_limit, rows = 0.0, RateLimit(Limits(rows_per_second=100), 0.0), 0
    while clock < 1000:
        try:
            rate_limit.admit(clock, brings_rows=True)
        except GatewayError as error:
            clock += int(error.headers["Retry-After"])
        else:
            size = 7 + rows % 1000
            rate_limit.charge(size, clock)
            rows += size

    assert 99_000 <= rows <= 101_100


def test_rate_limits_kept_in_memory_are_bounded():
    """Check that a rate limit whose allowance is used up is kept while unused ones are forgotten."""
    now = [0.0]
    rate_limits = RateLimits(None, lambda: now[0])
    limits = Limits(requests_per_second=1)
    rate_limits._find("c", limits, None, "owes").charge(0, 0.0)
    rate_limits._find("c", limits, None, "owes").admit(0.0, brings_rows=False)

    for number in range(3 * RATE_LIMITS_MAX):
        rate_limits._find("c", limits, None, f"address {number}")

    assert len(rate_limits._rate_limits) <= RATE_LIMITS_MAX
    with pytest.raises(GatewayError):
        rate_limits._find("c", limits, None, "owes").admit(0.5, brings_rows=False)
