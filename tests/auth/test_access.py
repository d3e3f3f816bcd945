"""Who may do what, and what the answers give away."""

import itertools
import socket
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from gateway.auth import login_throttle
from gateway.auth.credentials import Credentials
from gateway.auth.login_throttle import LoginThrottle
from gateway.auth.tokens import make_token
from gateway.auth.tokens_file import parse_tokens
from gateway.connectors.finding import InvalidFileError
from gateway.endpoints.methods import CHANGES, METHODS
from gateway.server.forwarded import client_address
from gateway.settings import Settings
from tests.endpoints.test_errors import raw
from tests.support.server import basic, eventually, put, serving

READ, WRITE = "GET", "POST"
ACCESS = {
    "/private": {"ingest": {"etl"}, "read": {"reader"}, "change": {"ops"}},
    "/open": {"ingest": {"etl"}, "read": {"public"}},
    "/closed": {},
    "/gone": {"read": {"reader"}},
}
VERBS = {
    "GET": "read",
    "HEAD": "read",
    "POST": "ingest",
    "PUT": "change",
    "PATCH": "change",
    "DELETE": "change",
}
#: What a client may come with: nothing, what is no token, what is not one any more, and the names that the file has.
UNKNOWN = ("gw_wrong", "expired", "gw_", "sha256:00")
HOLDERS = ("stranger", "etl", "reader", "ops", "admin")
_addresses = itertools.count(1)


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    directory = tmp_path_factory.mktemp("access")
    secrets, lines = {}, []
    for name in ("etl", "reader", "stranger", "ops"):
        secrets[name], line = make_token(name)
        lines.append(line)
    secrets["expired"], line = make_token("expired", datetime.now(UTC) - timedelta(days=1))
    tokens = directory / "tokens.yaml"
    tokens.write_text("\n".join([*lines, line]))
    with (
        httpx.Client(timeout=60) as anyone,
        serving(directory, GATEWAY_TOKENS=str(tokens), GATEWAY_PROXIES="127.0.0.1") as server,
    ):
        server.anyone = anyone
        for path, access in ACCESS.items():
            allowed = ", ".join(f"{verb}: [{', '.join(names)}]" for verb, names in access.items())
            server.declare(path[1:], f"fields: {{n: integer}}\naccess: {{{allowed}}}\n")
        (server.connectors / "gone.yaml").unlink()
        eventually(lambda: server.client.get("/gone").status_code == 410)
        secrets["admin"] = server.admin["Authorization"].removeprefix("Bearer ")
        yield server, secrets, tokens


def ask(place, method, path, token, **headers):
    """Ask, each time from another address, so that failures do not add up."""
    server, secrets, _ = place
    number = next(_addresses)
    headers["X-Forwarded-For"] = f"10.0.{number >> 8}.{number & 255}"
    headers["X-Request-Id"] = "the-same"
    if token is not None:
        headers["Authorization"] = f"Bearer {secrets.get(token, token)}"
    return server.anyone.request(
        method, server.url + path, json={"n": 1} if method == WRITE else None, headers=headers
    )


def shown(answer, path):
    """Everything of an answer but when it was given, and about which path."""
    head = {name: value for name, value in answer.headers.items() if name not in ("date", "content-length")}
    return answer.status_code, head, answer.text.replace(path, "/X")


def expected(method, path, token):
    """What DESIGN says, in its own words: None where the request may do what it asks for."""
    if token in UNKNOWN:
        return 401
    access = ACCESS.get(path)
    if access is None or not (token == "admin" or {"public", token} & set().union(*access.values())):
        return 404
    if path == "/gone":
        return 410
    if method not in METHODS + (CHANGES if "change" in access else ()):
        return 405
    if method == "OPTIONS" or token == "admin" or {"public", token} & access.get(VERBS[method], set()):
        return None
    return 401 if token is None else 403


@pytest.mark.parametrize("path", [*ACCESS, "/nothing"])
@pytest.mark.parametrize("token", [None, *UNKNOWN, *HOLDERS])
def test_token_has_the_rights_that_connectors_grant(place, token, path):
    """Check every method of every connector with every token: it is allowed exactly where the connector's file grants it, and a hidden connector answers as an unknown path."""
    for method in (*VERBS, "OPTIONS", "TRACE"):
        answer = ask(place, method, path, token)

        wanted = expected(method, path, token)
        if wanted is not None:
            assert answer.status_code == wanted, method
        else:  # Without a body and a filter a change is let in and then refused.
            assert answer.status_code < 300 or (method in CHANGES and answer.status_code == 400), method
        if wanted in (401, 404) and token is not None:
            assert shown(answer, path) == shown(ask(place, method, "/nothing", token), "/nothing")


OPEN = ("/-/healthy", "/-/ready", "/-/schema/connector.json", "/-/docs", "/-/docs/design")


def test_answers_limit_type_guessing_and_caching(place):
    """Check that every answer forbids the guessing of its content type, and that errors and operating answers forbid caching."""
    for path in (*OPEN, "/-/status", "/-/nothing", "/open", "/closed", "/nothing"):
        for token in (None, "admin"):
            answer = ask(place, READ, path, token)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            if answer.status_code >= 400 or path.startswith("/-/"):
                assert answer.headers["Cache-Control"] == "no-store"
    assert "no-store" not in ask(place, READ, "/open", None).headers["Cache-Control"]


@pytest.mark.parametrize(
    "header",
    ["Bearer", "bearer  x", "Basic YTpi", "gw_x", "Bearer " + "x" * 5000, "Bearer é", "Token {admin}"],
)
def test_malformed_authorization_is_401(place, header):
    server, secrets, _ = place
    value = header.format(admin=secrets["admin"]).encode("latin-1")

    answer = httpx.get(f"{server.url}/open", headers={b"Authorization": value})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert 'Basic realm="gateway"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "header",
    [
        "etl:{etl}",
        ":{etl}",
        "anybody:{etl}",
        "admin:{etl}",
        "Zoë:{etl}",
        "a b@c:{etl}",
        ":{etl}\n",
    ],
)
def test_token_as_basic_password_needs_no_name(place, header):
    """Check that Basic credentials are accepted with any name when the password is the token, and have the token's rights."""
    server, secrets, _ = place
    value = basic(header.format(etl=secrets["etl"]))

    for spelled in (value, value.replace("Basic", "basic"), value.replace("Basic ", "BASIC  ")):
        answer = httpx.post(f"{server.url}/open", json={"n": 1}, headers={"Authorization": spelled})
        assert answer.status_code == 201, answer.text
    assert httpx.get(f"{server.url}/closed", headers={"Authorization": value}).status_code == (
        ask(place, READ, "/closed", "etl").status_code
    )
    assert httpx.get(f"{server.url}/-/status", headers={"Authorization": value}).status_code == 403


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Basic", "base64 of NAME:TOKEN"),
        ("Basic !!!!", "base64 of NAME:TOKEN"),
        ("Basic YTp", "base64 of NAME:TOKEN"),
        ("Basic é", "base64 of NAME:TOKEN"),
        (basic("{etl}"), "base64 of NAME:TOKEN"),
        ("Basic {etl}", "base64 of NAME:TOKEN"),
        ("Basic etl:{etl}", "base64 of NAME:TOKEN"),
        (basic("etl:"), "send the token as the password, after the colon"),
        (basic(":"), "send the token as the password, after the colon"),
        (basic("etl:gw_wrong"), "any NAME works"),
        (basic(b"\xff\xfe:\xff"), "any NAME works"),
        ("Digest etl", "use the scheme Bearer or Basic"),
    ],
)
def test_unreadable_basic_credentials_get_a_hint(place, header, words):
    """Check that credentials that cannot be read or verified are 401, and that the hint says what to send, without the token."""
    server, secrets, _ = place
    value = header.replace("{etl}", secrets["etl"]).encode("latin-1")

    answer = httpx.get(f"{server.url}/open", headers={b"Authorization": value})

    assert (answer.status_code, answer.json()["code"]) == (401, "PGRST301")
    assert words in answer.json()["hint"]
    assert secrets["etl"] not in answer.text


def test_basic_token_outside_the_password_is_401(place):
    """Check that a token is not accepted as the name of Basic credentials or without a colon."""
    server, secrets, _ = place

    for text in (secrets["etl"], f"{secrets['etl']}:", f"{secrets['etl']}:x"):
        assert httpx.get(f"{server.url}/open", headers={"Authorization": basic(text)}).status_code == 401


def test_script_of_a_page_is_not_offered_basic(place):
    server, _, _ = place

    for headers in ({"Sec-Fetch-Dest": "empty"}, {"X-Requested-With": "XMLHttpRequest"}):
        answer = httpx.get(f"{server.url}/-/status", headers=headers)
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="gateway"'
    answer = httpx.get(f"{server.url}/-/status", headers={"Sec-Fetch-Dest": "document"})
    assert "Basic" in answer.headers["WWW-Authenticate"]


def test_wrong_passwords_are_throttled_like_wrong_tokens(tmp_path):
    with serving(tmp_path) as server, httpx.Client(auth=("etl", "gw_wrong")) as client:
        answers = [client.get(f"{server.url}/-/status").status_code for _ in range(60)]
        assert answers[0] == 401
        assert answers[-1] == 429
        admin = server.admin["Authorization"].removeprefix("Bearer ")
        assert httpx.get(f"{server.url}/-/status", auth=("", admin)).status_code == 200


def test_repeated_request_checks_its_password_again(place):
    """Check that a request whose answer may be cached is 401 once its token is removed."""
    server, secrets, tokens = place
    before = tokens.read_text()
    secret, line = make_token("brief")
    server.declare("brief", "fields: {n: integer}\naccess: {read: [brief]}\n")
    put(tokens, f"{before}\n{line}")

    def status() -> int:
        return httpx.get(f"{server.url}/brief", auth=("x", secret)).status_code

    eventually(lambda: status() == 200)
    assert [status() for _ in range(3)] == [200] * 3
    put(tokens, before)
    eventually(lambda: status() == 401)


# -- expiry


def test_expired_token_is_reported_to_its_holder(place):
    """Check also that the status warns the admin of tokens that expire within 14 days."""
    server, secrets, tokens = place
    before = tokens.read_text()
    soon, line = make_token("soon", datetime.now(UTC) + timedelta(days=13))
    late, later = make_token("late", datetime.now(UTC) + timedelta(days=15))
    put(tokens, f"{before}\n{line}\n{later}")
    eventually(lambda: ask(place, READ, "/open", soon).status_code == 200)

    told = ask(place, READ, "/open", "expired")
    warned = {each["message"].split("'")[1]: each for each in server.client.get("/-/status").json()["tokens"]}
    put(tokens, before)

    assert told.status_code == 401
    assert told.json()["code"] == "PGRST303"
    assert "the token 'expired' expired on " in told.json()["message"]
    assert 'error="invalid_token"' in told.headers["WWW-Authenticate"]
    assert set(warned) == {"expired", "soon"}
    assert {each["level"] for each in warned.values()} == {"warning"}
    assert warned["soon"]["line"] == len(before.splitlines()) + 1
    assert "expires on" in warned["soon"]["message"]


def test_token_is_valid_until_its_exact_expiry(tmp_path):
    end = datetime(2027, 1, 1, tzinfo=UTC)
    secret, line = make_token("etl", end)
    (tmp_path / "tokens.yaml").write_text(line)
    now = [end - timedelta(seconds=1)]
    credentials = Credentials(tmp_path, tmp_path / "tokens.yaml", lambda: now[0])

    assert credentials.authenticate(f"Bearer {secret}") == "etl"
    now[0] = end
    with pytest.raises(Exception, match="expired on 2027-01-01T00:00:00Z"):
        credentials.authenticate(f"Bearer {secret}")


DIGESTS = [f"sha256:{digit * 64}" for digit in "abc"]


@pytest.mark.parametrize(
    "text",
    [
        f"a: {DIGESTS[0]}",
        f"a: [{DIGESTS[0]}, {DIGESTS[1]}]",
        f"a: [{{digest: {DIGESTS[0]}, expires: 2027-01-01T00:00:00Z}}, {DIGESTS[1]}]",
        f"a: {{digests: [{DIGESTS[0]}, {{digest: {DIGESTS[1]}, expires: 2027-01-01}}]}}",
        f"a:\n  digests: {DIGESTS[0]}",
        "",
    ],
)
def test_tokens_file_accepts_digests_with_or_without_settings(text):
    """Check that a token is one digest, a list of one or two, or a map of digests with their settings."""
    tokens = parse_tokens(text.encode(), "tokens.yaml")

    assert all(1 <= len(token.digests) <= 2 for token in tokens.values())


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("a: {digest: x}", (1, 5), "unknown key 'digest'", "did you mean 'digests'?"),
        (
            f"a: {{digests: {DIGESTS[0]}, limit: 1}}",
            (1, 87),
            "unknown key 'limit'",
            "did you mean 'limits'?",
        ),
        (f"a:\n- {{digest: {DIGESTS[0]}, expire: 2027-01-01}}", (2, 85), "unknown key 'expire'", "'expires'"),
        (f"a:\n- {{digest: {DIGESTS[0]}, expires: soon}}", (2, 94), "not an instant", "2027-01-01T00:00:00Z"),
        (
            f"a:\n- {{digest: {DIGESTS[0]}, expires: 20270101}}",
            (2, 94),
            "not an instant",
            "2027-01-01T00:00:00Z",
        ),
        ("a: {expires: 2027-01-01}", (1, 4), "no 'digests'", "digests: [sha256:"),
        ("a: [gw_marked-secret]", (1, 5), "not a digest", "gateway token NAME"),
        ("a: [{digest: gw_marked-secret}]", (1, 14), "not a digest", "gateway token NAME"),
        ("a: []", (1, 4), "needs 1 or 2 digests", "gateway token NAME"),
        (f"a: [{', '.join(DIGESTS)}]", (1, 4), "needs 1 or 2 digests", "gateway token NAME"),
        (f"a: {DIGESTS[0]}\nb: {DIGESTS[0]}", (2, 4), "already belongs to 'a'", "of its own"),
        (f"public: {DIGESTS[0]}", (1, 9), "cannot be the name", "gateway token NAME"),
        ("- a", (1, 1), "maps names to lists", "gateway token NAME"),
    ],
)
def test_tokens_file_faults_name_place_and_fix(text, place, message, hint):
    with pytest.raises(InvalidFileError) as refused:
        parse_tokens(text.encode(), "tokens.yaml")

    finding = next(each for each in refused.value.findings if message in each.message)
    assert (finding.line, finding.column) == place
    assert hint in finding.hint
    assert "marked-secret" not in str(refused.value)


# -- failures


def test_failing_address_is_throttled_except_known_tokens(place):
    """Check that an address that keeps failing is 429, while a known token from it and other addresses are served as before."""
    server, secrets, _ = place

    def fail(address, secret="gw_wrong"):
        headers = {"Authorization": f"Bearer {secret}", "X-Forwarded-For": f"1.1.1.1, {address}"}
        return client.get(server.url + "/open", headers=headers)

    with httpx.Client() as client:
        answers = [fail("10.9.9.9") for _ in range(login_throttle.FAILURES_BURST + 20)]
        other, known, expired = (
            fail("10.9.9.8"),
            fail("10.9.9.9", secrets["etl"]),
            fail("10.9.9.9", secrets["expired"]),
        )

    assert [answer.status_code for answer in answers[: login_throttle.FAILURES_BURST]] == [
        401
    ] * login_throttle.FAILURES_BURST
    held = answers[-1]
    assert held.status_code == 429
    assert held.json()["code"] == "GW601"
    assert 1 <= int(held.headers["Retry-After"]) <= 2
    assert (other.status_code, known.status_code, expired.status_code) == (401, 200, 401)


def test_failures_expire_and_are_bounded_in_number():
    """Check that failed logins are forgiven with time, are remembered for a limited number of addresses, and count for the whole network of an IPv6 address."""
    now = [0.0]
    counted = LoginThrottle(lambda: now[0])

    assert [counted.count_failure("10.9.9.9") > 0 for _ in range(login_throttle.FAILURES_BURST + 1)] == [
        False
    ] * login_throttle.FAILURES_BURST + [True]
    now[0] += 1 / login_throttle.FAILURES_PER_SECOND
    assert [counted.count_failure("10.9.9.9") > 0 for _ in range(2)] == [False, True]
    for number in range(login_throttle.ADDRESSES_MAX * 2):
        counted.count_failure(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(counted._allowances) == login_throttle.ADDRESSES_MAX
    assert [counted.count_failure(f"2001:db8::{n:x}") > 0 for n in range(login_throttle.FAILURES_BURST + 1)][
        -1
    ], "one owner of a network"


# -- hosts and proxies


def test_foreign_host_is_refused_before_authentication(tmp_path):
    allowed = "api.example.com localhost:8000 [::1] 127.0.0.1"
    hosts = {
        "api.example.com": 200,
        "API.example.com.:8080": 200,
        "localhost:8000": 200,
        "[::1]:99": 200,
        "127.0.0.1:1": 200,
        "localhost": 421,
        "localhost:8001": 421,
        "evil.example": 421,
        "api.example.com.evil.example": 421,
        "": 421,
        "api.example.com/": 400,
        "user@api.example.com": 400,
        "a b": 400,
    }
    with serving(tmp_path, GATEWAY_HOSTS=allowed) as server:
        found = {
            host: raw(
                server, f"GET /-/healthy HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
            )
            for host in hosts
        }
        wrong = raw(
            server,
            b"GET /-/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nConnection: close\r\n\r\n",
        )
        old = raw(server, b"GET /-/healthy HTTP/1.0\r\n\r\n")
        absolute = [
            raw(server, b"GET http://%s/-/healthy HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % pair)
            for pair in ((b"api.example.com", b"evil"), (b"evil", b"api.example.com"))
        ]

    assert {host: status for host, (status, _, _) in found.items()} == hosts
    assert (wrong[0], old[0]) == (421, 421)
    assert [status for status, _, _ in absolute] == [200, 421]


def test_request_without_exactly_one_host_is_400(place):
    """Check that HTTP/1.1 requires one host header, and that HTTP/1.0 does not."""
    server, _, _ = place

    assert raw(server, b"GET /open HTTP/1.1\r\nConnection: close\r\n\r\n")[0] == 400
    assert raw(server, b"GET /open HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n")[0] == 400
    assert raw(server, b"GET /open HTTP/1.0\r\n\r\n")[0] == 200


@pytest.mark.parametrize(
    ("proxies", "peer", "told", "remote"),
    [
        ("", "127.0.0.1", "9.9.9.9", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1", "9.9.9.9", "9.9.9.9"),
        ("127.0.0.1", "127.0.0.1", "6.6.6.6, 9.9.9.9", "9.9.9.9"),
        ("127.0.0.1 10.0.0.0/8", "127.0.0.1", "6.6.6.6, 9.9.9.9,10.1.2.3", "9.9.9.9"),
        ("127.0.0.1", "127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "::ffff:127.0.0.1", "9.9.9.9", "9.9.9.9"),
        ("10.0.0.0/8", "127.0.0.1", "9.9.9.9", "127.0.0.1"),
        ("::1", "::1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_client_address_is_taken_from_trusted_proxies_only(proxies, peer, told, remote):
    trusted = Settings.read({"GATEWAY_PROXIES": proxies}).proxies

    assert client_address((peer, 1), {b"x-forwarded-for": told.encode()}, trusted) == remote


def test_token_rotates_without_restart_despite_a_bad_file(place):
    """Check that a token's old and new digests both work during a rotation, and that an invalid tokens file changes nothing."""
    server, secrets, tokens = place
    old_lines = tokens.read_text()
    secret, line = make_token("stranger")
    old, new = (each.partition(": [")[2].rstrip("]") for each in (old_lines.splitlines()[2], line))

    put(tokens, old_lines.replace(f"[{old}]", f"[{old}, {new}]"))
    eventually(lambda: ask(place, READ, "/open", secret).status_code == 200)
    assert ask(place, READ, "/open", "stranger").status_code == 200

    put(tokens, "stranger: [not-a-digest]")
    eventually(lambda: "is not a digest" in server.client.get("/-/status").text)
    assert "not-a-digest" not in server.client.get("/-/status").text
    assert ask(place, READ, "/open", secret).status_code == 200

    put(tokens, old_lines.replace(f"[{old}]", f"[{new}]"))
    eventually(lambda: ask(place, READ, "/open", "stranger").status_code == 401)
    assert ask(place, READ, "/open", secret).status_code == 200
    assert {each["level"] for each in server.client.get("/-/status").json()["tokens"]} == {"warning"}

    put(tokens, old_lines)
    eventually(lambda: ask(place, READ, "/open", "stranger").status_code == 200)


def test_admin_token_is_made_once_for_its_owner(place, tmp_path):
    """Check that the file of the admin token is readable by its owner alone, and that the token survives a restart."""
    server, secrets, _ = place

    assert (server.data / "admin-token").stat().st_mode & 0o777 == 0o600
    with serving(tmp_path) as own:
        first = own.admin
        own.stop()
        own.start()
        assert own.admin == first
        assert own.client.get("/-/status").status_code == 200


def test_access_name_without_a_token_is_logged_once(own):
    own.declare("a", "fields: {n: integer}\naccess: {read: [reeder]}\n")

    eventually(lambda: "names 'reeder'" in own.log.read_text())
    own.reload()
    assert own.log.read_text().count("names 'reeder'") == 1


@pytest.mark.parametrize(
    ("method", "change"),
    [
        ("POST", "access: {ingest: [admin], change: [admin]}"),
        ("PUT", "access: {ingest: [etl], change: [admin]}"),
        ("PATCH", "access: {ingest: [etl], change: [admin]}"),
    ],
)
def test_right_revoked_during_upload_refuses_the_request(tmp_path, method, change):
    secret, line = make_token("etl")
    put(tmp_path / "tokens.yaml", line)
    with serving(tmp_path, GATEWAY_TOKENS=str(tmp_path / "tokens.yaml")) as server:
        server.declare("a", "fields: {n: integer}\naccess: {ingest: [etl], change: [etl]}\n")
        server.client.post("/a", json={"n": 1})
        body = b'{"n":2}'
        head = f"{method} /a?{'n=eq.1' if method == 'PATCH' else ''} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}"
        head += f"\r\nAuthorization: Bearer {secret}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), 30) as slow:
            slow.sendall(head.encode() + body[:3])
            server.declare("a", f"fields: {{n: integer}}\n{change}\n")
            slow.sendall(body[3:])
            assert slow.recv(65536).split()[1] in (b"403", b"404")
        assert server.client.get("/a").json() == [{"n": 1}]


@pytest.mark.parametrize(
    ("method", "status"), [("POST", b"401"), ("PUT", b"401"), ("POST", b"404"), ("PUT", b"404")]
)
def test_token_revoked_during_upload_refuses_the_request(tmp_path, method, status):
    """Check that a body is refused when its token was removed during the upload, or belongs to another name by then."""
    secret, line = make_token("etl")
    _, other = make_token("etl")
    put(tmp_path / "tokens.yaml", line)
    with serving(tmp_path, GATEWAY_TOKENS=str(tmp_path / "tokens.yaml")) as server:
        server.declare("a", "fields: {n: integer}\naccess: {ingest: [etl], change: [etl]}\n")
        server.client.post("/a", json={"n": 1})
        head = (
            f"{method} /a HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nAuthorization: Bearer {secret}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), 30) as slow:
            slow.sendall(head.encode() + b'{"n')
            put(tmp_path / "tokens.yaml", other if status == b"401" else line.replace("etl", "stranger"))
            server.reload()
            slow.sendall(b'":2}')
            assert slow.recv(65536).split()[1] == status
        assert server.client.get("/a").json() == [{"n": 1}]


@pytest.mark.parametrize(
    "text",
    [
        "{S}: [sha256:" + "a" * 64 + "]",
        "{S}: etl",
        "etl: {{{S}}}",
        "etl: [{{{S}: x}}]",
        "etl: &{S} x",
        "etl: *{S}",
        "etl: !{S} x",
        "{S}: 1\n{S}: 2",
        "etl: {{digests: ['sha256:" + "a" * 64 + "'], limits: {S}}}",
        "etl: {{digests: ['sha256:" + "a" * 64 + "'], limits: {{{S}: 1}}}}",
        "etl: {{digests: ['sha256:" + "a" * 64 + "'], limits: {{rows_per_second: {S}}}}}",
        "etl: {{digests: ['sha256:" + "a" * 64 + "'], {S}: 1}}",
        "Bearer {S}: x",
        "etl: {S}",
    ],
)
def test_tokens_file_errors_never_show_a_secret(text):
    secret, _ = make_token("etl")

    with pytest.raises(InvalidFileError) as refused:
        parse_tokens(text.format(S=secret).encode(), "tokens.yaml")

    assert refused.value.findings
    assert not any(secret[:12] in str(finding) for finding in refused.value.findings)


def test_yaml_error_in_tokens_file_shows_no_content():
    """Check that an error of YAML syntax is reported with its line and column, without the text there."""
    secret = make_token("etl")[0]

    with pytest.raises(InvalidFileError) as refused:
        parse_tokens(f"etl:\n\t- {secret}\n".encode(), "tokens.yaml")

    assert str(refused.value.findings[0]).startswith(
        "tokens.yaml:2:1: error GW502: YAML is indented with blanks; line 2"
    )
    assert secret not in str(refused.value)


def test_emptied_tokens_file_keeps_the_tokens(tmp_path):
    secret, line = make_token("etl")
    put(tmp_path / "tokens.yaml", line)
    with serving(tmp_path, GATEWAY_TOKENS=str(tmp_path / "tokens.yaml")) as server:
        server.declare("a", "fields: {n: integer}\naccess: {ingest: [etl]}\n")
        headers = {"Authorization": f"Bearer {secret}"}
        (tmp_path / "tokens.yaml").write_text("")
        eventually(lambda: "is empty" in server.client.get("/-/status").text)
        assert httpx.post(server.url + "/a", json={"n": 1}, headers=headers).status_code == 201

        put(tmp_path / "tokens.yaml", "{}")
        eventually(lambda: httpx.post(server.url + "/a", json={"n": 1}, headers=headers).status_code == 401)
