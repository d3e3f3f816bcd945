"""Rows in a real browser, at the root of a host and below the prefix of a proxy: flights that left New York City."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.conftest import Portal
from tests.console.test_rows import HOSTILE
from tests.endpoints.test_flights import source, typed
from tests.support.browser import violations_of
from tests.support.server import ROOT

FLIGHTS = 1500
ROWS = "-/console/connectors/departures/rows"
PHONE = {"width": 375, "height": 700}
at_root = pytest.mark.parametrize("gateway_url", ["root"], indirect=True)


@pytest.fixture(scope="session")
def flights(shapes: Portal) -> list[dict]:
    """Flights that `guest` may read, at `/departures`."""
    text = (ROOT / "connectors.d/flights.yaml").read_text().replace("[public]", "[guest]")
    shapes.server.declare("departures", text)
    rows = typed("flights", *source("flights", FLIGHTS))
    assert shapes.server.client.post("/departures", json=rows).is_success
    return rows


@pytest.fixture(scope="session")
def signs(shapes: Portal) -> None:
    """Values that are hard to show, at `/signs`."""
    fields = "{text: string, extra: json, tags: 'string[]', note: {type: string, nullable: true}}"
    shapes.server.declare("signs", f"{{fields: {fields}, access: {{read: [public]}}}}")
    rows = [{"text": text, "extra": {text: "y" * 300}, "tags": [text] * 9, "note": None} for text in HOSTILE]
    assert shapes.server.client.post("/signs", json=rows).is_success


@pytest.fixture(params=["root", "prefix"])
def gateway_url(shapes: Portal, request: pytest.FixtureRequest) -> str:
    return shapes.urls[request.param]


def cells(page: Page, number: int) -> Locator:
    """The cells of a column, counted from 1."""
    return page.locator(f"table.rows tbody td:nth-child({number + 1})")


def choose(page: Page, field: str, operator: str, value: str) -> None:
    page.get_by_label("Field", exact=True).select_option(field)
    page.get_by_label("Operator", exact=True).select_option(operator)
    page.get_by_label("Value", exact=True).fill(value)
    page.get_by_role("button", name="Filter").click()


def menu(page: Page, column: str, entry: str) -> None:
    page.get_by_role("columnheader", name=re.compile(f"^{column}\\b")).locator("summary").click()
    page.get_by_role("link", name=entry).click()


def test_rows_are_explored_from_filter_to_download(
    open_page, shapes, flights, gateway_url, tmp_path, complaints
):
    complaints.expect("status of 404")
    page = open_page(ROWS.replace("/rows", "/api"))
    page.get_by_role("link", name="sign in", exact=True).click()
    page.get_by_label("Token").fill(shapes.secret("guest"))
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Rows", exact=False).first.click()
    expect(page.locator(".total")).to_have_text("1,500 rows")
    assert page.url == gateway_url + ROWS

    choose(page, "carrier", "eq", "UA")
    united = [each for each in flights if each["carrier"] == "UA"]
    expect(page.locator(".total")).to_have_text(f"{len(united)} rows")
    page.get_by_role("link", name="distance", exact=True).click()
    page.get_by_role("link", name="distance", exact=True).click()
    expect(page.get_by_role("columnheader", name=re.compile("^distance"))).to_have_attribute(
        "aria-sort", "descending"
    )
    assert page.url == f"{gateway_url}{ROWS}?carrier=eq.UA&order=distance.desc"
    farthest = sorted((str(each["distance"]) for each in united), key=int, reverse=True)
    expect(cells(page, 16)).to_have_text(farthest[:50])

    page.get_by_role("link", name="Next").click()
    expect(cells(page, 16)).to_have_text(farthest[50:100])
    page.get_by_role("link", name="Next").click()
    page.get_by_role("link", name="Previous").click()
    expect(cells(page, 16)).to_have_text(farthest[50:100])
    page.go_back()
    expect(cells(page, 16)).to_have_text(farthest[100:150])
    page.get_by_role("link", name="First").click()
    expect(cells(page, 16)).to_have_text(farthest[:50])

    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    download.value.save_as(tmp_path / "rows.csv")
    assert download.value.suggested_filename == "departures.csv"
    with Path(tmp_path / "rows.csv").open() as file:
        assert [row["distance"] for row in csv.DictReader(file)] == farthest

    menu(page, "dest", "Hide dest")
    expect(page.get_by_role("columnheader", name="dest")).to_have_count(0)
    page.get_by_text("Columns…").click()
    for name in ("year", "month", "day"):
        page.get_by_role("checkbox", name=name, exact=True).uncheck()
    page.get_by_role("checkbox", name="_batch").check()
    page.get_by_role("button", name="Show these columns").click()
    heads = page.get_by_role("columnheader").locator("a[title]")
    expect(heads).to_have_count(16)
    assert heads.last.inner_text() == "_batch"


def test_values_lead_to_rows_and_to_one_row(open_page, shapes, flights, gateway_url):
    page = open_page(ROWS, extra_http_headers={"Authorization": f"Bearer {shapes.secret('guest')}"})
    menu(page, "origin", "Values of origin")
    counts = {name: str(sum(each["origin"] == name for each in flights)) for name in ("EWR", "JFK", "LGA")}
    expect(cells(page, 2)).to_have_text(sorted(counts.values(), key=int, reverse=True))
    names, numbers = (cells(page, number).all_inner_texts() for number in (1, 2))
    assert dict(zip(names, numbers, strict=True)) == counts

    page.get_by_role("row", name="JFK").get_by_role("link", name="Rows").click()
    expect(page.locator(".total")).to_have_text(f"{counts['JFK']} rows")
    assert page.url == f"{gateway_url}{ROWS}?origin=eq.JFK"
    first = next(number for number, each in enumerate(flights, 1) if each["origin"] == "JFK")
    page.get_by_role("rowheader").first.get_by_role("link").click()
    assert page.url == f"{gateway_url}{ROWS}/{first}"
    expect(page.locator("#value-12")).to_have_text(flights[first - 1]["tailnum"])
    assert f"'{gateway_url}departures?select=" in page.locator("#curl").inner_text()
    page.get_by_role("link", name="Rows of batch").click()
    expect(page.locator(".total")).to_have_text("1,500 rows")


def test_wrong_filter_is_explained_and_removed(open_page, signs, gateway_url, complaints):
    complaints.expect("status of 400")
    page = open_page("-/console/connectors/signs/rows?order=text")
    choose(page, "text", "cs", "{1}")

    expect(page.get_by_role("alert")).to_contain_text("'cs' is not defined for 'text', which is string")
    assert violations_of(page) == []
    assert page.get_by_label("Value", exact=True).input_value() == "{1}"
    choose(page, "tags", "cs", "{null}")
    assert page.url == f"{gateway_url}-/console/connectors/signs/rows?tags=cs.%7Bnull%7D&order=text"
    page.get_by_role("link", name="Remove tags=cs.{null}").click()
    assert page.url == f"{gateway_url}-/console/connectors/signs/rows?order=text"
    expect(page.locator(".total")).to_have_text(f"{len(HOSTILE)} rows")


@at_root
def test_rows_work_without_javascript(open_page, shapes, flights):
    headers = {"Authorization": f"Bearer {shapes.secret('guest')}"}
    page = open_page(ROWS, extra_http_headers=headers, java_script_enabled=False)
    choose(page, "month", "is", "not_null")
    page.get_by_role("link", name="Count all rows").click()
    expect(page.locator(".total")).to_have_text("1,500 rows")
    page.get_by_role("link", name="dep_delay", exact=True).click()
    page.get_by_role("link", name="Next").click()
    page.get_by_role("link", name="Previous").click()

    earliest = sorted(each["dep_delay"] for each in flights if each["dep_delay"] is not None)
    expect(cells(page, 6)).to_have_text([str(value) for value in earliest[:50]])
    menu(page, "dep_delay", "Is null dep_delay")
    expect(cells(page, 6).first).to_have_text("null")
    assert set(cells(page, 6).all_inner_texts()) == {"null"}


@at_root
def test_forms_keep_line_breaks_of_a_filter(open_page, signs, gateway_url):
    """Send each form that keeps filters: a browser writes the line breaks of a field as CRLF."""
    kept = "text=eq.line%0Aline%0D%0A%09tab"
    page = open_page(f"-/console/connectors/signs/rows?{kept}")
    expect(page.locator(".total")).to_have_text("1 row")
    choose(page, "text", "gte", "l")
    page.get_by_text("Rows a page").click()
    page.get_by_role("combobox", name="Rows").select_option("100")
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_text("Columns…").click()
    page.get_by_role("checkbox", name="tags").uncheck()
    page.get_by_role("button", name="Show these columns").click()
    expect(page.locator(".total")).to_have_text("1 row")
    shown = page.url.partition("?")[2]
    assert shown == f"{kept}&text=gte.l&limit=100&select=text,extra,note"

    page.get_by_text("Use elsewhere").click()
    page.get_by_role("link", name="API page of this query").click()
    page.get_by_role("button", name="Apply").click()
    assert (
        page.url.partition("?")[2].partition("#")[0] == f"{kept}&text=gte.l&select=text,extra,note&limit=100"
    )


@at_root
def test_rows_are_explored_with_the_keyboard(open_page, shapes, flights):
    page = open_page(ROWS, extra_http_headers={"Authorization": f"Bearer {shapes.secret('guest')}"})
    page.get_by_label("Field", exact=True).focus()
    page.keyboard.type("dest")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("MIA")
    page.keyboard.press("Enter")
    count = sum(each["dest"] == "MIA" for each in flights)
    expect(page.locator(".total")).to_have_text(f"{count} rows")

    page.get_by_role("region", name="Rows").focus()
    for key in ("Tab", "Tab", "Enter", "Tab"):  # the name of a column, its menu, and the first entry of that
        page.keyboard.press(key)
    expect(page.get_by_role("link", name="Sort ascending by year")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name=re.compile("^year"))).to_have_attribute(
        "aria-sort", "descending"
    )
    assert "dest=eq.MIA" in page.url


@at_root
def test_copied_value_has_its_unseen_characters(open_page, signs):
    number = HOSTILE.index("line\nline\r\n\ttab") + 1
    page = open_page(
        f"-/console/connectors/signs/rows/{number}", permissions=["clipboard-read", "clipboard-write"]
    )
    page.get_by_role("button", name="Copy text").click()

    expect(page.get_by_role("button", name="Copy text")).to_have_text("Copied")
    assert page.evaluate("() => navigator.clipboard.readText()") == "line\nline\r\n\ttab"


@at_root
def test_hostile_rows_are_accessible_and_fit_a_phone(open_page, signs):
    page = open_page("-/console/connectors/signs/rows", viewport=PHONE)
    assert page.locator("main img").count() == 0
    for summary in ("Columns…", "Download", "Use elsewhere"):
        page.get_by_text(summary, exact=True).click()
    page.get_by_role("columnheader", name=re.compile("^text")).locator("summary").click()
    assert violations_of(page) == []
    widths = [page.evaluate("() => document.documentElement.scrollWidth")]
    page.get_by_role("link", name="[more]").first.click()
    assert violations_of(page) == []
    widths.append(page.evaluate("() => document.documentElement.scrollWidth"))

    assert widths == [PHONE["width"]] * 2
