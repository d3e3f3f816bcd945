"""Served documents: what each asker sees, at each place, with validators and compression."""

import gzip
import json
from urllib.parse import urljoin

import httpx
import pytest
from openapi_spec_validator import validate

from tests.openapi.samples import ORDERS, TOKENS, tokens_file
from tests.support import verbs
from tests.support.server import put, serving

PLACES = ["/-/openapi.json", "/-/connectors/orders/openapi.json", "/"]
HIDDEN = "fields: {x: integer}\naccess: {ingest: [etl]}\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    directory = tmp_path_factory.mktemp("openapi")
    put(directory / "tokens.yaml", tokens_file())
    put(directory / "connectors.d/orders.yaml", ORDERS)
    put(directory / "connectors.d/hidden.yaml", HIDDEN)
    put(directory / "connectors.d/secret.yaml", "fields: {x: integer}\n")
    with serving(directory, GATEWAY_TOKENS=str(directory / "tokens.yaml")) as server:
        yield server


def read(server, path, token=None, **headers):
    if token:
        headers["Authorization"] = f"Bearer {TOKENS[token]}"
    return httpx.get(f"{server.url}{path}", headers=headers)


def methods(answer):
    assert answer.status_code == 200, answer.text
    return {path: list(item) for path, item in answer.json()["paths"].items()}


READ, WRITE, CHANGE = ["get", "head"], ["post"], ["put", "patch", "delete"]


@pytest.mark.parametrize("path", ["/-/openapi.json", "/"])
@pytest.mark.parametrize(
    ("token", "seen"),
    [
        (None, {"/orders": READ}),
        ("stranger", {"/orders": READ}),
        ("etl", {"/hidden": WRITE, "/orders": READ + WRITE}),
        ("ops", {"/orders": READ + CHANGE}),
    ],
)
def test_document_has_what_its_asker_may_do(served, path, token, seen):
    assert methods(read(served, path, token)) == seen


def test_admin_sees_every_connector(served):
    found = methods(served.client.get("/-/openapi.json"))

    assert found == {"/hidden": READ + WRITE, "/orders": READ + WRITE + CHANGE, "/secret": READ + WRITE}


@pytest.mark.parametrize(
    ("token", "name", "status"),
    [
        (None, "orders", 200),
        (None, "hidden", 404),
        (None, "absent", 404),
        ("etl", "hidden", 200),
        ("ops", "hidden", 404),
        ("etl", "secret", 404),
    ],
)
def test_hidden_connector_answers_as_an_absent_one(served, token, name, status):
    answer = read(served, f"/-/connectors/{name}/openapi.json", token)

    assert answer.status_code == status
    if status == 404:
        absent = read(served, "/-/connectors/absent/openapi.json", token)
        assert answer.json() == json.loads(absent.text.replace("absent", name))


def test_session_of_the_console_counts_for_documents(served):
    """A signed-in browser gets the documents of its token; without the cookie they are those of everyone."""
    with httpx.Client(base_url=served.url, headers={"Sec-Fetch-Site": "same-origin"}) as browser:
        signed_in = browser.post("/-/sign-in", data={"token": TOKENS["etl"]})
        assert signed_in.status_code == 303, signed_in.text
        for path in ("/-/openapi.json", "/-/connectors/hidden/openapi.json"):
            assert methods(browser.get(path)) == methods(read(served, path, "etl"))
        (cookie,) = browser.cookies.jar
        outside = browser.get("/", headers={"Cookie": f"{cookie.name}={cookie.value}"})
        assert methods(outside) == {"/orders": READ}
    assert methods(read(served, "/-/openapi.json")) == {"/orders": READ}


def test_unknown_token_is_refused_everywhere(served):
    for path in PLACES:
        answer = httpx.get(f"{served.url}{path}", headers={"Authorization": "Bearer gw_no"})
        assert (answer.status_code, answer.json()["code"]) == (401, "PGRST301")


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("prefix", ["", "/gw", "/a/b"])
def test_servers_are_right_below_a_prefix(served, path, prefix):
    document = read(served, path).json()
    validate(document)

    base = urljoin(f"https://example.com{prefix}{path}", document["servers"][0]["url"])
    schema = urljoin(f"https://example.com{prefix}{path}", document["tags"][0]["externalDocs"]["url"])

    assert base == f"https://example.com{prefix}/"
    assert schema == f"https://example.com{prefix}/-/connectors/orders/schema"


@pytest.mark.parametrize("path", PLACES)
def test_validators_save_the_second_download(served, path):
    first = read(served, path)
    again = read(served, path, **{"If-None-Match": first.headers["ETag"]})
    other = read(served, path, "ops", **{"If-None-Match": first.headers["ETag"]})

    assert (first.headers["Cache-Control"], again.status_code, again.content) == (
        "private, no-cache",
        304,
        b"",
    )
    assert again.headers["ETag"] == first.headers["ETag"] != other.headers["ETag"]
    assert other.status_code == 200
    for answer in (first, again):
        assert answer.headers["Vary"] == "Authorization, Cookie, Accept, Accept-Encoding"


@pytest.mark.parametrize("path", PLACES)
def test_gzip_is_sent_where_it_is_accepted(served, path):
    with httpx.stream("GET", f"{served.url}{path}", headers={"Accept-Encoding": "gzip"}) as answer:
        compressed = b"".join(answer.iter_raw())
    plain = httpx.get(f"{served.url}{path}", headers={"Accept-Encoding": "identity"})

    assert (answer.headers["Content-Encoding"], "Content-Encoding" in plain.headers) == ("gzip", False)
    assert gzip.decompress(compressed) == plain.content
    assert answer.headers["ETag"] == plain.headers["ETag"]


@pytest.mark.parametrize("path", PLACES)
def test_head_has_the_headers_alone(served, path):
    found, head = httpx.get(f"{served.url}{path}"), httpx.head(f"{served.url}{path}")

    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Type", "Content-Length", "ETag", "Vary"):
        assert head.headers[name] == found.headers[name]


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize(
    ("accept", "type"),
    [
        ("application/openapi+json", "application/openapi+json"),
        ("application/openapi+json, application/json", "application/json"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
    ],
)
def test_type_is_the_one_that_clients_accept(served, path, accept, type):
    answer = read(served, path, Accept=accept)

    if path == "/" and accept.startswith("text/html"):
        assert (answer.status_code, answer.headers["Location"]) == (303, "./-/console/")
    else:
        assert answer.headers["Content-Type"] == f"{type}; charset=utf-8"


def test_root_refuses_other_formats_and_methods(served):
    refused = read(served, "/", Accept="text/csv")
    posted = httpx.post(f"{served.url}/", json=[])

    assert (refused.status_code, refused.json()["code"]) == (406, "PGRST107")
    assert (posted.status_code, posted.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_document_follows_the_connector_files(server):
    server.declare("followed", "fields: {x: integer}\naccess: {read: [public]}\n")
    path = "/-/connectors/followed/openapi.json"
    first = httpx.get(f"{server.url}{path}")
    server.declare(
        "followed", "fields: {x: integer, y: {type: string, nullable: true}}\naccess: {read: [public]}\n"
    )
    second = httpx.get(f"{server.url}{path}", headers={"If-None-Match": first.headers["ETag"]})

    def fields(answer):
        return list(answer.json()["components"]["schemas"]["followed"]["properties"])

    assert (fields(first), fields(second)) == (["x"], ["x", "y"])


def test_removed_connector_is_told_to_who_saw_it(server):
    server.declare("former", "fields: {x: integer}\n")
    server.client.post("/former", json={"x": 1})
    (server.connectors / "former.yaml").unlink()
    server.reload()

    answers = [
        each("/-/connectors/former/openapi.json")
        for each in (server.client.get, lambda path: httpx.get(server.url + path))
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (410, "GW511"),
        (404, "PGRST205"),
    ]


# -- gateway openapi


def gateway(*words, cwd=None, **environment):
    return verbs.run(["openapi", *map(str, words)], environment, cwd)


def test_verb_writes_what_the_server_serves(served, tmp_path):
    ran = gateway(served.connectors, "--server", f"{served.url}/")
    document = json.loads(ran.stdout)
    served_document = served.client.get("/-/openapi.json").json()

    assert ran.returncode == 0, ran.stderr
    validate(document)
    assert document["servers"] == [{"url": served.url}]
    for key in ("openapi", "info", "paths", "components"):
        assert document[key] == served_document[key]


def test_verb_writes_one_connector_to_a_file(served, tmp_path):
    ran = gateway(
        "--connector", "orders", "-o", tmp_path / "openapi.json", GATEWAY_CONNECTORS=str(served.connectors)
    )
    document = json.loads((tmp_path / "openapi.json").read_text())

    assert (ran.returncode, ran.stdout, list(document["paths"])) == (0, "", ["/orders"])
    assert document["paths"] == served.client.get("/-/connectors/orders/openapi.json").json()["paths"]


@pytest.mark.parametrize(
    ("files", "words", "said"),
    [
        (
            {"bad.yaml": "fields: {x: intger}\n", "good.yaml": "fields: {x: integer}\n"},
            [],
            "bad.yaml:1:13: error GW505",
        ),
        ({}, [], "has no *.yaml or *.yml files"),
        (
            {"orders.yaml": ORDERS},
            ["--connector", "order"],
            "there is no connector 'order'; did you mean 'orders'?",
        ),
        ({"orders.yaml": ORDERS}, ["-o", "absent/openapi.json"], "absent/openapi.json"),
    ],
)
def test_verb_reports_errors_and_writes_nothing(tmp_path, files, words, said):
    directory = tmp_path / "connectors.d"
    directory.mkdir()
    for name, text in files.items():
        put(directory / name, text)

    ran = gateway(directory, *words, cwd=tmp_path)

    assert (ran.returncode, ran.stdout) == (1, "")
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_verb_prints_warnings_and_writes(tmp_path):
    put(tmp_path / "x.yaml", "fields: {select: integer}\n")

    ran = gateway(tmp_path)

    assert ran.returncode == 0
    assert "warning GW509" in ran.stderr
    assert json.loads(ran.stdout)["paths"]
