"""An answer that is given again is the one that the question deserves now, however often it was asked before."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import falcon.asgi
import httpx
import pytest

from gateway.auth.tokens import make_token
from gateway.endpoints import request_cache
from tests.server.test_logs import TRACE, of
from tests.support.in_process import body, inside
from tests.support.server import put, serving
from tests.support.tested_store import renewed

FIELDS = "fields: {n: integer, s: {type: string, nullable: true}}\n"
READABLE = FIELDS + "access: {read: [reader, other]}\n"
ROWS = [{"n": n, "s": "x" * 500} for n in range(5)]
#: More than it takes until an answer is sent again without being made.
TIMES = 4


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A gateway with tokens, and clients that have them; what each test does to the tokens file, it undoes."""
    directory = tmp_path_factory.mktemp("repeats")
    made = {name: make_token(name) for name in ("reader", "other", "stranger")}
    tokens = directory / "tokens.yaml"
    tokens.write_text("\n".join(line for _, line in made.values()))
    environment = {
        "GATEWAY_TOKENS": str(tokens),
        "GATEWAY_CORS": "https://app.example",
        "GATEWAY_PROXIES": "127.0.0.1",
    }
    with serving(directory, **environment) as server:
        clients = {
            name: httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {secret}"})
            for name, (secret, _) in made.items()
        }
        clients["anyone"] = httpx.Client(base_url=server.url)
        yield SimpleNamespace(server=server, tokens=tokens, **clients)
        for client in clients.values():
            client.close()


@pytest.fixture
def path(place, name):
    path = place.server.declare(name, READABLE)
    assert place.server.client.post(path, json=ROWS).status_code == 201
    return path


@pytest.fixture
def edit_tokens(place):
    """Give what puts another text in the place of the tokens file, and have the old one back at the end."""
    text = place.tokens.read_text()

    def edit(change):
        put(place.tokens, change(text))
        place.server.reload()

    yield edit
    edit(lambda text: text)


def told(answer):
    """All of an answer but when it was given, and its id."""
    head = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("date", "x-request-id", "traceparent")
    }
    return answer.status_code, head, answer.content


def ask_until_repeated(client, path, **how):
    """Ask the same so often that the last answer was given again."""
    answers = [client.get(path, **how) for _ in range(TIMES)]
    assert all(told(answer) == told(answers[0]) for answer in answers)
    return answers[-1]


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("", {}, 200),
        ("?n=gte.2&order=n.desc&limit=2", {}, 200),
        ("?n=gt.100", {}, 200),
        ("", {"Accept": "text/csv"}, 200),
        ("?format=parquet", {}, 200),
        ("", {"Accept-Encoding": "gzip"}, 200),
        ("", {"Accept-Encoding": "identity"}, 200),
        ("?limit=2", {"Prefer": "count=exact"}, 206),
        ("", {"Range-Unit": "items", "Range": "1-2"}, 200),
        ("", {"Range": "bytes=0-9"}, 206),
        ("", {"Origin": "https://app.example"}, 200),
        ("", {"Origin": "https://evil.example"}, 200),
        ("", {"If-None-Match": "*"}, 304),
        ("", {"If-None-Match": '"another"'}, 200),
        ("?nothing=eq.1", {}, 400),
        ("", {"Accept": "image/png"}, 406),
        ("", {"Accept-Profile": "other"}, 406),
    ],
)
def test_cached_response_equals_first_and_is_logged(place, path, query, headers, status):
    answers, lines = [], []
    for number in range(TIMES):
        own = {"X-Request-Id": f"{path[1:]}-{number}", "traceparent": TRACE}
        answers.append(place.reader.get(path + query, headers={**headers, **own}))
        (line,) = of(place.server, own["X-Request-Id"])
        lines.append({name: value for name, value in line.items() if name not in ("time", "duration_ms")})

        assert answers[-1].headers["X-Request-Id"] == own["X-Request-Id"] == lines[-1].pop("request_id")
        assert answers[-1].headers["traceparent"] == TRACE

    assert answers[0].status_code == status
    assert all(told(answer) == told(answers[0]) for answer in answers)
    assert lines == [lines[0]] * TIMES
    assert (lines[0]["token"], lines[0]["path"], lines[0]["connector"]) == ("reader", path, path[1:])


def test_other_headers_and_methods_are_not_cached(place, path):
    first = ask_until_repeated(place.reader, path)

    assert place.reader.get(path, headers={"Accept": "text/csv"}).text.startswith("n,s\n0,")
    assert place.reader.get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert place.reader.get(path, headers={"Range": "bytes=0-9"}).content == first.content[:10]
    assert place.reader.get(f"{path}?n=eq.3").json() == [ROWS[3]]
    head = place.reader.head(path)
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", first.headers["ETag"])
    allowed = place.reader.get(path, headers={"Origin": "https://app.example"})
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Access-Control-Allow-Origin" not in ask_until_repeated(place.reader, path).headers
    assert told(place.reader.get(path)) == told(first)


def test_cached_response_has_own_request_id(place, path):
    ids = {place.reader.get(path).headers["X-Request-Id"] for _ in range(TIMES)}

    assert len(ids) == TIMES


def test_commit_invalidates_cache(place, path):
    for number in range(10, 20):
        ask_until_repeated(place.reader, path)
        place.server.client.post(path, json={"n": number})

        assert place.reader.get(path).json()[-1] == {"n": number, "s": None}


def test_cache_checks_permissions(place, path):
    seen = ask_until_repeated(place.reader, path)

    assert told(ask_until_repeated(place.other, path)) == told(seen)
    assert place.stranger.get(path).status_code == 404
    assert place.anyone.get(path).status_code == 404
    assert place.anyone.get(path, headers={"Authorization": ""}).status_code == 404
    token = place.reader.headers["Authorization"]
    for wrong in (f"{token}x", token[:-1], token.replace("Bearer", "Basic"), token.partition(" ")[2]):
        assert place.anyone.get(path, headers={"Authorization": wrong}).status_code == 401
    twice = [("Authorization", token), ("Authorization", token)]
    assert place.anyone.get(path, headers=twice).status_code == 401
    assert told(place.anyone.get(path, headers={"Authorization": token})) == told(seen)


def test_log_names_token_of_cached_request(place, path):
    for number in range(TIMES):
        for name in ("reader", "other"):
            request_id = f"{path[1:]}-{name}-{number}"
            getattr(place, name).get(path, headers={"X-Request-Id": request_id})

            (line,) = of(place.server, request_id)
            assert line["token"] == name


def test_cache_does_not_serve_removed_or_expired_token(place, path, edit_tokens):
    seen = ask_until_repeated(place.reader, path)
    past = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    edit_tokens(lambda text: text.partition("\n")[2])
    assert place.reader.get(path).status_code == 401
    edit_tokens(lambda text: text)
    assert told(place.reader.get(path)) == told(seen)
    edit_tokens(lambda text: text.replace("[", "[{digest: ", 1).replace("]", f", expires: {past}}}]", 1))
    answer = place.reader.get(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "PGRST303"), answer.text


def test_renamed_token_is_not_served_from_cache(place, path, edit_tokens):
    ask_until_repeated(place.reader, path)

    edit_tokens(lambda text: text.replace("reader:", "nobody:", 1))

    assert place.reader.get(path).status_code == 404


def test_rate_limits_apply_to_cached_requests(place, path, edit_tokens):
    assert "RateLimit-Limit" not in ask_until_repeated(place.reader, path).headers

    edit_tokens(
        lambda text: text.replace(
            "reader: [", "reader: {limits: {requests_per_second: 2}, digests: [", 1
        ).replace("]", "]}", 1)
    )
    statuses = [place.reader.get(path).status_code for _ in range(5)]
    assert (statuses[:2], statuses[-1]) == ([200, 200], 429)
    assert "RateLimit-Limit" in place.reader.get(path).headers
    edit_tokens(lambda text: text)
    assert "RateLimit-Limit" not in ask_until_repeated(place.reader, path).headers

    place.server.declare(path[1:], f"{READABLE}limits: {{requests_per_second: 1}}\n")
    assert [place.reader.get(path).status_code for _ in range(2)] == [200, 429]


def test_edited_connector_invalidates_cache(place, path):
    name = path[1:]
    seen = ask_until_repeated(place.reader, path)

    place.server.declare(name, READABLE.replace("reader, ", ""))
    assert place.reader.get(path).status_code == 404
    place.server.declare(name, READABLE.replace("reader, other", "public"))
    assert place.anyone.get(path).status_code == 200
    assert ask_until_repeated(place.anyone, path).headers["Cache-Control"] == "no-cache"
    place.server.declare(name, READABLE.replace("}}", "}, m: {type: integer, default: 7}}"))
    assert place.reader.get(path).json()[0]["m"] == 7
    place.server.declare(name, renewed(READABLE))
    assert place.reader.get(path).json() == seen.json()
    place.server.declare(name, f"path: /elsewhere-{name}\n{READABLE}")
    assert place.reader.get(path).status_code == 410
    assert place.stranger.get(path).status_code == 404
    assert place.reader.get(f"/elsewhere-{name}").json() == seen.json()
    (place.server.connectors / f"{name}.yaml").unlink()
    place.server.reload()
    assert place.reader.get(f"/elsewhere-{name}").status_code == 410


def test_wrong_token_on_cached_request_is_throttled(place, path):
    ask_until_repeated(place.reader, path)
    where = {"X-Forwarded-For": "10.9.9.9", "Authorization": "Bearer gw_wrong"}

    statuses = []
    while 429 not in statuses and len(statuses) < 200:
        statuses.append(place.anyone.get(path, headers=where).status_code)

    assert set(statuses) == {401, 429}
    good = {"X-Forwarded-For": "10.9.9.9", "Authorization": place.reader.headers["Authorization"]}
    assert place.anyone.get(path, headers=good).status_code == 200


# -- without what makes an answer


def test_cached_response_bypasses_falcon(tmp_path, monkeypatch):
    with inside(tmp_path, {"c": READABLE}) as gateway:
        gateway.request("POST", "/c", body(json.dumps(ROWS).encode()))
        first, second = (gateway.request("GET", "/c", query="order=n") for _ in range(2))

        async def fail(*_):
            raise AssertionError("Falcon was asked")

        with monkeypatch.context() as patch:
            patch.setattr(falcon.asgi.App, "__call__", fail)
            third = gateway.request("GET", "/c", query="order=n")
            same = gateway.request("GET", "/c", query="order=n", headers={"X-Forwarded-For": "10.0.0.1"})
            other = gateway.request("GET", "/c", query="order=n", headers={"Accept": "text/csv"})
        gateway.request("POST", "/c", body(b'{"n":-1}'))

        assert first == second == third == same
        assert other[0] == 500
        assert json.loads(gateway.request("GET", "/c", query="order=n")[2])[0]["n"] == -1


def test_request_cache_is_bounded(tmp_path):
    with inside(tmp_path, {"c": READABLE}) as gateway:
        gateway.request("POST", "/c", body(b'{"n":1}'))
        known = gateway.layer(request_cache.RequestCacheMiddleware)._request_cache_at("/c")
        for number in [*range(2 * request_cache.MAX_REQUESTS)] * 2:
            gateway.request(
                "GET", "/c", headers={"User-Agent": str(number % (request_cache.MAX_REQUESTS + 9))}
            )
        assert len(known._responses) == request_cache.MAX_REQUESTS
        for _ in range(TIMES):
            answer = gateway.request(
                "GET", "/c", headers={"User-Agent": "x" * request_cache.MAX_REQUEST_BYTES}
            )
            assert answer[0] == 200
        assert all(question.is_short for question in known._responses)


def test_evicted_response_is_rendered_again(tmp_path):
    with inside(tmp_path, {"c": READABLE}, GATEWAY_CACHE="5K") as gateway:
        gateway.request("POST", "/c", body(json.dumps(ROWS).encode()))
        for number in (0, 1, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0):
            status, _, text = gateway.request("GET", "/c", query=f"n=eq.{number}")
            assert (status, json.loads(text)) == (200, [ROWS[number]])
