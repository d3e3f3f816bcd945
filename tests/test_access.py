"""Who may do what, and what the answers give away."""

import httpx
import pytest

from gateway.serve.access import make_token
from tests.rig import eventually, put, serving

READ, WRITE = "GET", "POST"


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    directory = tmp_path_factory.mktemp("access")
    secrets, lines = {}, []
    for name in ("etl", "reader", "stranger"):
        secrets[name], line = make_token(name)
        lines.append(line)
    tokens = directory / "tokens.yaml"
    tokens.write_text("\n".join(lines))
    with serving(directory, GATEWAY_TOKENS=str(tokens)) as server:
        server.declare("private", "fields: {n: integer}\naccess: {ingest: [etl], read: [reader]}\n")
        server.declare("open", "fields: {n: integer}\naccess: {ingest: [etl], read: [public]}\n")
        server.declare("closed", "fields: {n: integer}\n")
        secrets["admin"] = server.admin["Authorization"].removeprefix("Bearer ")
        yield server, secrets, tokens


def ask(place, method, path, token):
    server, secrets, _ = place
    headers = {} if token is None else {"Authorization": f"Bearer {secrets.get(token, token)}"}
    return httpx.request(
        method, server.url + path, json={"n": 1} if method == WRITE else None, headers=headers
    )


@pytest.mark.parametrize(
    ("path", "token", "read", "write"),
    [
        ("/private", None, 404, 404),
        ("/private", "gw_wrong", 401, 401),
        ("/private", "stranger", 404, 404),
        ("/private", "etl", 403, 201),
        ("/private", "reader", 200, 403),
        ("/private", "admin", 200, 201),
        ("/open", None, 200, 401),
        ("/open", "gw_wrong", 401, 401),
        ("/open", "stranger", 200, 403),
        ("/open", "etl", 200, 201),
        ("/open", "admin", 200, 201),
        ("/closed", None, 404, 404),
        ("/closed", "etl", 404, 404),
        ("/closed", "admin", 200, 201),
        ("/nothing", None, 404, 404),
        ("/nothing", "gw_wrong", 401, 401),
        ("/nothing", "admin", 404, 404),
    ],
)
def test_a_token_may_do_what_the_connector_says(place, path, token, read, write):
    assert ask(place, READ, path, token).status_code == read
    assert ask(place, WRITE, path, token).status_code == write


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "LINK"]
)
@pytest.mark.parametrize("token", [None, "gw_wrong", "stranger"])
def test_a_connector_one_may_not_see_answers_as_one_that_does_not_exist(place, method, token):
    hidden, nothing = (ask(place, method, path, token) for path in ("/private", "/nothing"))

    def shown(answer):
        head = {
            name: value for name, value in answer.headers.items() if name not in ("date", "content-length")
        }
        return answer.status_code, head, answer.text.replace("/private", "/X").replace("/nothing", "/X")

    assert shown(hidden) == shown(nothing)


@pytest.mark.parametrize(
    "header",
    ["Bearer", "bearer  x", "Basic YTpi", "gw_x", "Bearer " + "x" * 5000, "Bearer é", "Token {admin}"],
)
def test_a_malformed_authorization_is_401(place, header):
    server, secrets, _ = place
    value = header.format(admin=secrets["admin"]).encode("latin-1")

    answer = httpx.get(f"{server.url}/open", headers={b"Authorization": value})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_operating_plane_is_for_the_admin_but_for_health(place):
    paths = [
        "/-/status",
        "/-/connectors",
        "/-/connectors/open",
        "/-/connectors/open/schema",
        "/-/connectors/open/batches",
    ]
    for path in paths:
        assert [ask(place, READ, path, token).status_code for token in (None, "etl", "admin")] == [
            401,
            403,
            200,
        ], path
        missing = [
            ask(place, READ, "/-/connectors/nothing", token).status_code for token in (None, "etl", "admin")
        ]
        assert missing == [401, 403, 404]
    assert [ask(place, WRITE, "/-/reload", token).status_code for token in (None, "etl", "admin")] == [
        401,
        403,
        200,
    ]
    for path in ("/-/healthy", "/-/ready", "/-/schema/connector.json"):
        assert ask(place, READ, path, None).status_code == 200


def test_a_token_is_rotated_without_a_restart_and_a_bad_file_changes_nothing(place):
    server, secrets, tokens = place
    old_lines = tokens.read_text()
    secret, line = make_token("stranger")
    old, new = (each.partition(": [")[2].rstrip("]") for each in (old_lines.splitlines()[2], line))

    put(tokens, old_lines.replace(f"[{old}]", f"[{old}, {new}]"))
    eventually(lambda: ask(place, READ, "/open", secret).status_code == 200)
    assert ask(place, READ, "/open", "stranger").status_code == 200

    put(tokens, "stranger: [not-a-digest]")
    eventually(lambda: server.client.get("/-/status").json()["tokens"])
    assert "not-a-digest" not in server.client.get("/-/status").text
    assert ask(place, READ, "/open", secret).status_code == 200

    put(tokens, old_lines.replace(f"[{old}]", f"[{new}]"))
    eventually(lambda: ask(place, READ, "/open", "stranger").status_code == 401)
    assert ask(place, READ, "/open", secret).status_code == 200
    assert server.client.get("/-/status").json()["tokens"] == []


def test_the_admin_token_is_made_once_and_is_for_its_owner_alone(place, tmp_path):
    server, secrets, _ = place

    assert (server.data / "admin-token").stat().st_mode & 0o777 == 0o600
    with serving(tmp_path) as own:
        first = own.admin
        own.stop()
        own.start()
        assert own.admin == first
        assert own.client.get("/-/status").status_code == 200


def test_no_secret_and_no_row_value_reaches_the_log(place):
    server, secrets, _ = place
    ask(place, READ, "/private", "gw_seeingthis")
    server.client.post("/open", json={"n": "value-of-a-row"})
    server.client.post(
        "/open", content=b'{"n": "value-of-a-row"', headers={"Content-Type": "application/json"}
    )
    server.client.get("/open?n=eq.value-of-a-row")

    log = server.log.read_text()

    for secret in (*secrets.values(), "gw_seeingthis", "value-of-a-row"):
        assert secret not in log
