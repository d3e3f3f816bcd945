"""The walk "why are rows missing" in a real browser, at the root of a host and below the prefix of a proxy."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Portal
from tests.support.browser import violations_of

STOCK = """
fields:
  id: integer
  amount: {type: "decimal(10, 2)", description: The price.}
  note: {type: string, nullable: true, max_length: 5}
on_invalid: keep
access: {ingest: [etl], read: [guest]}
"""
MENDED = STOCK.replace("max_length: 5", "max_length: 40")
PHONE = {"width": 375, "height": 700}
DESKTOP = {"width": 1280, "height": 800}
at_root = pytest.mark.parametrize("gateway_url", ["root"], indirect=True)


@pytest.fixture(params=["root", "prefix"])
def gateway_url(stocked: Portal, request: pytest.FixtureRequest) -> str:
    return stocked.urls[request.param]


@pytest.fixture
def orders(stocked: Portal, name: str) -> str:
    """A connector that has kept one row with a wrong amount, and two with a note that is too long."""
    stocked.server.declare(name, STOCK)
    rows = [
        {"id": 1, "amount": "x<b>"},
        {"id": 2, "amount": 2, "note": "much too long \u202e"},
        {"id": 3, "amount": 3, "note": "too long as well"},
        {"id": 4, "amount": 4},
    ]
    assert stocked.server.client.post(f"/{name}", json=rows).json()["rejected"] == 3
    return name


def sign_in(page: Page, stocked: Portal, token: str = "admin") -> None:
    page.get_by_role("link", name="Sign in").first.click()
    page.get_by_label("Token").fill(stocked.secret(token))
    page.get_by_role("button", name="Sign in").click()


def counts(page: Page) -> list[str]:
    return [text.split()[0] for text in page.locator(".states a").all_inner_texts()]


def ids(page: Page):
    return page.get_by_role("region", name="Rows").get_by_role("rowheader")


def test_missing_rows_are_found_corrected_and_replayed(open_page, stocked: Portal, orders, complaints):
    complaints.expect("status of 400")
    page = open_page()
    sign_in(page, stocked)
    page.get_by_role("row", name=re.compile(rf"^{orders}\b")).get_by_role(
        "link", name="3", exact=True
    ).click()
    expect(page.get_by_role("link", name="Rejected 3")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("heading", level=2)).to_have_text("Rejected rows")
    assert counts(page) == ["3", "0", "0"]

    page.get_by_role("link", name="amount 22P02").click()
    expect(ids(page)).to_have_text(["1"])
    expect(page.get_by_label("Field", exact=True)).to_have_value('"amount"')
    page.get_by_role("link", name="1", exact=True).first.click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Rejected row 1")
    area = page.get_by_label("The row as JSON")
    area.fill('{"id": 1, "amount": "1,5"}')
    page.get_by_role("button", name="Check").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#check")).to_contain_text("'1,5' is not a number")
    expect(page.get_by_role("button", name="Check")).to_be_focused()
    area.fill("{")
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#check")).to_contain_text("the text ends in the middle of a value")
    area.fill('{"id": 1, "amount": "1.50"}')
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("This row would be stored.")).to_be_visible()
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("1 row tried: 1 stored, 0 still bad, 0 there already.")).to_be_visible()
    expect(page.get_by_text("Replayed 20")).to_contain_text("by admin")

    page.locator("main").get_by_role("link", name="Rejected rows", exact=True).click()
    page.get_by_label("Field", exact=True).select_option("any field")
    page.get_by_label("Code", exact=True).select_option("any code")
    page.get_by_role("button", name="Filter").click()
    expect(ids(page)).to_have_text(["3", "2"])
    page.get_by_role("button", name="Check all 2").click()
    expect(page.get_by_role("status")).to_contain_text("2 rows checked: 0 would be stored, 2 are still bad.")
    page.get_by_role("link", name="Edit the schema of note").click()
    field = page.get_by_role("group", name="Field note")
    expect(field.get_by_label("Type")).to_be_focused()
    field.get_by_text("Rules").click()
    field.get_by_label("Maximum length").fill("40")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Rejected 2").click()
    assert (stocked.server.connectors / f"{orders}.yaml").read_text() == MENDED
    page.get_by_role("button", name="Check all 2").click()
    expect(page.get_by_role("status")).to_contain_text("2 rows checked: 2 would be stored, 0 are still bad.")
    page.get_by_role("button", name="Replay all 2 of this filter").click()
    expect(page.get_by_role("status")).to_contain_text("2 rows tried: 2 stored")
    assert counts(page) == ["0", "3", "0"]
    expect(page.get_by_role("link", name=re.compile("^Rejected 0"))).to_be_visible()


@at_root
def test_rows_are_discarded_with_the_keyboard(open_page, stocked: Portal, orders, complaints):
    """Use the keyboard alone; Enter in a field presses no button, and Enter on a box one that changes nothing."""
    complaints.expect("status of 404")
    page = open_page(f"-/console/connectors/{orders}/rejected")
    page.keyboard.press("Tab")
    sign_in_by_keyboard(page, stocked)
    tab_to(page, page.get_by_label("Choose row 3"))
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Nothing was stored.")
    assert counts(page) == ["3", "0", "0"]
    every = page.get_by_label("Choose all rows of this page")
    discard = page.get_by_role("button", name=re.compile("^Discard . chosen"))
    expect(discard).to_be_disabled()
    tab_to(page, every)
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Replay 3 chosen")).to_be_enabled()
    tab_to(page, page.get_by_label("Choose row 3"))
    page.keyboard.press("Space")
    expect(every).to_have_js_property("indeterminate", value=True)
    tab_to(page, page.get_by_label("Reason"))
    page.keyboard.press("Enter")
    page.keyboard.type("test rows")
    page.keyboard.press("Enter")
    assert counts(page) == ["3", "0", "0"]
    tab_to(page, page.get_by_role("button", name="Discard 2 chosen"))
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_contain_text("2 rows discarded: test rows")
    assert counts(page) == ["1", "0", "2"]


def sign_in_by_keyboard(page: Page, stocked: Portal) -> None:
    tab_to(page, page.get_by_role("link", name="Sign in").first)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(stocked.secret("admin"))
    page.keyboard.press("Enter")


def tab_to(page: Page, wanted) -> None:
    expect(wanted).to_be_visible()
    for _ in range(60):
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the keyboard does not reach it")


@at_root
def test_pages_of_rejected_rows_are_accessible(open_page, stocked: Portal, orders):
    """Check both pages in both colors, on a phone and a desktop; neither scrolls sideways."""
    page = open_page(viewport=PHONE)
    sign_in(page, stocked)
    for path, size in (("rejected?_batch=gte.1&state=in.(kept,replayed)", DESKTOP), ("rejected/2", PHONE)):
        page.goto(f"-/console/connectors/{orders}/{path}")
        for each in (PHONE, DESKTOP):
            page.set_viewport_size(each)
            assert page.evaluate("() => document.documentElement.scrollWidth") == each["width"]
        page.set_viewport_size(size)
        assert violations_of(page) == []
    expect(page.locator("pre").first).to_contain_text("much too long \\u202e")


@at_root
def test_long_words_are_no_wider_than_a_desktop(open_page, stocked: Portal, name):
    """Show a value, an enum, a default, and descriptions without a blank; no page and no table scrolls sideways."""
    word = "w" * 600
    fields = f"""
  code: {{type: string, enum: [a, {word}], default: {word}, description: {word}}}
  a_field_with_a_long_name_for_the_middle_of_a_table: {{type: integer, description: {"x " * 300}}}
"""
    stocked.server.declare(
        name, f"description: {word}\nfields:{fields}on_invalid: keep\naccess: {{read: [guest]}}\n"
    )
    assert stocked.server.client.post(f"/{name}", json=[{"code": word[1:], word[2:]: 1}]).status_code == 207
    page = open_page()
    sign_in(page, stocked)
    for path in ("", "/api", "/rejected", "/rejected/1", "/history", "/batches"):
        page.goto(f"-/console/connectors/{name}{path}")
        for width in (768, 1100):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("() => document.documentElement.scrollWidth") == width, path
            boxes = page.locator(".scroll").all() if "rejected" in path else []
            assert all(box.evaluate("(box) => box.scrollWidth <= box.clientWidth") for box in boxes), path
    page.goto("-/console/status")
    page.set_viewport_size({"width": 768, "height": 800})
    assert page.evaluate("() => document.documentElement.scrollWidth") == 768


@at_root
def test_forms_work_without_javascript(open_page, stocked: Portal, orders):
    page = open_page(java_script_enabled=False)
    sign_in(page, stocked)
    page.goto(f"-/console/connectors/{orders}/rejected")
    expect(page.get_by_label("Choose all rows of this page")).to_be_hidden()
    page.get_by_label("Choose row 2").check()
    page.get_by_role("button", name=re.compile("^Replay +chosen")).click()
    expect(page.get_by_role("status")).to_contain_text("1 row tried: 0 stored, 1 still bad")
    page.get_by_role("link", name="Row 2").click()
    page.get_by_label("The row as JSON").fill('{"id": 2, "amount": 2}')
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("This row would be stored.")).to_be_visible()
    page.get_by_role("link", name="Newer row 3").click()
    page.get_by_label("Reason").fill("a <b>test</b>")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("status")).to_contain_text("1 row discarded: a <b>test</b>")
    expect(page.get_by_role("button", name="Replay")).to_have_count(0)


@at_root
def test_typed_text_outlasts_signing_out(open_page, stocked: Portal, orders, complaints):
    """Sign out in another tab, check and replay, sign in there, and replay once more."""
    complaints.expect("status of 404")
    page = open_page()
    sign_in(page, stocked)
    page.goto(f"-/console/connectors/{orders}/rejected/1")
    page.get_by_label("The row as JSON").fill('{"id": 1, "amount": 5}')
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#check")).to_contain_text(
        "You are signed out; nothing was stored. Sign in in another tab"
    )
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_label("The text that you typed")).to_have_value('{"id": 1, "amount": 5}')
    assert violations_of(page) == []
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in in another tab").click()
    opened.value.get_by_label("Token").fill(stocked.secret("admin"))
    opened.value.get_by_role("button", name="Sign in").click()
    expect(opened.value.get_by_role("heading", level=2)).to_have_text("Rejected row 1")
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("1 row tried: 1 stored, 0 still bad, 0 there already.")).to_be_visible()


@at_root
def test_filter_keeps_line_breaks_of_another_one(open_page, stocked: Portal, orders):
    """Filter by a field: a browser writes the line breaks of a field as CRLF."""
    page = open_page()
    sign_in(page, stocked)
    page.goto(f"-/console/connectors/{orders}/rejected?raw=not.like.*a%0Ab*")
    page.get_by_label("Field", exact=True).select_option("amount")
    page.get_by_role("button", name="Filter", exact=True).click()

    assert "?raw=not.like.%2Aa%0Ab%2A&" in page.url
    expect(ids(page)).to_have_text(["1"])


@at_root
def test_row_that_another_settled_is_explained(open_page, stocked: Portal, orders, complaints):
    complaints.expect("status of 409")
    page = open_page()
    sign_in(page, stocked)
    page.goto(f"-/console/connectors/{orders}/rejected/1")
    done = stocked.server.client.post(
        f"/-/connectors/{orders}/rejected/discard?_id=eq.1", json={"reason": "by another person"}
    )
    assert done.json()["discarded"] == 1
    page.get_by_role("button", name="Replay").click()

    expect(page.get_by_role("alert")).to_contain_text("Row 1 was discarded meanwhile; nothing was done")
    expect(page.get_by_text("by another person")).to_be_visible()
