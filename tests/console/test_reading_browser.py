"""The reading pages in a browser: a walk by links, by keyboard, on a phone, and what axe finds."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Portal
from tests.console.reading_gateway import EVIL, reading_gateway
from tests.console.test_browser import sign_in
from tests.support.browser import violations_of

#: The width of a small phone.
PHONE = {"width": 375, "height": 640}


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with reading_gateway(tmp_path_factory.mktemp("reading")) as portal:
        yield portal


@pytest.fixture(params=["root", "prefix"])
def gateway_url(reading: Portal, request: pytest.FixtureRequest) -> str:
    return reading.urls[request.param]


def heading(page: Page):
    return page.get_by_role("heading", level=1)


def check(page: Page, *, is_phone: bool) -> None:
    """Check that the page does not scroll sideways on a phone, and that axe finds nothing on a desktop."""
    if is_phone:
        assert page.evaluate("() => document.documentElement.scrollWidth") == PHONE["width"], page.url
    else:
        assert violations_of(page) == []


def test_trouble_is_found_by_links(open_page, reading: Portal, gateway_url, complaints):
    """Walk on a desktop at the root, where axe looks at each page, and on a phone below a prefix."""
    is_phone = "/gw/" in gateway_url
    complaints.expect("status of 410")
    options = {"viewport": PHONE} if is_phone else {}
    page = open_page(**options)
    sign_in(page, reading.secret("admin"))
    expect(heading(page)).to_have_text("Connectors 4")
    check(page, is_phone=is_phone)

    page.get_by_role("link", name="5 findings").click()
    expect(page.locator("mark").first).to_be_visible()
    check(page, is_phone=is_phone)
    page.get_by_role("link", name="orders", exact=True).click()
    expect(page.locator("#address")).to_have_text(f"{gateway_url}orders")
    expect(page.get_by_role("img", name="Rows received by hour")).to_be_visible()
    check(page, is_phone=is_phone)

    page.get_by_role("link", name="Batches").click()
    page.get_by_role("link", name="7 d").click()
    page.get_by_text("The same numbers as a table").click()
    expect(page.get_by_role("region", name="Numbers by period")).to_be_visible()
    page.get_by_label("Of the token").fill("admin")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("region", name="Table of batches").get_by_role("rowheader")).to_have_text(["2"])
    check(page, is_phone=is_phone)

    page.get_by_role("link", name="History").click()
    expect(page.locator("del").first).to_contain_text(EVIL)
    check(page, is_phone=is_phone)
    page.get_by_role("link", name="The file after the change of").last.click()
    expect(page.get_by_role("heading", name="Version of")).to_be_visible()
    check(page, is_phone=is_phone)

    page.goto(f"{gateway_url}-/console/connectors/old")
    expect(page.get_by_role("status")).to_contain_text("old was removed on")
    check(page, is_phone=is_phone)


def test_list_of_a_viewer_is_filtered_with_findings(open_page, reading: Portal):
    page = open_page()
    sign_in(page, reading.secret("auditor"))
    expect(page.get_by_role("rowheader")).to_have_count(5)
    page.get_by_label("Find a connector").fill("makes required")

    expect(page.get_by_role("rowheader").filter(visible=True)).to_have_text(["tight"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=makes+required")
    expect(page.get_by_role("rowheader")).to_have_text(["tight"])


def test_tabs_are_used_with_the_keyboard(open_page, reading: Portal):
    page = open_page("-/sign-in?next=-/console/connectors/orders")
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(reading.secret("auditor"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")
    page.get_by_role("link", name="Overview").focus()
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.textContent") == "History":
            break
    page.keyboard.press("Enter")

    expect(page).to_have_title("orders · History · gateway")


def test_pages_work_without_javascript(open_page, reading: Portal):
    page = open_page("", java_script_enabled=False)
    sign_in(page, reading.secret("auditor"))
    page.get_by_role("link", name="orders", exact=True).click()
    expect(heading(page)).to_have_text("orders")
    page.get_by_role("link", name="Batches").click()
    page.get_by_role("link", name="90 d").click()
    expect(page.get_by_role("img", name="Rows received by day")).to_be_visible()
