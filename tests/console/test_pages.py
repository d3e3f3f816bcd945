"""Pages, and what holds for all of them: headers, errors, static files, and the text of their templates."""

import ast
import contextlib
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from gateway.console.home_page import HomePage
from gateway.console.page import OPEN_PAGES_MAX, ConsolePage, FormTarget, Shell, View
from gateway.console.templates import Templates
from gateway.errors import GatewayError
from tests.console.conftest import CHROME, FLIGHTS, Portal
from tests.support import visibility
from tests.support.in_process import inside
from tests.support.server import ROOT
from tests.test_layers import imports_of, tree_of

CONSOLE = ROOT / "gateway/console"
TEMPLATES = sorted((CONSOLE / "templates").glob("*.html"))
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script';"
    " trusted-types 'none'"
)
#: Swagger UI writes HTML, and its icons are in `data:` URLs.
SWAGGER_POLICY = POLICY.partition("; require-trusted")[0].replace("img-src 'self'", "img-src 'self' data:")
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


def static_urls(text: str) -> list[str]:
    return re.findall(r'(?:href|src)="(?:\.\./)*(-/console/static/[^"]+)"', text)


@pytest.mark.parametrize("accept", [CHROME, "application/json"])
@pytest.mark.parametrize("name", [None, "guest", "admin"])
def test_every_page_has_the_strict_headers(portal: Portal, tmp_path_factory, name, accept):
    """Walk all routes of the console, successes, redirects, and errors alike."""
    cookie = portal.cookie_of(name) if name else ""
    routes = visibility.routes(tmp_path_factory.mktemp("routes"))
    pages = [route for route in routes if route.template.startswith(("/-/console", "/-/sign-"))]
    assert len(pages) >= 8
    paths = {(route.method, route.path("orders")) for route in pages} | {("GET", "/-/console/nothing")}
    for method, path in paths:
        answer = portal.ask(method, path, cookie=cookie, accept=accept)
        found = {header: answer.headers.get(header) for header in HEADERS}
        if "/static/" in path or "/swagger/" in path:
            assert found.pop("Cache-Control") == "public, max-age=31536000, immutable"
            assert found.items() <= HEADERS.items()
        else:
            policy = SWAGGER_POLICY if path == "/-/console/swagger" else POLICY
            assert found == {**HEADERS, "Content-Security-Policy": policy}, (method, path)
        assert len(answer.headers.get_list("X-Content-Type-Options")) == 1


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (None, {"flights": "read"}),
        ("guest", {"flights": "read", "orders": "read"}),
        ("etl", {"flights": "read", "orders": "write"}),
    ],
)
def test_list_shows_what_the_asker_may_see(portal: Portal, name, rows):
    text = portal.ask("GET", "/-/console/", cookie=portal.cookie_of(name) if name else "").text
    names = re.findall(
        r'<th scope="row"><a href="\.\./\.\./-/console/connectors/(\w+)/api">\1</a></th>', text
    )
    permissions = re.findall(r'<td data-label="You may">(.*)</td>', text)

    assert dict(zip(names, permissions, strict=True)) == rows
    assert ("These endpoints are public." in text) == (name is None)
    assert "No endpoint is public." not in text


def test_values_are_escaped_in_pages(portal: Portal):
    text = portal.ask("GET", "/-/console/", cookie=portal.cookie_of("guest")).text

    assert "<img" not in text
    assert "Orders &lt;img src=x onerror=&#34;alert(1)&#34;&gt; of the shop." in text


@pytest.mark.parametrize(
    "path", ["/-/console/", "/-/console", "/-/sign-in", "/-/sign-in/", "/-/console/nothing"]
)
def test_head_answers_as_get_without_a_body(portal: Portal, path):
    get, head = portal.ask("GET", path), portal.ask("HEAD", path)

    assert (head.status_code, head.content) == (get.status_code, b"")
    assert {**head.headers, "date": ""} == {**get.headers, "date": ""}
    for url in static_urls(get.text):
        for ask in (httpx.get, httpx.head):
            assert ask(f"{portal.server.url}/{url}").status_code == 200


def test_urls_of_a_page_fit_its_slashes(portal: Portal):
    """Open the page with and without a slash at its end, where relative URLs mean different things."""
    for path, up in (("/-/console/", "../../"), ("/-/console", "../"), ("/-/console//", "../../../")):
        assert f'<a class="home" href="{up}-/console/">' in portal.ask("GET", path).text


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "code"),
    [
        ("GET", "/-/console/nothing", {}, 404, "PGRST205"),
        ("GET", "/-/console/static/console-0000000000000000.css", {}, 404, "PGRST205"),
        ("GET", "/-/console/at/nothing", {}, 404, "PGRST205"),
        ("GET", "/-/sign-out", {}, 405, "PGRST117"),
        ("DELETE", "/-/console", {}, 405, "PGRST117"),
        ("GET", "/-/console", {"Authorization": "Bearer gw_wrong"}, 401, "PGRST301"),
        ("POST", "/-/sign-out", {}, 403, "GW604"),
        ("POST", "/-/sign-in", {"Sec-Fetch-Site": "same-origin", "Content-Encoding": "br"}, 415, "GW105"),
    ],
)
def test_error_is_a_page_for_browsers_alone(portal: Portal, method, path, headers, status, code):
    def ask(accept):
        return httpx.request(method, portal.server.url + path, headers={"Accept": accept, **headers})

    page, json = ask(CHROME), ask("*/*")
    assert page.status_code == json.status_code == status
    assert json.json()["code"] == code
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f"Status {status}, code <code>{code}</code>" in page.text
    assert page.headers["Proxy-Status"] == json.headers["Proxy-Status"]
    assert page.headers.get("Allow") == json.headers.get("Allow")


@pytest.mark.parametrize("name", [None, "guest"])
def test_page_of_an_unknown_endpoint_leads_on(portal: Portal, name):
    cookie = portal.cookie_of(name) if name else ""
    page = portal.ask("GET", "/-/console/at/nothing", cookie=cookie).text

    assert "<p>There is no endpoint &#39;/nothing&#39; that you may see</p>" in page
    assert '<a href="../../../-/console/">All endpoints that you may see</a>' in page
    assert ("/-/sign-in?next=-/console/at/nothing" in page) == (name is None)
    assert ("The token <strong>guest</strong> may not" in page) == (name == "guest")


def test_unexpected_error_page_has_its_request_id(tmp_path, monkeypatch):
    def fail(*_):
        raise ValueError("<secret> value")

    monkeypatch.setattr(HomePage, "get", fail)
    headers = {"accept": CHROME}
    with inside(tmp_path, {}) as gateway:
        status, _, page = gateway.request("GET", "/-/console", headers=headers)
        monkeypatch.setattr(Templates, "render", fail)
        broken, broken_headers, json = gateway.request("GET", "/-/console", headers=headers)

    assert (status, broken) == (500, 500)
    assert b"GW901" in page
    assert b"The id of the request is test" in page
    assert b"secret" not in page + json
    assert broken_headers["content-type"].startswith("application/json"), "a broken template hides no error"


def test_missing_value_of_a_template_is_an_error(tmp_path, monkeypatch):
    async def incomplete(*_):
        return View("endpoint_list.html", {})

    monkeypatch.setattr(HomePage, "get", incomplete)
    with inside(tmp_path, {}) as gateway:
        assert gateway.request("GET", "/-/console")[0] == 500


def test_jinja2_is_imported_with_the_first_page():
    """Hold that no module imports jinja2 at its top: it takes 40 ms and 11 MB, also of gateways without visitors."""
    imports = [
        node for node in tree_of("console.templates").body if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert "jinja2" in imports_of("console.templates")
    assert not any("jinja2" in ast.unparse(node) for node in imports)


def test_every_form_target_is_guarded():
    """Hold that no page defines a POST of its own: `FormTarget` has the guard."""

    def below(kind):
        return {each for sub in kind.__subclasses__() for each in (sub, *below(sub))}

    kinds = below(FormTarget) | below(ConsolePage)
    assert kinds
    for kind in kinds:
        assert not {"on_post", "on_put", "on_patch", "on_delete"} & set(vars(kind))


@pytest.mark.parametrize("name", ["console.css", "console.js", "icon.svg"])
def test_static_url_changes_with_its_file(portal: Portal, name):
    text = portal.ask("GET", "/-/console/").text
    stem, _, suffix = name.partition(".")
    (url,) = [
        each
        for each in static_urls(text)
        if each.startswith(f"-/console/static/{stem}-") and each.endswith(suffix)
    ]
    answer = portal.ask("GET", f"/{url}", accept="*/*")

    assert answer.content == (CONSOLE / "static" / name).read_bytes()
    assert not portal.ask("GET", f"/-/console/static/{name}").is_success


def test_page_does_without_the_package_of_swagger_ui(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "swagger_ui_bundle", None)  # So Python finds no such package.
    with inside(tmp_path, {"flights": FLIGHTS}) as gateway:
        page = gateway.request("GET", "/-/console/connectors/flights/api")
        swagger = gateway.request("GET", "/-/console/swagger")

    assert (page[0], swagger[0]) == (200, 404)
    assert b"Swagger" not in page[2]


# -- the text of templates, script, and style

#: What no template may have, each with the reason.
FORBIDDEN = {
    r"\|\s*safe|Markup|autoescape": "every value is escaped",
    r"<script(?![^>]*\bsrc=)": "the policy refuses inline scripts",
    r"<style|\bstyle=": "the policy refuses inline styles",
    r"\son\w+=": "the policy refuses handlers in attributes",
    r"""(?:href|src|action)=(?!")""": "attributes have quotes",
    r"""\s[\w-]+=(?:\{\{|')""": "attributes have quotes",
    # The link to the editor of a forge is made of a setting, which must be an http or https URL.
    r"""(?:href|src|action)="(?!\{\{ root \}\}|#|\{\{ (?:builder\.)?forge \}\}")""": "URLs begin at the root of the gateway, which is relative",
    r"https?://|//\w": "nothing comes from elsewhere",
    r"javascript:|data:": "URLs name pages",
}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_relative_urls_and_no_inline_code(path: Path):
    text = path.read_text()
    found = {
        reason: re.findall(pattern, text) for pattern, reason in FORBIDDEN.items() if re.search(pattern, text)
    }

    assert found == {}


def test_python_of_console_marks_no_text_safe():
    """Hold that one module alone makes HTML: the cells of a table, for a template takes 15 times as long."""
    marks = re.compile(r"Markup|__html__|\|\s*safe|autoescape=(?!True)")

    assert [path.name for path in CONSOLE.rglob("*.py") if marks.search(path.read_text())] == ["cells.py"]


def test_style_and_script_load_nothing():
    for path in (CONSOLE / "static").iterdir():
        text = re.sub(r'xmlns="http://www\.w3\.org/2000/svg"', "", path.read_text())
        assert not re.search(
            r"https?:|url\(|@import|\bimport\b|\beval\b|new Function|innerHTML|document\.write", text
        ), path


@pytest.mark.parametrize("path", sorted((CONSOLE / "static").glob("*.js")), ids=lambda path: path.name)
def test_script_is_valid_javascript(path: Path):
    checked = subprocess.run(["node", "--check", path], capture_output=True, text=True)

    assert checked.returncode == 0, checked.stderr


def test_more_pages_at_once_are_refused():
    shell = Shell(None, None, Templates(), None, None, ())
    with contextlib.ExitStack() as open_pages:
        for _ in range(OPEN_PAGES_MAX):
            open_pages.enter_context(shell.admit())
        with pytest.raises(GatewayError, match="64 pages") as refused, shell.admit():
            pass
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "1")
    with shell.admit():
        pass
