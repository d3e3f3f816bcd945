"""The console in a real browser, at the root of a host and below the prefix of a proxy.

Chromium refuses what the policy forbids, so these tests put hostile text and forms before it.
"""

import contextlib
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from playwright.sync_api import Page, expect

from tests.console.conftest import SECRETS, Portal
from tests.support.browser import violations_of
from tests.support.server import eventually, free_port

#: A phone, in CSS pixels; WCAG 1.4.10 asks that a page needs no horizontal scrolling at 320.
PHONE = {"width": 320, "height": 640}
DESKTOP = {"width": 1280, "height": 800}


def sign_in(page: Page, secret: str) -> None:
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_label("Token").fill(secret)
    page.get_by_role("button", name="Sign in").click()


def names_in(page: Page):
    return page.get_by_role("rowheader")


def test_signing_in_shows_the_endpoints_of_a_token(open_page, portal: Portal, gateway_url):
    page = open_page("")
    assert page.url == f"{gateway_url}-/console/"
    expect(names_in(page)).to_have_text(["flights"])

    sign_in(page, portal.secret("guest"))

    expect(names_in(page)).to_have_text(["flights", "orders"])
    assert page.url == f"{gateway_url}-/console/"
    (cookie,) = page.context.cookies()
    assert cookie["name"] == "gateway"
    assert cookie["path"] == ("/gw/-" if "/gw/" in gateway_url else "/-")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Lax", False)
    assert page.evaluate("() => document.cookie") == ""


def test_session_cookie_is_not_sent_to_endpoints(open_page, portal: Portal, complaints):
    """Read the request headers of the browser itself: below `/-/` there is a cookie, at an endpoint none."""
    complaints.expect("status of 404")
    page = open_page()
    sign_in(page, portal.secret("admin"))
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    sent = []
    page.on("request", lambda request: sent.append(request))  # noqa: PLW0108  # Playwright takes no builtin
    statuses = page.evaluate(
        """async () => {
          const get = async (url) => (await fetch(url)).status;
          return [await get("../../orders"), await get("../connectors")];
        }"""
    )

    cookies = {each.url.rpartition("/")[2]: "cookie" in each.all_headers() for each in sent}
    assert cookies == {"orders": False, "connectors": True}
    assert statuses == [404, 200], "and the list of connectors has only what nobody may see"


def test_signing_out_ends_the_session(open_page, portal: Portal):
    page = open_page()
    sign_in(page, portal.secret("guest"))
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    expect(names_in(page)).to_have_text(["flights"])
    assert page.context.cookies() == []
    page.go_back()
    expect(page.get_by_text("orders", exact=True)).to_have_count(0)


def test_wrong_token_is_explained_and_can_be_retried(open_page, portal: Portal, complaints):
    complaints.expect("status of 401")
    page = open_page()
    sign_in(page, "gw_wrong")

    expect(page.get_by_role("alert")).to_contain_text("The token is unknown")
    assert page.get_by_label("Token").input_value() == ""
    assert violations_of(page) == []
    page.get_by_label("Token").fill(portal.secret("guest"))
    page.keyboard.press("Enter")
    expect(names_in(page)).to_have_text(["flights", "orders"])


def test_hidden_endpoint_is_shown_after_sign_in(open_page, portal: Portal, gateway_url, complaints):
    """Open the path of an endpoint as a user does; the redirect chain keeps the query string and the prefix."""
    complaints.expect("status of 404")
    page = open_page("orders?id=eq.7")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "The endpoint does not exist, or is not visible to you"
    )
    assert violations_of(page) == []
    assert page.url == f"{gateway_url}-/console/at/orders?id=eq.7"

    sign_in(page, portal.secret("guest"))

    page.wait_for_url(f"{gateway_url}-/console/connectors/orders/api?id=eq.7")


def test_revoked_token_ends_the_session_of_a_browser(open_page, portal: Portal):
    page = open_page()
    tokens = portal.server.connectors.parent / "tokens.yaml"
    text = tokens.read_text()
    sign_in(page, portal.secret("guest"))
    expect(names_in(page)).to_have_text(["flights", "orders"])
    try:
        tokens.write_text(text.replace(SECRETS["guest"][1], ""))

        def is_signed_out() -> bool:
            page.reload()
            return page.get_by_role("button", name="Sign out").count() == 0

        eventually(is_signed_out)
        expect(names_in(page)).to_have_text(["flights"])
    finally:
        tokens.write_text(text)
        bearer = {"Authorization": f"Bearer {portal.secret('guest')}"}
        eventually(lambda: portal.server.client.get("/orders", headers=bearer).status_code == 200)


def test_values_are_text_in_a_browser(open_page, portal: Portal):
    """Show a description that holds an image with a handler; a dialog would fail the test."""
    page = open_page()
    sign_in(page, portal.secret("guest"))

    row = page.get_by_role("row", name="orders")
    expect(row).to_contain_text('Orders <img src=x onerror="alert(1)"> of the shop.')
    assert page.locator("main img").count() == 0


def test_list_has_no_accessibility_violations(open_page, portal: Portal):
    """Check the list as nobody on a phone, and as admin on a desktop; neither scrolls sideways."""
    page = open_page(viewport=PHONE)
    assert violations_of(page) == []
    sign_in(page, portal.secret("admin"))
    expect(names_in(page)).to_have_count(3)
    widths = [page.evaluate("() => document.documentElement.scrollWidth")]
    page.set_viewport_size(DESKTOP)
    widths.append(page.evaluate("() => document.documentElement.scrollWidth"))

    assert widths == [PHONE["width"], DESKTOP["width"]]
    assert violations_of(page) == []


def test_sign_in_form_has_no_accessibility_violations(open_page):
    page = open_page("-/sign-in", viewport=PHONE)

    expect(page.get_by_label("Token")).to_be_focused()
    assert violations_of(page) == []


def test_list_is_filtered_as_a_user_types(open_page, portal: Portal):
    page = open_page()
    sign_in(page, portal.secret("admin"))
    expect(names_in(page)).to_have_text(["flights", "ledger", "orders"])
    page.get_by_label("Find a connector").fill("AIR fli")
    expect(names_in(page).filter(visible=True)).to_have_text(["flights"])
    page.get_by_label("Find a connector").fill("")

    expect(names_in(page).filter(visible=True)).to_have_count(3)


def test_list_works_without_javascript(open_page, portal: Portal):
    page = open_page("", java_script_enabled=False)
    sign_in(page, portal.secret("guest"))

    expect(names_in(page)).to_have_text(["flights", "orders"])
    page.get_by_label("Find a connector").fill("shop ORD")
    page.keyboard.press("Enter")
    expect(names_in(page)).to_have_text(["orders"])
    expect(page.get_by_label("Find a connector")).to_have_value("shop ORD")
    page.get_by_role("button", name="Sign out").click()
    expect(names_in(page)).to_have_text(["flights"])


def test_pages_are_used_with_the_keyboard_alone(open_page, portal: Portal):
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    for _ in range(3):  # The home page, the search, and the link to sign in.
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(portal.secret("guest"))
    page.keyboard.press("Enter")

    expect(names_in(page)).to_have_text(["flights", "orders"])


# -- other sites


@contextlib.contextmanager
def site(html: str) -> Iterator[str]:
    """Serve one page of another origin."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

    with ThreadingHTTPServer(("127.0.0.1", free_port()), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://localhost:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def test_browser_form_of_another_site_is_refused(open_page, portal: Portal, gateway_url, complaints):
    """Post to sign-out from a page on another site, with a session: the user stays signed in."""
    page = open_page()
    sign_in(page, portal.secret("guest"))
    expect(names_in(page)).to_have_text(["flights", "orders"])
    with site(f'<form method="post" action="{gateway_url}-/sign-out"><button>Win</button></form>') as url:
        complaints.expect(re.escape(f"request: {url}"))
        complaints.expect("status of 40[34]")
        page.goto(url)
        with page.expect_response(lambda answer: answer.url.endswith("/sign-out")) as refused:
            page.get_by_role("button", name="Win").click()

    assert refused.value.status == 403
    assert refused.value.request.all_headers()["sec-fetch-site"] == "cross-site"
    page.goto(f"{gateway_url}-/console/")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_page_stays_empty_in_a_foreign_frame(open_page, gateway_url, complaints):
    with site(f'<iframe src="{gateway_url}-/console/"></iframe>') as url:
        complaints.expect(re.escape(f"request: {url}"))
        complaints.expect("frame-ancestors|X-Frame-Options|Refused to frame|Framing|status of 404")
        page = open_page()
        page.goto(url)
        frame = page.frames[1]

        assert frame.url == "chrome-error://chromewebdata/"
        assert frame.get_by_role("heading").count() == 0
    assert any("frame" in each.lower() for each in complaints.heard)


def test_policy_stops_injected_code(open_page, complaints):
    """Do what a script of an attacker would: nothing runs, and the browser reports each attempt."""
    page = open_page()
    complaints.expect("policy|Content Security Policy|Trusted")
    tried = page.evaluate(
        """() => {
          const attempts = {
            html: () => { document.body.innerHTML = "<p>changed</p>"; },
            script: () => { const script = document.createElement("script"); script.text = "window.ran = 1"; },
            parse: () => new DOMParser().parseFromString("<p>", "text/html"),
          };
          const threw = {};
          for (const [name, attempt] of Object.entries(attempts)) {
            try { attempt(); threw[name] = false; } catch (error) { threw[name] = true; }
          }
          return threw;
        }"""
    )
    fetched = page.evaluate("() => fetch('http://localhost:9/').then(() => true, () => false)")

    assert tried == {"html": True, "script": True, "parse": True}
    assert fetched is False
    assert any("connect-src" in each for each in complaints.heard)
    assert page.evaluate("() => window.ran === undefined")
