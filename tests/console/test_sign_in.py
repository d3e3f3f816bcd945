"""The session of a browser over HTTP: who may open one, and what it opens."""

import itertools
import re
from urllib.parse import urljoin

import httpx
import pytest

from tests.console.conftest import CHROME, SECRETS, Portal
from tests.support import visibility
from tests.support.prefix_proxy import proxying
from tests.support.server import eventually, put, serving

COOKIE = re.compile(r"gateway=[\w-]{43}; HttpOnly; SameSite=Lax; Max-Age=43200")
#: Values of `next`, and where they lead.
NEXT = {
    "-/console/connectors/orders/api?id=eq.7": "-/console/connectors/orders/api?id=eq.7",
    "-/console/at/a%20b/%C3%A9": "-/console/at/a%20b/%C3%A9",
    "-/console/?q=http://x/../y": "-/console/?q=http://x/../y",
    "": "-/console/",
    "/-/console/": "-/console/",
    "//evil.example/": "-/console/",
    "https://evil.example/": "-/console/",
    "-/../../evil": "-/console/",
    "-/%2e%2E/orders": "-/console/",
    "-/.%2e/orders": "-/console/",
    "-/console/..": "-/console/",
    "-/..\\evil": "-/console/",
    "-/%5c..%5cevil": "-/console/",
    "javascript:alert(1)": "-/console/",
    "-/console/\r\nSet-Cookie: a=b": "-/console/",
    "-/console/#top": "-/console/",
    "orders": "-/console/",
    "../orders": "-/console/",
}


def test_cookie_of_a_session_is_for_pages_alone(portal: Portal):
    answer = portal.sign_in("guest")

    assert answer.status_code == 303
    assert COOKIE.fullmatch(answer.headers["Set-Cookie"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert "guest" in portal.ask("GET", "/-/console/", cookie=portal.cookie_of("guest")).text


@pytest.mark.parametrize("following", NEXT)
def test_sign_in_leads_back_inside_the_gateway(portal: Portal, following):
    answer = portal.sign_in("guest", following)
    form = portal.ask("GET", f"/-/sign-in?{httpx.QueryParams(next=following)}")

    for prefix in ("/", "/gw/"):
        opened = f"https://host{prefix}-/sign-in"
        assert urljoin(opened, answer.headers["Location"]) == f"https://host{prefix}{NEXT[following]}"
    assert f'name="next" value="{NEXT[following]}"' in form.text


def test_sign_in_without_next_opens_the_list(portal: Portal):
    answer = httpx.post(
        f"{portal.server.url}/-/sign-in",
        data={"token": f"  {portal.secret('guest')}\n"},
        headers={"Sec-Fetch-Site": "same-origin"},
    )

    assert answer.headers["Location"] == "../-/console/"


def test_sign_in_ends_the_former_session(portal: Portal):
    first = portal.cookie_of("guest")
    second = portal.sign_in("etl", Cookie=first).headers["Set-Cookie"].partition(";")[0]

    assert first != second
    assert ">etl</span>" in portal.ask("GET", "/-/console/", cookie=second).text
    assert "</span>" not in portal.ask("GET", "/-/console/", cookie=first).text


def test_failed_sign_in_keeps_the_session(portal: Portal):
    cookie = portal.cookie_of("guest")
    answer = httpx.post(
        f"{portal.server.url}/-/sign-in",
        data={"token": "gw_wrong"},
        headers={"Sec-Fetch-Site": "same-origin", "Cookie": cookie, "Accept": CHROME},
    )

    assert answer.status_code == 401
    assert "PGRST301" in answer.text
    assert "Set-Cookie" not in answer.headers
    assert "Basic" not in answer.headers["WWW-Authenticate"], "a browser would open a dialog"
    assert "gw_wrong" not in answer.text
    assert "Copy the whole token" in answer.text
    assert "curl" not in answer.text, "a form takes no header"
    assert "You are signed in as <strong>guest</strong>" in answer.text
    assert ">guest</span>" in portal.ask("GET", "/-/console/", cookie=cookie).text


def test_sign_out_ends_the_session_and_its_cookie(portal: Portal):
    cookie = portal.cookie_of("guest")
    answer = portal.ask("POST", "/-/sign-out", cookie=cookie, Sec_Fetch_Site="same-origin")

    assert answer.status_code == 303
    assert answer.headers["Set-Cookie"] == "gateway=; HttpOnly; SameSite=Lax; Max-Age=0"
    assert "</span>" not in portal.ask("GET", "/-/console/", cookie=cookie).text
    assert portal.ask("GET", "/-/sign-out", cookie=cookie).status_code == 405


def test_page_says_that_a_session_has_ended(portal: Portal):
    cookie = portal.cookie_of("guest")
    portal.ask("POST", "/-/sign-out", cookie=cookie, Sec_Fetch_Site="same-origin")

    for path in ("/-/console/", "/-/console/at/orders"):
        assert "Your session has ended" in portal.ask("GET", path, cookie=cookie).text
        assert "Your session has ended" not in portal.ask("GET", path).text
        assert "Your session has ended" not in portal.ask("GET", path, cookie=portal.cookie_of("etl")).text


@pytest.mark.parametrize(("page", "status"), [("edit", 401), ("rejected", 404)])
def test_form_says_how_it_is_sent_again(portal: Portal, page: str, status: int):
    cookie = portal.cookie_of("guest")
    portal.ask("POST", "/-/sign-out", cookie=cookie, Sec_Fetch_Site="same-origin")

    path = f"/-/console/connectors/orders/{page}"
    answer = portal.ask("POST", path, cookie=cookie, Sec_Fetch_Site="same-origin")
    assert answer.status_code == status
    assert "Your session has ended, and nothing was done." in answer.text
    main = answer.text.partition("<main")[2]
    assert re.findall('href="([^"]*sign-in[^"]*)"', main) == [f"../../../../-/sign-in?next={path[1:]}"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "URL"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, 303),
        ({}, 403),
        ({"Origin": "URL"}, 303),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "http://localhost:PORT"}, 403),
        ({"Origin": "ftp://127.0.0.1:PORT"}, 403),
        ({"Origin": "http://127.0.0.1:x"}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Origin": "https://127.0.0.1:PORT"}, 303),
        ({"Origin": "https://evil.example", "Host": "evil.example"}, 303),
        ({"Origin": "https://shop.example", "Host": "shop.example:443"}, 303),
        ({"Origin": "http://shop.example", "Host": "SHOP.example"}, 303),
        ({"Origin": "http://shop.example:8080", "Host": "shop.example"}, 403),
    ],
)
@pytest.mark.parametrize("path", ["/-/sign-in", "/-/sign-out"])
def test_form_of_another_site_is_refused(portal: Portal, headers, status, path):
    url = portal.server.url
    headers = {
        name: value.replace("URL", url).replace("PORT", url.rpartition(":")[2])
        for name, value in headers.items()
    }
    answer = httpx.post(
        url + path, data={"token": portal.secret("guest")}, headers={"Accept": CHROME, **headers}
    )

    assert answer.status_code == status
    assert ("GW604" in answer.text) == (status == 403)
    assert ("Set-Cookie" in answer.headers) == (status == 303)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    """A gateway behind a proxy with https that sends a Host of its own."""
    directory = tmp_path_factory.mktemp("proxied")
    settings = {
        "GATEWAY_HOSTS": "shop.example 127.0.0.1",
        "GATEWAY_PROXIES": "127.0.0.1",
        "GATEWAY_TITLE": "shop <prod>",
        "GATEWAY_SESSION_IDLE": "600",
        "GATEWAY_SESSION_LIFETIME": "900",
    }
    https = {"X_Forwarded_Proto": "https", "X_Forwarded_For": "203.0.113.9"}
    with serving(directory, **settings) as server, proxying(server.url, **https) as url:
        yield server, url


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://shop.example", 303),
        ("http://shop.example", 403),
        ("https://shop.example:8443", 403),
        ("https://other.example", 403),
    ],
)
def test_allowed_hosts_may_send_forms_through_a_proxy(proxied, origin, status):
    server, url = proxied
    secret = (server.data / "admin-token").read_text().strip()
    answer = httpx.post(f"{url}-/sign-in", data={"token": secret}, headers={"Origin": origin})

    assert answer.status_code == status
    if status == 303:
        assert re.fullmatch(
            r"__Secure-gateway=[\w-]{43}; HttpOnly; SameSite=Lax; Max-Age=900; Secure",
            answer.headers["Set-Cookie"],
        )
        cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
        page = httpx.get(f"{url}-/console/", headers=cookie).text
        assert ">admin</span>" in page
        assert "<title>Connectors · shop &lt;prod&gt;</title>" in page
        assert "</span>" not in httpx.get(f"{server.url}/-/console/", headers=cookie).text, "plain http"


def test_scheme_of_an_untrusted_client_does_not_count(portal: Portal):
    answer = portal.sign_in("guest", **{"X-Forwarded-Proto": "https"})

    assert COOKIE.fullmatch(answer.headers["Set-Cookie"])


def test_wrong_tokens_in_the_form_are_throttled(proxied):
    """Count the wrong tokens of one address behind the proxy, in the form and in a header alike."""
    server, _ = proxied
    address = {"X-Forwarded-For": "203.0.113.77", "Sec-Fetch-Site": "same-origin", "Accept": CHROME}
    for number in itertools.count():
        answer = httpx.post(f"{server.url}/-/sign-in", data={"token": "gw_wrong"}, headers=address)
        if answer.status_code != 401:
            break
        assert number < 1000

    assert answer.status_code == 429
    assert "GW601" in answer.text
    assert int(answer.headers["Retry-After"]) > 0
    header = {**address, "Authorization": "Bearer gw_wrong"}
    assert httpx.get(f"{server.url}/-/console/", headers=header).status_code in (401, 429)
    secret = (server.data / "admin-token").read_text().strip()
    assert httpx.post(f"{server.url}/-/sign-in", data={"token": secret}, headers=address).status_code == 303


def test_revoked_token_ends_its_session_at_once(tmp_path):
    put(tmp_path / "tokens.yaml", f"{SECRETS['guest'][1]}\n")
    with serving(tmp_path, GATEWAY_TOKENS=str(tmp_path / "tokens.yaml")) as server:
        portal = Portal(server, "")
        cookie = portal.cookie_of("guest")
        assert ">guest</span>" in portal.ask("GET", "/-/console/", cookie=cookie).text
        put(tmp_path / "tokens.yaml", "{}\n")

        eventually(lambda: ">guest</span>" not in portal.ask("GET", "/-/console/", cookie=cookie).text)


def test_large_form_is_refused_before_it_is_read(portal: Portal):
    answer = httpx.post(
        f"{portal.server.url}/-/sign-in",
        data={"token": "x" * 70_000},
        headers={"Sec-Fetch-Site": "same-origin", "Accept": CHROME},
    )

    assert answer.status_code == 413
    assert "GW102" in answer.text
    assert "<h1>" in answer.text


# -- a cookie opens pages alone


def is_page(route: visibility.Route) -> bool:
    """Tell whether a route is for browsers: a page, a document, or a part of one."""
    return route.template.startswith(("/-/console", "/-/sign-", "/-/open")) or route.template.endswith(
        ("/", "openapi.json")
    )


def test_json_under_the_operating_path_ignores_cookies(portal: Portal, tmp_path):
    """Walk every route as nobody, and with the session of the admin token: there is no difference."""
    cookie = portal.cookie_of("admin")
    routes = [route for route in visibility.routes(tmp_path) if not is_page(route)]
    assert len(routes) > 20
    for route in routes:
        nobody, with_session = (
            portal.ask(
                route.method, route.path("orders"), cookie=each, accept="*/*", Sec_Fetch_Site="same-origin"
            )
            for each in ("", cookie)
        )
        assert (nobody.status_code, nobody.text) == (with_session.status_code, with_session.text), route


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/orders", "/ledger", "/nothing"])
def test_endpoints_ignore_cookies(portal: Portal, method, path):
    answers = [
        portal.ask(method, path, cookie=each, accept="*/*", Sec_Fetch_Site="same-origin")
        for each in ("", portal.cookie_of("admin"))
    ]

    assert answers[0].status_code == answers[1].status_code >= 400
    assert answers[0].text == answers[1].text


def test_header_decides_on_pages_beside_a_session(portal: Portal):
    cookie = portal.cookie_of("admin")
    with_header = portal.ask(
        "GET", "/-/console/", cookie=cookie, Authorization=f"Bearer {portal.secret('guest')}"
    )
    wrong = portal.ask("GET", "/-/console/", cookie=cookie, Authorization="Bearer gw_wrong")

    assert ">guest</span>" in with_header.text
    assert "Sign out" not in with_header.text
    assert (wrong.status_code, "PGRST301" in wrong.text) == (401, True)
    assert "Basic" not in wrong.headers["WWW-Authenticate"]


def test_wrong_token_counts_once_on_a_page(portal: Portal):
    def failures() -> float:
        metrics = portal.ask("GET", "/-/metrics", Authorization=f"Bearer {portal.secret('auditor')}").text
        (line,) = re.findall(r"^gateway_token_failures_total (.+)$", metrics, re.MULTILINE)
        return float(line)

    before = failures()
    assert portal.ask("GET", "/-/console/", Authorization="Bearer gw_wrong").status_code == 401
    assert failures() == before + 1
