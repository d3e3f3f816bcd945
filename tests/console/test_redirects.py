"""Browsers at the paths of endpoints: redirected to the console, while everything else gets rows."""

from urllib.parse import urljoin

import httpx
import pytest

from gateway.endpoints.browser import prefers_html
from tests.console.conftest import CHROME, FIREFOX
from tests.support.server import serving

#: The paths that a browser may open, and where it then is, relative to the gateway's root.
PATHS = {
    "/": "-/console/",
    "/?a=1": "-/console/?a=1",
    "/-/": "-/console/",
    "/-": "-/console/",
    "/orders": "-/console/at/orders",
    "/orders?id=eq.7&select=id": "-/console/at/orders?id=eq.7&select=id",
    "/orders/": "-/console/at/orders/",
    "/air/flights": "-/console/at/air/flights",
    "/air/flights/": "-/console/at/air/flights/",
    "/nothing": "-/console/at/nothing",
    "/no/such%2Fpath/%C3%A9?q=%C3%A9": "-/console/at/no/such%2Fpath/%C3%A9?q=%C3%A9",
    "/orders?xformat=csv": "-/console/at/orders?xformat=csv",
}
#: Accept headers, and whether they are those of browsers.
ACCEPTED = {
    CHROME: True,
    FIREFOX: True,
    "text/html": True,
    "TEXT/HTML, */*;q=0.1": True,
    "text/html, application/xhtml+xml, image/jxr, */*": False,
    "*/*": False,
    "": False,
    "application/json": False,
    "application/json, text/plain, */*": False,
    "application/json, text/html;q=0.5": False,
    "text/html;q=0.5, application/json": False,
    "text/html, application/json": False,
    "text/html, text/csv": False,
    "text/*": False,
    "text/html;q=0": False,
    "text/html, garbage": False,
    "text/csv;q=0.9, text/html": True,
    "application/openapi+json, text/html;q=0.1": True,
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2": False,
    "text/html, image/gif, image/jpeg, */*; q=0.2": False,
}


@pytest.mark.parametrize("accept", ACCEPTED)
def test_browser_is_known_by_its_accept_header(accept):
    assert prefers_html(accept) is ACCEPTED[accept]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", PATHS)
def test_browser_is_redirected_below_any_prefix(portal, path, method):
    answer = portal.ask(method, path)

    assert answer.status_code == 303
    assert answer.headers["Vary"] == "Accept"
    assert answer.headers["Cache-Control"] == "no-store"
    for prefix in ("/", "/gw/", "/a/b/"):
        base = f"https://host{prefix}"
        opened = base + path.removeprefix("/")
        assert urljoin(opened, answer.headers["Location"]) == base + PATHS[path]


def test_redirect_of_an_absolute_target_stays_relative(portal):
    """Send a request line as to a proxy, with the whole URL."""
    with httpx.Client() as client:
        request = client.build_request("GET", f"{portal.server.url}/orders", headers={"Accept": CHROME})
        request.extensions["target"] = b"http://127.0.0.1/air/flights?a=1"
        answer = client.send(request)

    assert answer.status_code == 303
    assert urljoin("http://127.0.0.1/air/flights", answer.headers["Location"]) == (
        "http://127.0.0.1/-/console/at/air/flights?a=1"
    )


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_of_a_browser_are_never_redirected(portal, method):
    answer = portal.ask(method, "/air/flights", Origin="null")

    assert not answer.is_redirect
    assert not answer.headers.get("Content-Type", "").startswith("text/html")


@pytest.mark.parametrize("accept", [accept for accept, is_browser in ACCEPTED.items() if not is_browser])
def test_programs_get_rows_or_an_error(portal, accept):
    answer = portal.ask("GET", "/air/flights", accept=accept)

    assert not answer.is_redirect
    assert answer.headers["Content-Type"].startswith(("application/json", "text/csv"))
    assert answer.is_error or "Accept" in answer.headers["Vary"]


def test_format_in_url_gives_rows_to_browsers(portal):
    answer = portal.ask("GET", "/air/flights?format=csv&order=id")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/csv")


def test_redirect_and_cached_rows_do_not_mix(portal):
    """Ask for the same URL in turns, so that the request cache has each answer before it is asked again."""
    for _ in range(3):
        rows = portal.ask("GET", "/air/flights", accept="*/*")
        page = portal.ask("GET", "/air/flights")
        csv = portal.ask("GET", "/air/flights?format=csv")

        assert (rows.status_code, rows.json()) == (200, [])
        assert page.status_code == 303
        assert csv.text == '"id"\n' or csv.text.startswith("id")


@pytest.mark.parametrize(
    ("path", "name", "target"),
    [
        ("orders", "guest", "-/console/connectors/orders/api"),
        ("orders/", "etl", "-/console/connectors/orders/api"),
        ("orders?id=eq.7&select=id", "guest", "-/console/connectors/orders/api?id=eq.7&select=id"),
        ("air/flights", None, "-/console/connectors/flights/api"),
        ("ledger", "admin", "-/console/connectors/ledger/api"),
    ],
)
def test_path_leads_to_the_page_of_its_endpoint(portal, path, name, target):
    answer = portal.ask("GET", f"/-/console/at/{path}", cookie=portal.cookie_of(name) if name else "")

    assert answer.status_code == 303
    opened = f"https://host/gw/-/console/at/{path}"
    assert urljoin(opened, answer.headers["Location"]) == f"https://host/gw/{target}"


@pytest.mark.parametrize("name", [None, "guest", "etl"])
def test_hidden_path_answers_as_an_unknown_one(portal, name):
    cookie = portal.cookie_of(name) if name else ""
    hidden, unknown = (
        portal.ask("GET", f"/-/console/at/{path}", cookie=cookie) for path in ("ledger", "absent")
    )

    assert hidden.status_code == unknown.status_code == 404
    assert hidden.text == unknown.text.replace("absent", "ledger")
    assert ("Sign in" in hidden.text) == (name is None)
    assert {name: value for name, value in hidden.headers.items() if name != "date"} == {
        name: value for name, value in unknown.headers.items() if name != "date"
    }


def test_former_and_removed_paths_lead_on(tmp_path):
    with serving(tmp_path) as server:
        text = "fields: {id: integer}\naccess: {read: [public]}\n"
        server.declare("moved", f"{text}path: /before\n")
        server.declare("moved", f"{text}path: /after\n")
        server.declare("gone", text)
        (server.connectors / "gone.yaml").unlink()
        server.reload()
        before, gone = (
            httpx.get(f"{server.url}/-/console/at/{path}", headers={"Accept": CHROME})
            for path in ("before", "gone")
        )

    assert before.headers["Location"] == "../../../-/console/connectors/moved/api"
    assert gone.status_code == 410
    assert "was removed on" in gone.text


def test_console_switched_off_leaves_no_page(tmp_path):
    with serving(tmp_path, GATEWAY_CONSOLE="off") as server:
        server.declare("open", "fields: {id: integer}\naccess: {read: [public]}\n")
        answers = {
            path: httpx.get(server.url + path, headers={"Accept": CHROME})
            for path in ("/open", "/", "/-/console/", "/-/console/at/open", "/-/sign-in", "/-/")
        }

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(answers, 404) | {
        "/open": 200,
        "/": 200,
    }
    assert {answer.headers["Content-Type"] for answer in answers.values()} == {
        "application/json; charset=utf-8"
    }
