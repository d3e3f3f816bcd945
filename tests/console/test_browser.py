"""The console in a real browser."""

from playwright.sync_api import Page, expect

from tests.console.conftest import Portal
from tests.support.browser import violations_of


def sign_in(page: Page, secret: str) -> None:
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_label("Token").fill(secret)
    page.get_by_role("button", name="Sign in").click()


def test_signing_in_shows_the_endpoints_of_a_token(open_page, portal: Portal, gateway_url):
    page = open_page("")
    assert page.url == f"{gateway_url}-/console/"
    expect(page.get_by_role("rowheader")).to_have_text(["flights"])

    sign_in(page, portal.secret("guest"))

    expect(page.get_by_role("rowheader")).to_have_text(["flights", "orders"])
    assert page.url == f"{gateway_url}-/console/"
    (cookie,) = page.context.cookies()
    assert cookie["name"] == "gateway"
    assert cookie["path"] == ("/gw/-" if "/gw/" in gateway_url else "/-")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Lax", False)
    assert violations_of(page) == []
